using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.EventStore;

namespace Bsp.UnitTests.EventStore;

/// <summary>
/// <c>golden/*.json</c> are bodies as they lie in databases: what a build writes into the log, every later one must read. They are made
/// once (<c>BSP_WRITE_SCHEMAS=1</c>, only
/// where missing) and never changed.
/// </summary>
public sealed class GoldenEventTests
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = EventTypes.Json.Encoder };

    public static TheoryData<string> Names => [.. EventTypes.All.Keys.Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_stored_body_is_read_and_written_back_equal(string name)
    {
        var file = Repository.Path("tests", "UnitTests", "EventStore", "golden", name + ".json");
        if (Repository.Writes && !File.Exists(file))
        {
            File.WriteAllText(file,
                JsonSerializer.SerializeToNode(Sample.Of(EventTypes.All[name], whole: true), EventTypes.All[name],
                    EventTypes.Json)!.ToJsonString(Indented) + "\n");
        }

        File.Exists(file).ShouldBeTrue($"{file} is missing: BSP_WRITE_SCHEMAS=1 ./test GoldenEvent writes it.");
        var golden = JsonNode.Parse(File.ReadAllBytes(file))!;
        var body = EventTypes.Read(name, JsonSerializer.SerializeToUtf8Bytes(golden)).ShouldNotBeNull();
        JsonSerializer.SerializeToNode(body, body.GetType(), EventTypes.Json)!.ToJsonString(Indented)
            .ShouldBe(golden.ToJsonString(Indented));
    }

    [Fact]
    public void A_golden_body_outlives_its_record() =>
        Directory.GetFiles(Repository.Path("tests", "UnitTests", "EventStore", "golden"), "*.json").Select(Path.GetFileNameWithoutExtension)
        .ShouldAllBe(name => EventTypes.All.ContainsKey(name!));

    [Fact]
    public void An_unknown_name_is_no_body() => EventTypes.Read("invented_by_a_later_build", "{}"u8).ShouldBeNull();

    [Fact]
    public void A_field_of_a_later_build_does_not_stop_an_older_one() =>
        EventTypes.Read("campaign_paused",
            """{"campaign_id":"0198a000-0000-7000-8000-000000000001","reason":"r","at":"2026-01-02T03:04:05Z","later":1}"""u8)
            .ShouldNotBeNull();
}
