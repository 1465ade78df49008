using System.Diagnostics;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Waiting for what the whole application will do, on a machine that may be slow.</summary>
internal static class Patience
{
    /// <summary>How long anything may take.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(150);

    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>The first state that is as wanted.</summary>
    /// <exception cref="TimeoutException">none was; the message shows the last</exception>
    public static async Task<T> UntilAsync<T>(Func<Task<T>> look, Func<T, bool> wanted, string what)
    {
        var waited = Stopwatch.StartNew();
        while (true)
        {
            var state = await look();
            if (wanted(state))
            {
                return state;
            }

            if (waited.Elapsed > Deadline)
            {
                throw new TimeoutException($"Not within {Deadline.TotalSeconds:0} s: {what}. Last seen: {state}");
            }

            await Task.Delay(LookEvery);
        }
    }

    /// <summary>
    /// What a view shows comes a moment after what it was read from: the check is repeated until it holds. Past the deadline its own
    /// failure is thrown.
    /// </summary>
    public static async Task SoonAsync(Func<Task> check)
    {
        var waited = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await check();
                return;
            }
            catch (Exception failure) when (failure is ShouldAssertException or InvalidOperationException or KeyNotFoundException
                && waited.Elapsed < Deadline)
            {
                await Task.Delay(LookEvery);
            }
        }
    }
}
