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
    private const int FailuresMax = 5;
    private const int TimeoutWeight = 2; // a receiver that does not answer costs fifteen seconds a look
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    // Nothing is begun that could still be under way when the cursor may be another's.
    private static readonly TimeSpan LeaseMargin = OutboundHttp.Timeout + TimeSpan.FromSeconds(1);

    private readonly DeliveryNotes notes = new(claim);
    private readonly IReadOnlyCollection<string> storedNames = PublicEvents.StoredOf(endpoint.Events);
    private readonly string host = endpoint.Url.Authority;
    [Bounded("what is under way")]
    private readonly ConcurrentQueue<Settled> settled = new();
    private readonly SemaphoreSlim signal = new(0);
    [Bounded("PageMost and what is under way")]
    private readonly Queue<Entry> window = new();
    [Bounded("the window")]
    private readonly Dictionary<Guid, KeyChain> chains = [];
    [Bounded("the window")]
    private readonly Queue<KeyChain> ready = new();
    [Bounded("HeldKeysMax, and what was under way")]
    private readonly Dictionary<Guid, HeldKey> held = [];

    private long readTo = claim.Sequence;
    private Task<(List<Entry> Entries, LogSlice Slice)>? reading;
    private bool more = true;
    private bool stopping;
    private bool probing = claim.Failures > 0;
    private int page = PageFirst;
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
            if (running == 0 && reading is null && (stopping || IsIdle()))
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

    // Nothing is under way or can be begun, and nothing more is to be read (for now).
    private bool IsIdle() => (window.Count == 0 && !more && !HeldDue(parts.Clock.GetUtcNow()).Any())
        || (IsHeldFull() && !HeldDue(parts.Clock.GetUtcNow()).Any() && ready.Count == 0);

    private bool IsHeldFull() => held.Count >= HeldKeysMax || held.Values.Sum(h => h.Pending.Count) >= HeldEventsMax;

    private IEnumerable<HeldKey> HeldDue(DateTimeOffset now) => held.Values.Where(h => !h.Running && h.NextAt <= now);

    private TimeSpan LeaseLeft() => parts.Clock.GetElapsedTime(parts.Clock.GetTimestamp(), Interlocked.Read(ref lease));

    private TimeSpan Patience()
    {
        var wait = tokens < 1 && endpoint.RatePerSecond is { } rate ? TimeSpan.FromSeconds((1 - tokens) / rate) : LookEvery;
        return wait < LookEvery ? wait : LookEvery;
    }

    // Reading goes on beside the deliveries.
    private void Read(CancellationToken ct)
    {
        if (stopping || !more || reading is not null || window.Count >= page || IsHeldFull() || notes.IsFull)
        {
            return;
        }

        var (from, size) = (readTo, page);
        reading = Task.Run(async () =>
        {
            try
            {
                return await ReadPageAsync(from, size, ct);
            }
            finally
            {
                signal.Release();
            }
        }, CancellationToken.None);
    }

    private async Task<(List<Entry> Entries, LogSlice Slice)> ReadPageAsync(long from, int size, CancellationToken ct)
    {
        var slice = await LogAsync(new LogFilter(storedNames), from, size, ct);
        var told = slice.Events.Count == 0 ? [] : await parts.Events.OfAsync(claim.OrganizationId, slice.Events, ct);
        var accounts = endpoint.AccountIds.Count == 0 || told.Count == 0 ? null
            : await parts.Events.AccountsAsync(claim.OrganizationId, told, ct);
        return ([.. told.Where(e => SessionParts.Concerns(endpoint, e, accounts)).Select(e => new Entry(e.Stored.Sequence, e))], slice);
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
            stopping = true; // the database is away: whoever takes the cursor next reads again
            lastError ??= "log";
            return;
        }

        var (entries, slice) = read.Result;
        (readTo, more) = (slice.UpTo.Sequence, slice.More);
        foreach (var entry in entries)
        {
            window.Enqueue(entry);
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

    private void Hold(HeldKey own, Entry entry)
    {
        entry.Done = true;
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

    private void Dispatch(CancellationToken abort)
    {
        while (!stopping && running < limit && !notes.IsFull && LeaseLeft() > LeaseMargin)
        {
            var own = HeldDue(parts.Clock.GetUtcNow()).OrderBy(h => h.NextAt).FirstOrDefault();
            if (own is null && ready.Count == 0)
            {
                return;
            }

            if (parts.Hosts.Closed(host) is { } pause)
            {
                (hostPause, stopping) = (pause, true);
                return;
            }

            if (!TakeToken() || !parts.Room.Wait(0, CancellationToken.None))
            {
                return;
            }

            if (own is not null)
            {
                own.Running = true;
                Start(() => HeldAsync(own, abort));
            }
            else
            {
                var chain = ready.Dequeue();
                Start(() => FrontAsync(chain, chain.Waiting.Peek(), abort));
            }
        }
    }

    private bool TakeToken()
    {
        if (endpoint.RatePerSecond is not { } rate)
        {
            return true;
        }

        var now = parts.Clock.GetTimestamp();
        tokens = Math.Min(rate, tokens + (parts.Clock.GetElapsedTime(refilled, now).TotalSeconds * rate));
        refilled = now;
        if (tokens < 1)
        {
            return false;
        }

        tokens--;
        return true;
    }

    private void Start(Func<Task<Settled>> deliver)
    {
        Interlocked.Increment(ref running);
        _ = Task.Run(async () =>
        {
            try
            {
                settled.Enqueue(await deliver());
            }
            finally
            {
                parts.Room.Release();
                signal.Release();
            }
        }, CancellationToken.None);
    }

    private async Task<Settled> FrontAsync(KeyChain chain, Entry entry, CancellationToken abort)
    {
        try
        {
            var (attempt, row) =
                await parts.DeliverAsync(endpoint, entry.Told, shard.Epoch, failures + 1, failures > 0 ? "retry" : "live", abort);
            return new(chain, null, entry.Sequence, attempt, row);
        }
        catch (Exception error)
        {
            return new(chain, null, entry.Sequence, null, null, error);
        }
    }

    private async Task<Settled> HeldAsync(HeldKey own, CancellationToken abort)
    {
        var sequence = own.Pending.Count > 0 ? own.Pending.Min : 0;
        try
        {
            var slice = await LogAsync(LogFilter.All, sequence - 1, 1, abort);
            if (slice.Events is not [var stored] || stored.Sequence != sequence
                || await parts.Events.OfAsync(claim.OrganizationId, [stored], abort) is not [var told]
                || !PublicEvents.Matches(endpoint.Events, told.Type))
            {
                return new(null, own, sequence, null, null); // it is told no more
            }

            var (attempt, row) = await parts.DeliverAsync(endpoint, told, shard.Epoch, own.Attempts + 1, "retry", abort);
            return new(null, own, sequence, attempt, row);
        }
        catch (Exception error)
        {
            return new(null, own, sequence, null, null, error);
        }
    }
}
