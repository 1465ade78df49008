using Bsp.Benchmarks.Chaos;
using Bsp.LocalStores;

namespace Bsp.IntegrationTests.EventStore;

/// <summary>
/// The short form of <c>./bench chaos-events</c>: a PostgreSQL of its own, killed with its writers. A failure names the seed.
/// </summary>
public sealed class ChaosTests
{
    private const int FixedSeed = 7;

    [Theory]
    [InlineData(FixedSeed)]
    [InlineData(null)]
    public async Task Whoever_is_killed_nothing_acknowledged_is_lost_doubled_or_seen_out_of_order(int? seed)
    {
        var ct = TestContext.Current.CancellationToken;
        await using var stores = await Stores.StartAsync(new(StoresOptions.ForTests().Directory) { Start = StoreKinds.Postgres }, ct);

        var result = await ChaosEvents.RunAsync(stores, seed ?? Random.Shared.Next(1, 1_000_000), TimeSpan.FromSeconds(6), ct);

        TestContext.Current.SendDiagnosticMessage(result.ToString());
        result.Faults.ShouldBeEmpty(result.ToString());
        result.Written.ShouldBeGreaterThan(0, result.ToString());
        (result.Kills + result.Crashes).ShouldBeGreaterThan(0, result.ToString());
    }

    [Fact]
    public void A_call_that_is_not_whole_is_found()
    {
        ChaosLedger.Halves([("1.2.3x4", 4), ("1.2.4x1", 1)]).ShouldBeEmpty();
        ChaosLedger.Halves([("1.2.3x4", 3), ("1.2.4x1", 2), ("1.2.5", 5), ("1.2.6x2", 2)]).Count().ShouldBe(3);
    }
}
