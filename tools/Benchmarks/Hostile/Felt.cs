using System.Collections.Concurrent;
using System.Diagnostics;

namespace Bsp.Benchmarks.Hostile;

/// <summary>What one caller felt: how long each request took, and what was answered otherwise than with 2xx.</summary>
internal sealed class Felt
{
    /// <summary>What the normal organization does.</summary>
    public static readonly string[] Kinds = ["messages", "lists", "webhooks"];

    private readonly ConcurrentQueue<(string Kind, double Milliseconds, string? Bad, TimeSpan Began)> all = new();
    private readonly long began = Stopwatch.GetTimestamp();

    public void Add(string kind, double milliseconds, string? bad) =>
        all.Enqueue((kind, milliseconds, bad, Stopwatch.GetElapsedTime(began) - TimeSpan.FromMilliseconds(milliseconds)));

    /// <summary>The slowest hundredth, in order of time: whether they were slow together, and when.</summary>
    public string Slowest() => string.Join(", ", all.OrderByDescending(f => f.Milliseconds).Take(Math.Max(10, all.Count / 100))
        .OrderBy(f => f.Began).Select(f => $"{f.Began.TotalSeconds:0.0} s {f.Kind} {f.Milliseconds:0} ms"));

    /// <summary>Milliseconds of each request of a kind.</summary>
    public List<double> Times(string kind) => [.. all.Where(f => f.Kind == kind).Select(f => f.Milliseconds)];

    public int Bad(string kind) => all.Count(f => f.Kind == kind && f.Bad is not null);

    /// <summary>What was said instead, the most frequent first.</summary>
    public IEnumerable<string> Said(string kind) => all.Where(f => f.Kind == kind && f.Bad is not null).GroupBy(f => f.Bad)
        .OrderByDescending(g => g.Count()).Select(g => $"{g.Count()} × {g.Key}");
}
