using Bsp.Benchmarks.Chaos;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// The short form of <c>./bench chaos-sending</c>: two API processes of an installation of its own. A day of Meta's is twenty seconds.
/// </summary>
public sealed class ChaosSendingTests
{
    [Fact]
    public async Task Whatever_is_killed_everybody_ends_once_and_the_portfolio_keeps_its_limit_by_Metas_own_books()
    {
        var ct = TestContext.Current.CancellationToken;
        var day = TimeSpan.FromSeconds(20);
        await using var installation = await ChaosSending.StartAsync(day, ct);

        var result = await ChaosSending.RunAsync(installation, seed: 15, recipients: 1_200, day, TimeSpan.FromSeconds(20), ct);

        TestContext.Current.SendDiagnosticMessage(result.ToString());
        result.Faults.ShouldBeEmpty(result.ToString());
        result.Kills.ShouldBeGreaterThan(2, result.ToString());
        result.Most.ShouldBeInRange(1, result.Limit);
    }
}
