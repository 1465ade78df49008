using System.Runtime.CompilerServices;
using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Domain.Messages;
using Bsp.Domain.Templates;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.EventStore.Marten;
using JasperFx;
using Marten;
using Marten.Events;

namespace Bsp.UnitTests.EventStore;

/// <summary>Marten and the lanes write the same names and the same bodies, whichever of them carries a stream.</summary>
public sealed class LogRegistryTests
{
    private static readonly StoreOptions Options = new StoreOptions().Configure(AutoCreate.None);

    public static TheoryData<string> Names => [.. EventTypes.All.Keys.Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_fact_has_the_names_that_the_lanes_give_it(string name)
    {
        var record = EventTypes.All[name];
        var mapping = ((EventGraph)Options.Events).EventMappingFor(record);

        mapping.EventTypeName.ShouldBe(name);
        if (!typeof(ISuperseded).IsAssignableFrom(record))
        {
            mapping.DotNetTypeName.ShouldBe(EventName.Of(RuntimeHelpers.GetUninitializedObject(record)).Dotnet);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_body_is_written_and_read_as_the_lanes_do(string name)
    {
        var type = EventTypes.All[name];
        var golden = File.ReadAllBytes(Repository.Path("tests", "UnitTests", "EventStore", "golden", name + ".json"));
        var body = JsonSerializer.Deserialize(golden, type, EventTypes.Json)!;
        var ours = JsonSerializer.SerializeToElement(body, type, EventTypes.Json);
        var serializer = Options.Serializer();

        JsonElement.DeepEquals(JsonDocument.Parse(serializer.ToJson(body)).RootElement, ours).ShouldBeTrue(serializer.ToJson(body));
        var back = serializer.FromJson(type, new MemoryStream(golden));
        JsonElement.DeepEquals(JsonSerializer.SerializeToElement(back, type, EventTypes.Json), ours).ShouldBeTrue();
    }

    [Fact]
    public void An_aggregate_has_the_stored_name_that_it_says()
    {
        var graph = (EventGraph)Options.Events;
        graph.AggregateAliasFor(typeof(Campaign)).ShouldBe(Campaign.StreamType);
        graph.AggregateAliasFor(typeof(Template)).ShouldBe(Template.StreamType);
    }

    [Fact]
    public void People_decide_by_Marten_and_machines_report_by_lanes()
    {
        LogRegistry.Carries(typeof(Campaign)).ShouldBeTrue();
        LogRegistry.Carries(typeof(Template)).ShouldBeTrue();
        LogRegistry.Carries(typeof(LedgerHead)).ShouldBeTrue();
        LogRegistry.Carries(typeof(Message)).ShouldBeFalse();
    }
}
