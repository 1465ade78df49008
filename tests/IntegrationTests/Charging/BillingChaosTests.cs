using Bsp.Benchmarks.Chaos;
using Bsp.LocalStores;

namespace Bsp.IntegrationTests.Charging;

/// <summary>
/// The short form of <c>./bench chaos-events --billing</c>: real processes and a PostgreSQL of its own, killed with -9. A failure names the
/// seed.
/// </summary>
public sealed class BillingChaosTests
{
    [Fact]
    public async Task Whoever_is_killed_and_however_the_clock_jumps_every_message_period_and_payment_is_in_the_books_once()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var stores = await Stores.StartAsync(new(StoresOptions.ForTests().Directory) { Start = StoreKinds.Postgres }, ct);

        var result = await ChaosBilling.RunAsync(stores, seed: 11, TimeSpan.FromSeconds(8), ct);

        TestContext.Current.SendDiagnosticMessage(result.ToString());
        result.Faults.ShouldBeEmpty(result.ToString());
        (result.Messages > 0 && result.Deaths > 0).ShouldBeTrue(result.ToString());
    }
}
