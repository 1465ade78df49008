using Bsp.Benchmarks.Chaos;
using Bsp.LocalStores;

namespace Bsp.IntegrationTests.Archives;

/// <summary>The short form of <c>./bench chaos-retention</c>: a real process, killed with -9. A failure names the seed.</summary>
public sealed class RetentionChaosTests
{
    [Fact]
    public async Task Whenever_it_is_killed_each_message_is_in_one_archive_and_the_log_holds()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var stores = await Stores.StartAsync(new(StoresOptions.ForTests().Directory) { Start = StoreKinds.Postgres }, ct);

        var result = await ChaosRetention.RunAsync(stores, seed: 17, messages: 3_000, TimeSpan.FromSeconds(5), ct);

        TestContext.Current.SendDiagnosticMessage(result.ToString());
        result.Faults.ShouldBeEmpty(result.ToString());
        (result.Archives > 0 && result.Deaths > 0 && result.Written > 0).ShouldBeTrue(result.ToString());
    }
}
