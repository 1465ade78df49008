using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.EventStore;
using Bsp.Domain.Audit;
using Bsp.UnitTests.EventStore;

namespace Bsp.UnitTests.CustomerWebhooks;

/// <summary>
/// docs/webhooks holds schema and examples of every public event; <c>BSP_WRITE_SCHEMAS=1 ./test PublicEventTests</c> writes them anew. A
/// field that goes or changes its meaning needs another API version.
/// </summary>
public sealed class PublicEventTests
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = EventTypes.Json.Encoder };

    public static TheoryData<string> Names => [.. PublicEvents.All.Append(PublicEvents.Test).Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_documents_show_the_schema_and_bodies_as_they_are_rendered(string name)
    {
        var type = PublicEvents.All.Append(PublicEvents.Test).Single(t => t.Name == name);
        var schema = PublicSchemas.Of(type);
        schema["examples"] =
            new JsonArray([.. Examples(type).Select(told => JsonNode.Parse(PublicJson.Body(told, thin: false, epoch: 1)))]);
        schema["x-thin-example"] = JsonNode.Parse(PublicJson.Body(Examples(type)[0], thin: true, epoch: 1));
        var text = schema.ToJsonString(Indented) + "\n";
        var file = Repository.Path("docs", "webhooks", PublicJson.Version, name + ".json");
        if (Repository.Writes)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text);
        }

        File.Exists(file).ShouldBeTrue($"{file} is missing: BSP_WRITE_SCHEMAS=1 ./test PublicEventTests writes it.");
        File.ReadAllText(file).ShouldBe(text);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Bodies_have_what_the_schema_requires_and_nothing_that_it_does_not_name(string name)
    {
        var type = PublicEvents.All.Append(PublicEvents.Test).Single(t => t.Name == name);
        var data = PublicSchemas.Of(type)["properties"]!["data"]!.AsObject();
        var required = data["required"]?.AsArray().Select(n => n!.GetValue<string>()).ToList() ?? [];
        foreach (var told in Examples(type))
        {
            var body = JsonNode.Parse(PublicJson.Body(told, thin: false, epoch: 1))!.AsObject();
            body["type"]!.GetValue<string>().ShouldBe(name);
            body["id"]!.GetValue<string>().ShouldBe($"evt_{told.Stored.Id:N}");
            var fields = body["data"]!.AsObject().Select(f => f.Key).ToList();
            required.Except(fields).ShouldBeEmpty();
            fields.Except(data["properties"]!.AsObject().Select(p => p.Key)).ShouldBeEmpty();
            var thin = JsonNode.Parse(PublicJson.Body(told, thin: true, epoch: 1))!["data"]!.AsObject();
            thin.Count.ShouldBeGreaterThan(0);
            foreach (var (key, id) in thin)
            {
                key.ShouldEndWith("_id");
                Guid.TryParse(id!.GetValue<string>(), out _).ShouldBeTrue();
            }
        }
    }

    [Fact]
    public void No_schema_is_left_of_a_type_that_is_gone() =>
        Directory.GetFiles(Repository.Path("docs", "webhooks", PublicJson.Version), "*.json")
        .Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal)
            .ShouldBe(PublicEvents.All.Append(PublicEvents.Test).Select(t => t.Name).Order(StringComparer.Ordinal));

    [Fact]
    public void The_documentation_lists_every_type()
    {
        var text = File.ReadAllText(Repository.Path("docs", "webhooks.md"));
        PublicEvents.All.Where(t => !text.Contains($"`{t.Name}`", StringComparison.Ordinal)).Select(t => t.Name).ShouldBeEmpty();
    }

    [Fact]
    public void Every_stored_fact_is_told_or_is_internal_because_of_something()
    {
        var told = PublicEvents.StoredNames.ToHashSet(StringComparer.Ordinal);
        var names = EventTypes.All.Keys.ToHashSet(StringComparer.Ordinal);
        names.Where(n => !told.Contains(n) && !InternalEvents.All.ContainsKey(n)).ShouldBeEmpty(
            "a new fact is told to organizations (PublicEvents), or InternalEvents says why not");
        InternalEvents.All.Keys.Where(told.Contains).ShouldBeEmpty("it is told, so it is not internal: take it off InternalEvents");
        InternalEvents.All.Keys.Except(names).ShouldBeEmpty("there is no such fact");
        InternalEvents.All.Values.ShouldAllBe(because => because.Length > 10);
    }

    [Theory]
    [InlineData("*", "message.sent", true)]
    [InlineData("message.*", "message.sent", true)]
    [InlineData("message.sent", "message.sent", true)]
    [InlineData("message.*", "messages.sent", false)]
    [InlineData("campaign.*", "message.sent", false)]
    public void A_subscription_means_a_type_a_family_or_all(string pattern, string type, bool matches) =>
        PublicEvents.Matches([pattern], type).ShouldBe(matches);

    [Theory]
    [InlineData("nonsense.*")]
    [InlineData("message")]
    [InlineData("message.")]
    [InlineData("message.sen")]
    [InlineData("**")]
    [InlineData("webhook.test")]
    [InlineData("")]
    [InlineData(null)]
    public void What_names_no_type_is_no_subscription(string? pattern) => PublicEvents.IsSubscription(pattern).ShouldBeFalse();

    // Every stored fact behind the type, with all its fields and with the fewest.
    private static List<PublicEvent> Examples(PublicType type)
    {
        if (type == PublicEvents.Test)
        {
            return [new(Stored("webhook.test", new object(), sequence: 0), type.Name, Guid.Empty, null, null, null,
                new WebhookTestData(new("0198a000-0000-7000-8000-000000000001"), At, "This is a test. Nothing happened."))];
        }

        var examples = type.Stored.SelectMany(name => new[] { true, false }.Select(whole => EventCatalogue.Newest(Body(type, name, whole)))
            .Select(body => PublicEvents.Of(Stored(name, body, 4711)))).OfType<PublicEvent>()
            .DistinctBy(told => Encoding.UTF8.GetString(PublicJson.Body(told, false, 1))).ToList();
        examples.ShouldNotBeEmpty($"{type.Name}: no stored fact is told as it");
        examples.ShouldAllBe(told => told.Type == type.Name && told.Data.GetType() == type.Data);
        return examples;
    }

    private static object Body(PublicType type, string name, bool whole) => name == "administrative_act_done"
        ? new AdministrativeActDone(type.Name, "platform", null, type.Name.Split('.')[0], new("0198a000-0000-7000-8000-000000000002"),
            whole ? ["status"] : null, At)
        : Sample.Of(EventTypes.All[name], whole);

    private static readonly DateTimeOffset At = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    private static StoredEvent Stored(string name, object body, long sequence) =>
        new(sequence, new("0198a000-0000-7000-8000-00000000e0e0"), new("0198a000-0000-7000-8000-00000000a0a0"),
            new("0198a000-0000-7000-8000-00000000b0b0"), 1, name, body, At, EventMetadata.None);
}
