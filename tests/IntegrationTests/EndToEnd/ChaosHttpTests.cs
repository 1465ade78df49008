using Bsp.Benchmarks;
using Bsp.Benchmarks.Chaos;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// The short form of <c>./bench chaos-http</c>: an installation of its own whose PostgreSQL is restarted and killed under callers of every
/// kind. A failure names the seed.
/// </summary>
public sealed class ChaosHttpTests
{
    [Fact]
    public async Task Whatever_becomes_of_PostgreSQL_every_answer_is_true_and_what_was_acknowledged_is_there_once()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var installation = await Installation.StartAsync(ct);

        var result = await ChaosHttp.RunAsync(installation, Random.Shared.Next(1, 1_000_000), TimeSpan.FromSeconds(6), ct);

        TestContext.Current.SendDiagnosticMessage(result.ToString());
        result.Faults.ShouldBeEmpty(result.ToString());
        (result.Restarts + result.Crashes).ShouldBeGreaterThan(0, result.ToString());
        result.Repeated.ShouldBeGreaterThan(0, result.ToString()); // somebody met it
    }
}
