using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using Bsp.Application.EventStore;
using Bsp.Domain.Ledger;

namespace Bsp.UnitTests.EventStore;

/// <summary>
/// docs/events holds the JSON schema of every stored event; <c>BSP_WRITE_SCHEMAS=1 ./test EventSchema</c> writes it anew.
/// </summary>
public sealed class EventSchemaTests
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = EventTypes.Json.Encoder };

    public static TheoryData<string> Names => [.. EventTypes.All.Keys.Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_schema_in_the_documents_is_the_records(string name)
    {
        var file = Repository.Path("docs", "events", name + ".json");
        var schema = Schema(name).ToJsonString(Indented) + "\n";
        if (Repository.Writes)
        {
            File.WriteAllText(file, schema);
        }

        File.Exists(file).ShouldBeTrue($"{file} is missing: BSP_WRITE_SCHEMAS=1 ./test EventSchema writes it.");
        File.ReadAllText(file)
            .ShouldBe(schema,
                $"{name} changed. Stored events stay as they are: give a changed fact a new name (…_v2); if old bodies still read the same, BSP_WRITE_SCHEMAS=1 ./test EventSchema.");
    }

    [Fact]
    public void No_schema_is_left_of_an_event_that_is_gone() =>
        Directory.GetFiles(Repository.Path("docs", "events"), "*.json").Select(Path.GetFileNameWithoutExtension)
        .Order(StringComparer.Ordinal).ShouldBe(EventTypes.All.Keys.Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Names))]
    public void What_the_schema_requires_is_in_the_smallest_body(string name)
    {
        var required = Schema(name)["required"]!.AsArray().Select(n => n!.GetValue<string>()).ToList();
        var smallest =
            JsonSerializer.SerializeToNode(Sample.Of(EventTypes.All[name], whole: false), EventTypes.All[name],
                EventTypes.Json)!.AsObject();
        smallest.Select(p => p.Key).Order(StringComparer.Ordinal).ShouldBe(required.Order(StringComparer.Ordinal));
    }

    private static JsonObject Schema(string name)
    {
        EventTypes.Json.MakeReadOnly(populateMissingResolver: true);
        var body = EventTypes.Json.GetJsonSchemaAsNode(EventTypes.All[name],
            new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = LeaveNullsOut }).AsObject();
        var schema = new JsonObject { ["$schema"] = "https://json-schema.org/draft/2020-12/schema", ["title"] = name };
        foreach (var (key, value) in body)
        {
            schema[key] = value?.DeepClone();
        }

        return schema;
    }

    // Nulls are not written, so what may be null is not required. What has a form of its own is a text in that form.
    private static JsonNode LeaveNullsOut(JsonSchemaExporterContext context, JsonNode schema)
    {
        if (context.PropertyInfo?.AttributeProvider?.GetCustomAttributes(typeof(JsonConverterAttribute),
            false) is [JsonConverterAttribute { ConverterType: { } form }])
        {
            return form == typeof(MoneyJson)
                ? new JsonObject { ["type"] = "string", ["pattern"] = @"^-?(0|[1-9]\d{0,11})\.\d{6}$" }
                : new JsonObject { ["type"] = "string", ["format"] = "date-time" };
        }

        if (schema is JsonObject { } node && node["required"] is JsonArray required)
        {
            var always = context.TypeInfo.Properties.Where(p => !p.IsGetNullable).Select(p => p.Name).ToHashSet();
            node["required"] =
                new JsonArray([.. required.Select(n => n!.GetValue<string>()).Where(always.Contains).Select(n => JsonValue.Create(n))]);
        }

        return schema;
    }
}
