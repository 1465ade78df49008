using System.Reflection;
using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;

namespace Bsp.UnitTests.EventStore;

public sealed class SnapshotStateTests
{
    public static TheoryData<Type> States =>
        [.. typeof(SnapshotEveryAttribute).Assembly.GetTypes().Where(t => t.GetCustomAttribute<SnapshotEveryAttribute>() is not null)];

    [Theory]
    [MemberData(nameof(States))]
    public void A_state_that_is_kept_survives_being_written_and_read(Type state)
    {
        state.GetCustomAttribute<SnapshotEveryAttribute>()!.Events.ShouldBeGreaterThanOrEqualTo(10);
        foreach (var whole in new[] { true, false })
        {
            var json = JsonSerializer.SerializeToNode(Sample.Of(state, whole), state, EventTypes.Json)!;
            var read = JsonSerializer.Deserialize(json, state, EventTypes.Json);
            JsonSerializer.SerializeToNode(read, state, EventTypes.Json)!.ToJsonString().ShouldBe(json.ToJsonString());
            json.AsObject().Select(p => p.Key).Count()
                .ShouldBeGreaterThanOrEqualTo(whole ? state.GetConstructors().Max(c => c.GetParameters().Length) : 1);
        }
    }
}
