using Bsp.Application.Common;
using System.Collections.Concurrent;

namespace Bsp.Infrastructure.Common;

/// <summary>
/// How the background loop fares in whose work this is called: each says when a round failed and when one worked, and what fails time and
/// again is trouble in health and metrics.
/// Outside of a loop (a test that calls one round) nothing happens.
/// </summary>
internal static class Loop
{
    private static readonly AsyncLocal<LoopState?> Own = new();

    /// <summary>From here on, and in what is called from here, this is the loop.</summary>
    public static void Enter(LoopState state) => Own.Value = state;

    /// <summary>A round failed and is tried again.</summary>
    /// <param name="part">Of several that it does in turns, such as shards.</param>
    public static void Failed(Exception error, string part = "") => Own.Value?.Failed(error, part);

    /// <summary>A round worked.</summary>
    /// <param name="part">As above; null: all of it.</param>
    public static void Worked(string part = "") => Own.Value?.Worked(part);
}

/// <summary>One background loop.</summary>
/// <param name="name">Of its class.</param>
internal sealed class LoopState(string name, TimeProvider clock)
{
    // A round may fail once or twice; when it fails for longer, somebody should look.
    private const int FailuresMin = 3;
    private static readonly TimeSpan Longer = TimeSpan.FromSeconds(30);

    [Bounded("one a part of the loop, such as a shard")]
    private readonly ConcurrentDictionary<string, (int Failures, DateTimeOffset Since, string Error)> failing = new();
    private long restarts;

    public string Name => name;

    /// <summary>Times that it ended and was begun afresh.</summary>
    public long Restarts => Interlocked.Read(ref restarts);

    /// <summary>What its last failing round said; null: none fails.</summary>
    public string? Error => failing.Values.OrderByDescending(f => f.Failures).Select(f => f.Error).FirstOrDefault();

    /// <summary>It fails time and again.</summary>
    public bool IsTrouble => failing.Values.Any(f => f.Failures >= FailuresMin || clock.GetUtcNow() - f.Since >= Longer);

    public void Failed(Exception error, string part) =>
        failing.AddOrUpdate(part, _ => (1, clock.GetUtcNow(), error.Message), (_, before) =>
            (before.Failures + 1, before.Since, error.Message));

    public void Worked(string part) => failing.TryRemove(part, out _);

    /// <summary>It ended by an error, and is begun afresh.</summary>
    public void Ended(Exception error)
    {
        Interlocked.Increment(ref restarts);
        Failed(error, EndedPart);
    }

    /// <summary>It has run for long enough: that it ended is over.</summary>
    public void Runs() => Worked(EndedPart);

    private const string EndedPart = "\0ended";
}
