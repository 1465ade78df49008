using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sending;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>Wakes the workers of this process: some endpoint is due.</summary>
public sealed class DeliverySignal : WorkSignal;

/// <summary>
/// Claims the cursors that are due and runs a session for each, in every process. A cursor is one process's at a time: it has a lease,
/// which is put off every few seconds, and a term, which fences what a process that lost it still wants to write. Idle endpoints cost
/// nothing but their row.
/// </summary>
internal sealed partial class DeliveryWorker(Shards shards, LogSignals signals, WebhookClaims claims, WebhookSwitch off,
    SessionParts parts, WebhookNews news, DeliverySignal signal, SendingSwitch sending, TimeProvider clock, ILogger<DeliveryWorker> log)
    : BackgroundService
{
    private const int ClaimMax = 64;

    // Pauses that end, and what other processes left: whatever is new is told at once.
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan AgainAfter = TimeSpan.FromSeconds(1);

    private readonly RunningSessions sessions = parts.Running;
    private int metered;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Background);
        if (Interlocked.Exchange(ref metered, 1) == 0)
        {
            parts.Meter.CreateObservableGauge("bsp_webhook_sessions", () =>
                sessions.Count, description: "Endpoints that this process is telling something.");
            parts.Meter.CreateObservableGauge("bsp_webhook_deliveries_running", () =>
                SessionParts.InFlightMax - parts.Room.CurrentCount, description: "Deliveries of this process that are under way.");
        }

        var books = shards.All.ToDictionary(shard => shard, shard => new DeliveryBook(shard, clock, log));
        using var writing = new CancellationTokenSource();
        var heard = shards.All.ToDictionary(shard => shard, shard => (Action<string>)(text => news.Heard(shard, text)));
        foreach (var (shard, listener) in heard)
        {
            signals.Of(shard).News += listener;
        }

        var writers = books.Values.Select(book => Task.Run(() => book.RunAsync(writing.Token), CancellationToken.None)).ToList();
        try
        {
            await Task.WhenAll(shards.All.Select(shard => ClaimingAsync(shard, books[shard], stoppingToken))
                .Append(RenewingAsync(stoppingToken)));
        }
        finally
        {
            foreach (var (shard, listener) in heard)
            {
                signals.Of(shard).News -= listener;
            }

            await sessions.EndedAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await writing.CancelAsync();
            await Task.WhenAll(writers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ClaimingAsync(Shard shard, DeliveryBook book, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var room = sending.IsOpen ? Math.Min(ClaimMax, RunningSessions.Max - sessions.Count) : 0;
                var began = clock.GetTimestamp();
                var claimed = room > 0 ? await claims.ClaimAsync(shard, sessions.Owner, room, ct) : [];
                foreach (var claim in claimed)
                {
                    await BeginAsync(shard, book, claim, began, ct);
                }

                Loop.Worked(shard.Name);
                if (claimed.Count < ClaimMax)
                {
                    await signal.WaitAsync(LookEvery, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
            catch (Exception away) when (away is NpgsqlException or IOException or TimeoutException or StoreUnavailable)
            {
                Loop.Failed(away, shard.Name);
                LogAway(shard.Name, away.Message);
                await Task.Delay(AgainAfter, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task BeginAsync(Shard shard, DeliveryBook book, ClaimedWebhook claim, long began, CancellationToken ct)
    {
        if (claim.May == "creator")
        {
            await off.DisableAsync(shard, claim.OrganizationId, claim.Id, claim.Term, "creator", ct);
            return;
        }

        if (claim.Endpoint is not { } endpoint)
        {
            LogUnreadable(claim.Id);
            await ReleaseAsync(shard, claim,
                new(clock.GetUtcNow() + TimeSpan.FromMinutes(5), null, claim.Failures, claim.FirstFailedAt, "unreadable", null), ct);
            return;
        }

        var session = new DeliverySession(claim, endpoint, shard, parts, book, Until(began, WebhookClaims.Lease));
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var task = Task.Run(async () =>
        {
            await started.Task;
            await SessionAsync(shard, session, ct);
        }, CancellationToken.None);

        // A session of ours whose lease ran out may still be on its way out: two never run under one id.
        if (sessions.TryAdd(shard.Name, session, task))
        {
            started.SetResult();
        }
        else
        {
            session.Stop();
            started.SetCanceled(CancellationToken.None);
            await ReleaseAsync(shard, claim, new(clock.GetUtcNow() + AgainAfter, null, claim.Failures, claim.FirstFailedAt, null, null),
                ct);
        }
    }

    private async Task SessionAsync(Shard shard, DeliverySession session, CancellationToken ct)
    {
        Work.Is(WorkKind.Background);
        SessionEnd? end = null;
        try
        {
            end = await session.RunAsync(ct);
        }
        catch (Exception error)
        {
            LogSession(session.Claim.Id, error); // its lease ends, and it is taken up again from its cursor
        }

        // Before the cursor is let go: who claims it next, perhaps this process, and in this moment, finds the place free.
        sessions.Remove(shard.Name, session.Claim.Id);
        try
        {
            if (end is not null)
            {
                await EndAsync(shard, session.Claim, end);
            }
        }
        catch (Exception error)
        {
            LogSession(session.Claim.Id, error);
        }

        if (!ct.IsCancellationRequested)
        {
            signal.Raise();
        }
    }

    private Task EndAsync(Shard shard, ClaimedWebhook claim, SessionEnd end) => end.Disable is { } reason
        ? off.DisableAsync(shard, claim.OrganizationId, claim.Id, claim.Term, reason, CancellationToken.None)
        : ReleaseAsync(shard, claim, end, CancellationToken.None);

    private async Task ReleaseAsync(Shard shard, ClaimedWebhook claim, SessionEnd end, CancellationToken ct)
    {
        static NpgsqlParameter Time(DateTimeOffset? at) =>
            new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz, Value = (object?)at ?? DBNull.Value };
        await Deadlock.RepeatedAsync(() =>
            shard.QueryAsync(claim.OrganizationId, "SELECT bsp.release_webhook($1, $2, $3, $4, $5, $6, $7, $8)", r =>
                r.GetBoolean(0), ct, claim.Id, claim.Term, clock.GetUtcNow(),
            Time(end.Pause), Time(end.Next), end.Failures, Time(end.FirstFailedAt),
            new NpgsqlParameter { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text, Value = (object?)end.LastError ?? DBNull.Value }));
    }

    private async Task RenewingAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            await Task.Delay(RenewEvery, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var shard in shards.All)
            {
                try
                {
                    await RenewAsync(shard, ct);
                    Loop.Worked($"{shard.Name} renewing");
                }
                catch (Exception away) when (away is NpgsqlException or IOException or TimeoutException)
                {
                    Loop.Failed(away, $"{shard.Name} renewing"); // sessions begin nothing more when their lease is nearly over
                }
                catch (OperationCanceledException) when (ct.IsCancellationRequested)
                {
                    return;
                }
            }
        }
    }

    private async Task RenewAsync(Shard shard, CancellationToken ct)
    {
        foreach (var some in sessions.Of(shard.Name).Chunk(500))
        {
            var began = clock.GetTimestamp();
            var kept = await claims.KeepAsync(shard, sessions.Owner, [.. some.Select(s => s.Claim)], ct);
            foreach (var session in some)
            {
                if (kept.TryGetValue(session.Claim.Id, out var own))
                {
                    session.Renewed(Until(began, own.Left));
                    session.News(own.Woken);
                }
                else
                {
                    session.Stop();
                }
            }
        }
    }

    // By our own clock, from before the question was sent: never later than the row says.
    private long Until(long began, TimeSpan left) => began + (long)(left.TotalSeconds * clock.TimestampFrequency);

    [LoggerMessage(Level = LogLevel.Warning, Message = "webhooks of shard {Shard} wait: {Reason}")]
    private partial void LogAway(string shard, string reason);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "webhook {Webhook} cannot be read: its secret is sealed under a key that this process does not have, or its row is damaged; trying again in five minutes")]
    private partial void LogUnreadable(Guid webhook);

    [LoggerMessage(Level = LogLevel.Warning, Message = "webhook {Webhook}: a session ended by an error; it is taken up again")]
    private partial void LogSession(Guid webhook, Exception error);
}
