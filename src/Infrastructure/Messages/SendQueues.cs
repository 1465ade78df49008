using System.Globalization;
using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Queue;
using Bsp.Infrastructure.Redis;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Messages;

/// <summary>Says in this process that a line has work.</summary>
public sealed class SendSignal : WorkSignal;

/// <summary>
/// The queues of sending, one a number: <c>messages-{account}</c>, with the account's id in braces, so that all keys of a queue lie on one
/// node of a cluster. Which of them have work stands in <c>bsp:send_queues</c> (sorted set of <c>organization/account</c>, score: Unix ms
/// at which to look): only a hint, put right by whoever enqueues and by every look.
/// </summary>
public sealed class SendQueues(RedisConnection redis, SendSignal signal, MessageQueue common, TimeProvider clock)
{
    /// <summary>The list of lines.</summary>
    public const string Registry = "bsp:send_queues";

    /// <summary>Lines that one process looks after.</summary>
    public const int LinesMax = 10_000;

    private const string IdleScript = """
        -- KEYS[1]: the list of lines. ARGV: the line, the score that was seen, the next one ('' removes it). Somebody who enqueued
        -- meanwhile wrote another score, and it stays. Returns 1 when done.
        if redis.call('TYPE', KEYS[1]).ok ~= 'zset' then redis.call('DEL', KEYS[1]) return 1 end
        local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
        if score and tonumber(score) ~= tonumber(ARGV[2]) then return 0 end
        if ARGV[3] == '' then redis.call('ZREM', KEYS[1], ARGV[1]) else redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) end
        return 1
        """;

    [Bounded("LinesMax; then it begins anew")]
    private readonly System.Collections.Concurrent.ConcurrentDictionary<Guid, MessageQueue> queues = new();

    /// <summary>Name of a number's queue; its keys are <c>bull:{name}:…</c>.</summary>
    public static string NameOf(Guid accountId) => $"{Prefix}{accountId}}}";

    private const string Prefix = "messages-{";

    /// <summary>The number of one of these queues.</summary>
    internal static Guid AccountOf(MessageQueue queue) => Guid.Parse(queue.Name.AsSpan(Prefix.Length, 36));

    /// <summary>A number's queue.</summary>
    public MessageQueue Of(Guid accountId)
    {
        if (queues.Count >= LinesMax)
        {
            queues.Clear();
        }

        return queues.GetOrAdd(accountId, id => new(redis, clock, NameOf(id), SendWorker.LockDuration));
    }

    /// <summary>These lines have work now; after it was put into them.</summary>
    public async Task AnnounceAsync(IReadOnlyCollection<(Guid OrganizationId, Guid AccountId)> lines, CancellationToken ct)
    {
        var db = await redis.DatabaseAsync(ct);
        await ListedAsync(db, () => db.SortedSetAddAsync(Registry,
            [.. lines.Select(l => new SortedSetEntry(Member(l.OrganizationId, l.AccountId), NowMs))]));
        signal.Raise();
    }

    /// <summary>Lines that are to be looked at now, with the score that was seen.</summary>
    internal async Task<IReadOnlyList<(Guid OrganizationId, Guid AccountId, double Seen)>> DueAsync(CancellationToken ct)
    {
        var db = await redis.DatabaseAsync(ct);
        var due = await ListedAsync(db, () =>
            db.SortedSetRangeByScoreWithScoresAsync(Registry, double.NegativeInfinity, NowMs, take: LinesMax));
        var lines = new List<(Guid, Guid, double)>(due.Length);
        foreach (var entry in due)
        {
            if (Read(entry.Element) is var (organization, account))
            {
                lines.Add((organization, account, entry.Score));
            }
            else
            {
                await db.SortedSetRemoveAsync(Registry, entry.Element); // written by a stranger
            }
        }

        return lines;
    }

    /// <summary>How many lines there are, and the first that are to be looked at, with when.</summary>
    internal async Task<(long All, IReadOnlyList<(Guid OrganizationId, Guid AccountId, DateTimeOffset At)> First)> ListAsync(int max,
        CancellationToken ct)
    {
        var db = await redis.DatabaseAsync(ct);
        var all = await ListedAsync(db, () => db.SortedSetLengthAsync(Registry));
        var first = await ListedAsync(db, () => db.SortedSetRangeByRankWithScoresAsync(Registry, 0, max - 1));
        var lines = new List<(Guid, Guid, DateTimeOffset)>(first.Length);
        foreach (var entry in first)
        {
            if (Read(entry.Element) is var (organization, account))
            {
                var score = Math.Clamp(entry.Score, 0, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds());
                lines.Add((organization, account, DateTimeOffset.FromUnixTimeMilliseconds((long)score)));
            }
        }

        return (all, lines);
    }

    /// <summary>Nothing was found in the line: it is looked at again then, or never unless somebody announces it (null).</summary>
    internal async Task RestAsync(SendLine line, DateTimeOffset? until, CancellationToken ct)
    {
        var db = await redis.DatabaseAsync(ct);
        await db.ScriptEvaluateAsync(IdleScript, [Registry],
            [Member(line.OrganizationId, line.AccountId), line.Seen.ToString("R", CultureInfo.InvariantCulture),
                until is { } at ? at.ToUnixTimeMilliseconds() : ""]);
    }

    /// <summary>
    /// Whether somebody paused the common queue (<c>messages</c>, as the specification has it): then nothing is sent from any.
    /// </summary>
    internal async Task<bool> IsPausedAsync(CancellationToken ct)
    {
        try
        {
            return await (await redis.DatabaseAsync(ct)).HashExistsAsync($"bull:{common.Name}:meta", "paused");
        }
        catch (RedisServerException)
        {
            return false; // no hash: a stranger wrote it
        }
    }

    private double NowMs => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private static RedisValue Member(Guid organizationId, Guid accountId) => $"{organizationId}/{accountId}";

    private static (Guid, Guid)? Read(RedisValue member) => member.ToString().Split('/') is [var organization, var account]
        && Guid.TryParse(organization, out var o) && Guid.TryParse(account, out var a) ? (o, a) : null;

    // What lies in its place and is no sorted set, a stranger wrote.
    private static async Task<T> ListedAsync<T>(IDatabase db, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (RedisServerException e) when (e.Message.Contains("WRONGTYPE", StringComparison.Ordinal))
        {
            await db.KeyDeleteAsync(Registry);
            return await work();
        }
    }
}
