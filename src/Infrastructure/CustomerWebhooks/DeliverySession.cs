using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>How a session ended.</summary>
/// <param name="Pause">Nothing before then, whatever comes; null: none.</param>
/// <param name="Next">A held key's next turn; null: none is held.</param>
/// <param name="Disable">Why the endpoint must be switched off; null: it stays on.</param>
internal sealed record SessionEnd(DateTimeOffset? Pause, DateTimeOffset? Next, int Failures, DateTimeOffset? FirstFailedAt,
    string? LastError, string? Disable);

/// <summary>
/// Tells one endpoint what its cursor has not told it yet, for as long as there is something. Events of a key go one after another, in the
/// log's order; keys go side by side. A key that fails is held
/// with its events, so that the cursor passes; when the endpoint as a whole fails, the cursor stands. One loop decides, deliveries and
/// reads only report to it.
/// </summary>
internal sealed partial class DeliverySession(ClaimedWebhook claim, Endpoint endpoint, Shard shard, SessionParts parts, DeliveryBook book,
    long leaseUntil)
{
    /// <summary>Keys and events that are held for one endpoint, at most: beyond, its cursor stands until they are fewer.</summary>
    public const int HeldKeysMax = 100;

    /// <inheritdoc cref="HeldKeysMax"/>
    public const int HeldEventsMax = 1_000;

    private const int PageFirst = 20;
    private const int PageMost = 400;

    // Numbers behind an event that is not done yet, such as one that a receiver takes its time for: told again when the process dies.
    private const int WindowMost = 4_000;
    private const int FailuresMax = 5;
    private const int TimeoutWeight = 2; // a receiver that does not answer costs fifteen seconds a look
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    // Everybody's room is taken: asked again after that.
    private static readonly TimeSpan CrowdedFor = TimeSpan.FromMilliseconds(250);

    // What is our own trouble, not the receiver's, is tried again after that.
    private static readonly TimeSpan OwnTroublePause = TimeSpan.FromSeconds(1);

    // With nothing to do it keeps its cursor for so long: the next event spares the claim, and whoever waits for it.
    private static readonly TimeSpan StaysFor = TimeSpan.FromSeconds(1);

    // Nothing is begun that could still be under way when the cursor may be another's.
    private static readonly TimeSpan LeaseMargin = OutboundHttp.Timeout + TimeSpan.FromSeconds(1);

    private readonly DeliveryNotes notes = new(claim);
    private readonly IReadOnlyCollection<string> storedNames = PublicEvents.StoredOf(endpoint.Events);
    private readonly string host = endpoint.Url.Authority;
    [Bounded("what is under way")]
    private readonly ConcurrentQueue<Settled> settled = new();
    private readonly SemaphoreSlim signal = new(0);
    [Bounded("WindowMost and a page")]
    private readonly Queue<Entry> window = new();
    [Bounded("the window")]
    private readonly Dictionary<Guid, KeyChain> chains = [];
    [Bounded("the window")]
    private readonly Queue<KeyChain> ready = new();
    [Bounded("HeldKeysMax, and what was under way")]
    private readonly Dictionary<Guid, HeldKey> held = [];

    private long readTo = claim.Sequence;
    private Task<(List<Entry> Entries, LogSlice Slice)?>? reading;
    private bool more = true;
    private bool news;
    private bool stopping;
    private bool crowded;
    private long? idleSince;
    private int open; // of the window, those that are not done
    private bool probing = claim.Failures > 0;
    private int page = PageFirst;
    private int pageMost = PageMost; // less when events are large
    private int running;
    private int limit = 1;
    private int consecutive;
    private int failures = claim.Failures;
    private DateTimeOffset? firstFailedAt = claim.FirstFailedAt;
    private string? lastError;
    private bool failed;
    private TimeSpan? asked;
    private string? disable;
    private TimeSpan? hostPause;
    private double tokens = 1;
    private long refilled = parts.Clock.GetTimestamp();
    private long lease = leaseUntil;

    public ClaimedWebhook Claim => claim;

    /// <summary>Deliveries under way.</summary>
    public int Running => Volatile.Read(ref running);

    /// <summary>The cursor is this process's until then.</summary>
    public void Renewed(long until) => Interlocked.Exchange(ref lease, until);

    /// <summary>Something that concerns the endpoint may have come into the log.</summary>
    /// <param name="upTo">At this place, at the latest.</param>
    public void News(long upTo = long.MaxValue)
    {
        if (upTo > Volatile.Read(ref readTo))
        {
            Volatile.Write(ref news, true);
            signal.Release();
        }
    }

    /// <summary>Begins nothing more; what is under way ends.</summary>
    public void Stop()
    {
        Volatile.Write(ref stopping, true);
        signal.Release();
    }

    public async Task<SessionEnd> RunAsync(CancellationToken ct)
    {
        if (claim.HeldKeys > 0)
        {
            await LoadHeldAsync(ct);
        }

        using var abort = CancellationTokenSource.CreateLinkedTokenSource(ct);
        while (true)
        {
            while (settled.TryDequeue(out var one))
            {
                Settle(one);
            }

            if (notes.Lost || LeaseLeft() <= TimeSpan.Zero)
            {
                stopping = true;
                await abort.CancelAsync();
            }

            TakePage();
            Read(ct);
            Dispatch(abort.Token);
            if (IsOver())
            {
                break;
            }

            await ((Task)signal.WaitAsync(Patience(), ct)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stopping |= ct.IsCancellationRequested;
        }

        await book.Add(notes).WaitAsync(TimeSpan.FromSeconds(20), CancellationToken.None);
        return End();
    }

    private async Task LoadHeldAsync(CancellationToken ct)
    {
        foreach (var key in await shard.QueryAsync(claim.OrganizationId,
            "SELECT key, attempts, first_failed_at, next_at FROM bsp.webhook_held_keys WHERE webhook_id = $1 ORDER BY key",
            r => new HeldKey(r.GetGuid(0), r.GetInt32(1), r.GetFieldValue<DateTimeOffset>(2), r.GetFieldValue<DateTimeOffset>(3)), ct,
            claim.Id))
        {
            held[key.Key] = key;
        }

        foreach (var (key, sequence) in await shard.QueryAsync(claim.OrganizationId,
            "SELECT key, sequence FROM bsp.webhook_held_events WHERE webhook_id = $1 ORDER BY key, sequence",
            r => (r.GetGuid(0), r.GetInt64(1)), ct, claim.Id))
        {
            if (held.TryGetValue(key, out var own))
            {
                own.Pending.Add(sequence);
            }
        }
    }

    private bool IsOver()
    {
        if (running > 0 || reading is not null || !(stopping || IsIdle()))
        {
            idleSince = null;
            return false;
        }

        idleSince ??= parts.Clock.GetTimestamp();
        return stopping || IsHeldFull() || !parts.Running.MayStay || parts.Clock.GetElapsedTime(idleSince.Value) >= StaysFor;
    }

    // Nothing is under way or can be begun, and nothing more is to be read (for now).
    private bool IsIdle() => (window.Count == 0 && !more && !HeldDue(parts.Clock.GetUtcNow()).Any())
        || (IsHeldFull() && !HeldDue(parts.Clock.GetUtcNow()).Any() && ready.Count == 0);

    private bool IsHeldFull() => held.Count >= HeldKeysMax || held.Values.Sum(h => h.Pending.Count) >= HeldEventsMax;

    private IEnumerable<HeldKey> HeldDue(DateTimeOffset now) => held.Values.Where(h => !h.Running && h.NextAt <= now);

    private TimeSpan LeaseLeft() => parts.Clock.GetElapsedTime(parts.Clock.GetTimestamp(), Interlocked.Read(ref lease));

    private TimeSpan Patience()
    {
        var wait = crowded ? CrowdedFor : tokens < 1 && endpoint.RatePerSecond is { } rate ? TimeSpan.FromSeconds((1 - tokens) / rate)
            : LookEvery;
        return wait < LookEvery ? wait : LookEvery;
    }

    // Reading goes on beside the deliveries.
    private void Read(CancellationToken ct)
    {
        if (reading is null && Volatile.Read(ref news))
        {
            Volatile.Write(ref news, false); // before it is read: what comes meanwhile is read again
            more = true;
        }

        if (stopping || !more || reading is not null || open >= page || window.Count >= WindowMost || IsHeldFull() || notes.IsFull)
        {
            return;
        }

        var (from, size) = (readTo, page);
        var read = Task.Run(() => ReadPageAsync(from, size, ct), CancellationToken.None);
        reading = read;

        // After it is complete: whoever is woken looks at that, and finds nothing to wait for.
        read.ContinueWith(_ => signal.Release(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    // Null: the cursor is this process's no more, or nobody may be told anything: what is under way ends.
    private async Task<(List<Entry> Entries, LogSlice Slice)?> ReadPageAsync(long from, int size, CancellationToken ct)
    {
        if (!await WebhookClaims.HoldsAsync(shard, parts.Running.Owner, claim, parts.Clock.GetUtcNow(), ct))
        {
            return null;
        }

        var slice = await LogAsync(new LogFilter(storedNames), from, size, ct);
        var told = slice.Events.Count == 0 ? [] : await parts.Events.OfAsync(claim.OrganizationId, slice.Events, ct);
        var accounts = endpoint.AccountIds.Count == 0 || told.Count == 0 ? null
            : await parts.Events.AccountsAsync(claim.OrganizationId, told, ct);
        return Cut([.. told.Where(e => SessionParts.Concerns(endpoint, e, accounts)).Select(e => new Entry(e.Stored.Sequence, e))], slice);
    }

    // As much as a session may keep, at least one: the rest is read again later, in smaller pages.
    private (List<Entry> Entries, LogSlice Slice) Cut(List<Entry> entries, LogSlice slice)
    {
        var (bytes, most) = (0L, parts.Running.BytesOfOne);
        var fits = entries.FindIndex(e => (bytes += e.Bytes) > most) is >= 0 and var at ? Math.Max(1, at) : entries.Count;
        if (fits == entries.Count)
        {
            return (entries, slice);
        }

        Volatile.Write(ref pageMost, fits);
        return ([.. entries.Take(fits)], slice with { UpTo = slice.UpTo with { Sequence = entries[fits].Sequence - 1 }, More = true });
    }

    private async Task<LogSlice> LogAsync(LogFilter filter, long after, int max, CancellationToken ct)
    {
        await parts.Reads.WaitAsync(ct);
        try
        {
            return await parts.Log.ReadAsync(claim.OrganizationId, filter, new Position(shard.Epoch, after), max, ct);
        }
        finally
        {
            parts.Reads.Release();
        }
    }

    private void TakePage()
    {
        if (reading is not { IsCompleted: true } read)
        {
            return;
        }

        reading = null;
        if (!read.IsCompletedSuccessfully)
        {
            Rest(); // the database is away: whoever takes the cursor next reads again
            lastError ??= "log";
            return;
        }

        if (read.Result is not var (entries, slice))
        {
            stopping = true;
            return;
        }

        Volatile.Write(ref readTo, slice.UpTo.Sequence);
        more = slice.More;
        foreach (var entry in entries)
        {
            window.Enqueue(entry);
            open++;
            if (held.TryGetValue(entry.Told.Key, out var own))
            {
                Hold(own, entry);
                continue;
            }

            if (!chains.TryGetValue(entry.Told.Key, out var chain))
            {
                chains[entry.Told.Key] = chain = new(entry.Told.Key);
            }

            chain.Waiting.Enqueue(entry);
            if (chain.Waiting.Count == 1)
            {
                ready.Enqueue(chain);
            }
        }

        Advance();
    }

    private void Rest() => (stopping, hostPause) = (true, hostPause ?? OwnTroublePause);

    private void Finish(Entry entry)
    {
        entry.Finish();
        open--;
    }

    private void Hold(HeldKey own, Entry entry)
    {
        Finish(entry);
        if (own.Pending.Add(entry.Sequence))
        {
            notes.Note(b => b.Hold.Add((own.Key, entry.Sequence)));
        }
    }

    private void Advance()
    {
        while (window.TryPeek(out var first) && first.Done)
        {
            window.Dequeue();
        }

        var cursor = window.TryPeek(out var lowest) ? lowest.Sequence - 1 : readTo;
        notes.Note(b =>
        {
            b.Sequence = Math.Max(b.Sequence, cursor);
            b.Held = held.Count;
        });
        _ = book.Add(notes);
    }
}
