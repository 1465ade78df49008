using Bsp.Application.Common;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.EventStore;

/// <summary>
/// Events of one shard whose bodies could not be read, so that they are not asked for again with every page: each try lets PostgreSQL print
/// up to 1 GB. A memory, no truth:
/// after five minutes, and after a restart, they are tried again. Decision: docs/decisions/0180.
/// </summary>
internal sealed class UnreadableEvents
{
    /// <summary>
    /// Bytes of the text of a body that is read; a larger one costs more memory than a fact is worth. A webhook, the largest source, has 3
    /// MB.
    /// </summary>
    public const int BodyBytesMax = 16 * 1024 * 1024;

    // Each is compared with each row that is read.
    private const int KeptMax = 1_000;

    // Times that a lone body must have been too much for the server's memory or time before that is taken for the body's fault.
    private const int StrikesMax = 3;
    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(5);
    [Bounded("one a shard of the configuration")]
    private static readonly ConditionalWeakTable<Shard, UnreadableEvents> ByShard = [];

    [Bounded("a thousand events")]
    private readonly ConcurrentDictionary<long, (string Error, long At)> known = new();
    [Bounded("a thousand events")]
    private readonly ConcurrentDictionary<long, int> strikes = new();

    /// <summary>The one of this shard.</summary>
    public static UnreadableEvents Of(Shard shard) => ByShard.GetValue(shard, static _ => new());

    /// <summary>Numbers whose bodies are not to be asked for.</summary>
    public long[] Numbers()
    {
        if (known.IsEmpty)
        {
            return [];
        }

        foreach (var (number, entry) in known)
        {
            if (Stopwatch.GetElapsedTime(entry.At) > KeptFor)
            {
                known.TryRemove(number, out _);
            }
        }

        return [.. known.Keys];
    }

    /// <summary>Why the body of this event cannot be read; null: it can, as far as is known.</summary>
    public string? Find(long sequence) => known.TryGetValue(sequence, out var entry) ? entry.Error : null;

    /// <summary>It cannot be read.</summary>
    public void Note(long sequence, string error)
    {
        if (known.Count < KeptMax)
        {
            known[sequence] = (error, Stopwatch.GetTimestamp());
        }

        strikes.TryRemove(sequence, out _);
    }

    /// <summary>It is asked for again.</summary>
    public void Forget(long sequence) => known.TryRemove(sequence, out _);

    /// <summary>
    /// Judges a body that was asked for alone and refused. True: the body's fault, and noted. False: it may have been the server's; after
    /// three times it is the body's.
    /// </summary>
    public bool Judge(long sequence, PostgresException refused)
    {
        if (IsExhaustion(refused) && strikes.AddOrUpdate(sequence, 1, static (_, n) => n + 1) < StrikesMax)
        {
            return false;
        }

        Note(sequence, $"PostgreSQL cannot give its body: {refused.SqlState} {refused.MessageText}.");
        return true;
    }

    /// <summary>
    /// A row can bring this about, by its body: program limits (54…), data that cannot be printed (22…), damage (XX…), and, told apart by
    /// trying it alone, too little memory or time.
    /// </summary>
    public static bool MayBeOfARow(PostgresException refused) =>
        refused.SqlState is ['5', '4', ..] or ['2', '2', ..] or ['X', 'X', ..] || IsExhaustion(refused);

    private static bool IsExhaustion(PostgresException refused) =>
        refused.SqlState is PostgresErrorCodes.OutOfMemory or PostgresErrorCodes.QueryCanceled;
}
