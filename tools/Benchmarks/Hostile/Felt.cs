using System.Collections.Concurrent;

namespace Bsp.Benchmarks.Hostile;

/// <summary>What one caller felt: how long each request took, and what was answered otherwise than with 2xx.</summary>
internal sealed class Felt
{
    /// <summary>What the normal organization does.</summary>
    public static readonly string[] Kinds = ["messages", "lists", "webhooks"];

    private readonly ConcurrentQueue<(string Kind, double Milliseconds, string? Bad)> all = new();

    public void Add(string kind, double milliseconds, string? bad) => all.Enqueue((kind, milliseconds, bad));

    /// <summary>Milliseconds of each request of a kind.</summary>
    public List<double> Times(string kind) => [.. all.Where(f => f.Kind == kind).Select(f => f.Milliseconds)];

    public int Bad(string kind) => all.Count(f => f.Kind == kind && f.Bad is not null);

    /// <summary>What was said instead, the most frequent first.</summary>
    public IEnumerable<string> Said(string kind) => all.Where(f => f.Kind == kind && f.Bad is not null).GroupBy(f => f.Bad)
        .OrderByDescending(g => g.Count()).Select(g => $"{g.Count()} × {g.Key}");
}
