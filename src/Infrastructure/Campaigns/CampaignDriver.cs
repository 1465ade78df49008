using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Privacy;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sending;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// Drives campaigns: launches the scheduled, freezes audiences, turns members into messages page by page, tells the rest of a cancelled
/// campaign off, completes.
/// Each page is one transaction with its cursor; the cursor's row lock lets one process at a time drive a campaign.
/// </summary>
public sealed partial class CampaignDriver(Shards shards, PostgresEventStore store, LogSignals signals, SendingNumbers numbers,
    Outbox outbox, Locks locks, IPersonalData personal, RowCaches caches, SpellingTwins twins, CampaignWaits waits, IMediator mediator,
    SendingSwitch sending, TimeProvider clock, ILogger<CampaignDriver> log)
    : BackgroundService
{
    private const string CampaignsPart = " campaigns"; // of a shard, told from the round that looks for them
    /// <summary>Pause between two rounds while there is a campaign to drive.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// Longest pause while there is none: whatever gives the driver work is an event and wakes it, save the hour of a scheduled campaign.
    /// </summary>
    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(1);

    /// <summary>Members decided in one transaction.</summary>
    public const int PageMembersMax = 500;

    /// <summary>
    /// A campaign keeps this many seconds of its number's pace in the queue, so that pausing is quick and nobody else waits behind it.
    /// </summary>
    private const int AheadSeconds = 3;

    /// <summary>
    /// A turn that lasts longer loses the lock, which is harmless; a killed process keeps others waiting at most this long.
    /// </summary>
    private static readonly TimeSpan LockFor = TimeSpan.FromSeconds(3);

    // A campaign that fails is tried again ever more rarely: its log is bounded, and it keeps nobody's turn.
    private readonly Setbacks<Guid> setbacks = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5), clock);
    private readonly Setbacks<string> shardSetbacks = new(Every, TimeSpan.FromSeconds(30), clock);

    private const int PauseReasonMax = 200; // characters that the commands take
    private const int AheadMin = 500;
    private const int AheadMax = 5_000;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Sending);
        while (!stoppingToken.IsCancellationRequested)
        {
            var appended = shards.All.Select(shard => signals.Of(shard).Next).ToList();
            var busy = false;
            foreach (var shard in shards.All)
            {
                try
                {
                    if (sending.IsOpen && shardSetbacks.MayTry(shard.Name))
                    {
                        busy |= await RoundAsync(shard, stoppingToken);
                        shardSetbacks.Worked(shard.Name);
                        Loop.Worked(shard.Name);
                    }
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    LogRound(e, shard.Name, shardSetbacks.Failed(shard.Name, StoreTrouble.Is(e)).TotalSeconds);
                    Loop.Failed(e, shard.Name);
                }
            }

            await Task.Delay(Every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!busy)
            {
                await Task.WhenAny([.. appended, Task.Delay(IdleMax - Every, clock, stoppingToken)]);
            }
        }
    }

    /// <summary>Gives every campaign of the shard that needs it one turn; false when there is none.</summary>
    public async Task<bool> RoundAsync(Shard shard, CancellationToken ct)
    {
        var work = new List<(Guid Organization, Guid Campaign, string Status)>();
        await using (var command = shard.App.CreateCommand("SELECT organization_id, campaign_id, status FROM bsp.campaigns_to_drive($1)"))
        {
            command.Parameters.Add(new() { Value = clock.GetUtcNow().UtcDateTime });
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                if (setbacks.MayTry(reader.GetGuid(1)))
                {
                    work.Add((reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2)));
                }
            }
        }

        Exception? failed = null;
        await Parallel.ForEachAsync(work, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = ct }, async (item, token) =>
        {
            try
            {
                var (mine, held) = await TryLockAsync(item.Campaign, token);
                await using var _ = held;
                if (mine)
                {
                    await DriveAsync(shard, item.Organization, item.Campaign, item.Status, token);
                    setbacks.Worked(item.Campaign);
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogCampaign(e, item.Campaign, setbacks.Failed(item.Campaign, StoreTrouble.Is(e)).TotalSeconds);
                failed = e;
            }
        });
        if (failed is null)
        {
            Loop.Worked(shard.Name + CampaignsPart);
        }
        else
        {
            Loop.Failed(failed, shard.Name + CampaignsPart);
        }

        return work.Count > 0;
    }

    // lock:campaign:{id} spares processes each other's turns. It guarantees nothing (the cursor's row lock does), so without Redis the turn
    // is taken all the same.
    private async Task<(bool Mine, HeldLock? Held)> TryLockAsync(Guid campaignId, CancellationToken ct)
    {
        try
        {
            var held = await locks.TryCampaignAsync(campaignId, LockFor, ct);
            return (held is not null, held);
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            return (true, null);
        }
    }

    private async Task DriveAsync(Shard shard, Guid organizationId, Guid campaignId, string status, CancellationToken ct)
    {
        using var _ = new CurrentRequest { CorrelationId = $"campaign/{campaignId}", Caller = "campaign-driver" }.Enter();
        switch (status)
        {
            case "SCHEDULED":
                await LaunchAsync(organizationId, campaignId, ct);
                break;
            case "RUNNING":
                while (await PageAsync(shard, organizationId, campaignId, ct))
                {
                }

                break;
            default:
                await CancelQueuedAsync(shard, organizationId, campaignId, "campaign cancelled", ct);
                while (await CancelPageAsync(shard, organizationId, campaignId, ct))
                {
                }

                break;
        }
    }

    private async Task LaunchAsync(Guid organizationId, Guid campaignId, CancellationToken ct)
    {
        try
        {
            await mediator.Send(new LaunchCampaign(organizationId, campaignId), ct);
        }
        catch (Refusal refusal)
        {
            // Its hour came and it cannot start: people must see that rather than a campaign that silently waits.
            LogRefused(campaignId, refusal.Code);
            await mediator.Send(new CancelCampaign(organizationId, campaignId, $"could not be launched: {refusal.Code}"), ct);
        }
        catch (RefusedFields refusal)
        {
            LogRefused(campaignId, refusal.Code);
            await mediator.Send(new CancelCampaign(organizationId, campaignId,
                Text.Cut($"could not be launched: {refusal.Code} ({string.Join(", ", refusal.Errors.Keys)})", PauseReasonMax)), ct);
        }
    }

    // True: go on at once with the next page.
    private async Task<bool> PageAsync(Shard shard, Guid organizationId, Guid campaignId, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        if (await transaction.CursorAsync(campaignId, running: true, ct) is not { } cursor)
        {
            return false;
        }

        if (cursor.Total is not { } total)
        {
            await twins.SettleAsync(organizationId, ct); // two spellings of one telephone are one member
            await FreezeAsync(shard, transaction, organizationId, campaignId, ct);
            return true;
        }

        var now = clock.GetUtcNow();
        if (cursor.SendUntil <= now)
        {
            return await EndAsync(shard, transaction, organizationId, campaignId, cursor, total, ct);
        }

        if (cursor.LookAt > now || await waits.IsPacedAsync(transaction, campaignId, cursor.HeldSeen, now, ct))
        {
            return false;
        }

        var waiting = await transaction.AheadAsync(campaignId, ct);
        if (cursor.Next > total)
        {
            await CompleteAsync(transaction, organizationId, campaignId, waiting, ct);
            return false;
        }

        if (await numbers.FindAsync(organizationId, cursor.AccountId, ct) is not { MaySend: true } number)
        {
            return false;
        }

        var room = Math.Clamp(number.MessagesPerSecondMax * AheadSeconds, AheadMin, AheadMax) - waiting;
        if (room < Math.Min(PageMembersMax / 2, total - cursor.Next + 1)
            || !await waits.HasRoomAsync(transaction, organizationId, campaignId, number, cursor.WaitsFor, now, ct))
        {
            return false;
        }

        return await DispatchAsync(shard, transaction, organizationId, campaignId, cursor, number, Math.Min(room, PageMembersMax), ct);
    }

    // Whoever waits for the end of Meta's cap on them keeps no campaign open for a day.
    private async Task CompleteAsync(TenantTransaction transaction, Guid organizationId, Guid campaignId, int waiting, CancellationToken ct)
    {
        if (waiting == 0 && !await waits.AnyBeyondLimitAsync(transaction, campaignId, ct))
        {
            await transaction.CommitAsync(ct);
            await mediator.Send(new CompleteCampaign(organizationId, campaignId), ct);
        }
    }

    // Its time is over: nobody is begun any more, and whoever has not had their turn is passed over.
    private async Task<bool> EndAsync(Shard shard, TenantTransaction transaction, Guid organizationId, Guid campaignId, CampaignCursor cursor,
        int total, CancellationToken ct)
    {
        await CancelQueuedAsync(shard, organizationId, campaignId, WaitingSend.Late, ct);
        if (cursor.Next > total)
        {
            await CompleteAsync(transaction, organizationId, campaignId, await transaction.AheadAsync(campaignId, ct), ct);
            return false;
        }

        if (await transaction.TextAsync(organizationId, campaignId, ct) is not { } text)
        {
            return false;
        }

        var members = await transaction.MembersAsync(organizationId, campaignId, cursor.Next, PageMembersMax, ct);
        var calls = new AudiencePage(text, personal, clock.GetUtcNow()).Skip(members, WaitingSend.Late);
        await store.AppendAsync(transaction, shard, organizationId, [.. calls.Select(c => (IReadOnlyList<StreamAppend>)[c])], ct);
        await waits.MoveAsync(transaction, campaignId, cursor.Next + members.Count, ct);
        await transaction.CommitAsync(ct);
        return members.Count > 0;
    }

    private async Task<bool> DispatchAsync(Shard shard, TenantTransaction transaction, Guid organizationId, Guid campaignId, CampaignCursor cursor,
        SendingNumber number, int count, CancellationToken ct)
    {
        var text = await transaction.TextAsync(organizationId, campaignId, ct);
        var members = await transaction.MembersAsync(organizationId, campaignId, cursor.Next, count, ct);
        if (text is null || members.Count == 0)
        {
            return false;
        }

        if (text.Body.Refusal is { } refusal)
        {
            // The template changed since the launch, so that nobody could be sent it: people must see that, rather than everybody skipped
            // in silence. Resuming judges it again.
            await transaction.DisposeAsync();
            LogNotFitting(campaignId, refusal);
            await mediator.Send(new PauseCampaign(organizationId, campaignId,
                Text.Cut($"template_parameters do not fit the template any more: {refusal}", PauseReasonMax)), ct);
            return false;
        }

        var now = clock.GetUtcNow();
        DateTimeOffset? roomAt = null;
        var calls = await new AudiencePage(text, personal, now).DecideAsync(organizationId, members, cursor.SkipsBeyondLimit,
            async wanted =>
            {
                var room = await waits.TakeAsync(transaction, organizationId, campaignId, number, wanted, now, ct);
                roomAt = room.NextAt;
                return room.Granted;
            }, ct);
        await store.AppendAsync(transaction, shard, organizationId, [.. calls.Select(c => (IReadOnlyList<StreamAppend>)[c])], ct);
        await (calls.Count == members.Count ? waits.MoveAsync(transaction, campaignId, cursor.Next + calls.Count, ct)
            : waits.WaitForRoomAsync(transaction, campaignId, cursor.Next + calls.Count, roomAt, now, ct));
        await transaction.CommitAsync(ct);
        await outbox.PutAsync([.. calls.Where(c => c.Events[0] is MessageQueued)
            .Select(c => new SendJob(organizationId, c.StreamId, number.AccountId, campaignId))], ct);
        return calls.Count == members.Count;
    }

    private async Task FreezeAsync(Shard shard, TenantTransaction transaction, Guid organizationId, Guid campaignId, CancellationToken ct)
    {
        var state = (await store.LoadAsync(organizationId, campaignId, ct)).Fold<Campaign, CampaignEvent>();
        var audience = await AudienceSql.OfAsync(shard, organizationId, state.Plan!.AudienceSegment, ct);
        await transaction.ExecuteAsync("SET LOCAL statement_timeout = 0", ct);
        var total = await transaction.ExecuteAsync($"""
            INSERT INTO bsp.campaign_audience (campaign_id, ordinal, organization_id, contact_id)
            SELECT ${audience.Arguments.Count + 2}, row_number() OVER (ORDER BY c.id), c.organization_id, c.id FROM contacts c WHERE c.organization_id = $1 AND {ContactRows.InOrder} AND ({audience.Condition})
            """, ct, [organizationId, .. audience.Arguments, campaignId]);
        await transaction.ExecuteAsync("UPDATE bsp.campaign_dispatch SET total = $2 WHERE campaign_id = $1", ct, campaignId, total);
        long version;
        try
        {
            version = await store.DecideAsync<Campaign, CampaignEvent>(transaction, shard, organizationId, campaignId, now =>
                Campaign.Freeze(now, total, clock.GetUtcNow()), ct);
        }
        catch (VersionConflict)
        {
            return; // Paused meanwhile, say: not committed, the next round freezes.
        }

        await transaction.CommitAsync(ct);
        // as after any other commit: this one is the driver's own
        await caches.Campaigns.ForgetAsync(campaignId, version, CancellationToken.None);
    }

    private async Task CancelQueuedAsync(Shard shard, Guid organizationId, Guid campaignId, string reason, CancellationToken ct)
    {
        var queued = await shard.QueryAsync(organizationId, """
            (SELECT message_id FROM bsp.send_queue WHERE campaign_id = $1 AND state = 0 AND waits_for IS NULL LIMIT $2) UNION ALL
            (SELECT message_id FROM bsp.send_queue WHERE campaign_id = $1 AND state = 0 AND waits_for IS NOT NULL LIMIT $2)
            """, r => r.GetGuid(0), ct, campaignId, MessageLedger.MessagesMax / 2);
        if (queued.Count > 0)
        {
            var now = clock.GetUtcNow();
            await store.RuleAsync(organizationId, queued, (_, state) => Message.Cancel(state, reason, now), ct);
        }
    }

    private async Task<bool> CancelPageAsync(Shard shard, Guid organizationId, Guid campaignId, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        if (await transaction.CursorAsync(campaignId, running: false, ct) is not { Total: { } total } cursor || cursor.Next > total
            || await transaction.TextAsync(organizationId, campaignId, ct) is not { } text)
        {
            return false;
        }

        var members = await transaction.MembersAsync(organizationId, campaignId, cursor.Next, PageMembersMax, ct);
        var calls = new AudiencePage(text, personal, clock.GetUtcNow()).Cancel(members, "campaign cancelled");
        await store.AppendAsync(transaction, shard, organizationId, [.. calls.Select(c => (IReadOnlyList<StreamAppend>)[c])], ct);
        await transaction.ExecuteAsync("UPDATE bsp.campaign_dispatch SET next_ordinal = $2 WHERE campaign_id = $1", ct, campaignId,
            cursor.Next + members.Count);
        await transaction.CommitAsync(ct);
        return members.Count > 0;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "campaigns: shard {Shard} could not be looked at; trying again in {Seconds} s")]
    private partial void LogRound(Exception e, string shard, double seconds);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "campaign {CampaignId}: this turn failed and is rolled back; trying again in {Seconds} s")]
    private partial void LogCampaign(Exception e, Guid campaignId, double seconds);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "campaign {CampaignId}: paused, because its parameters do not fit the template any more: {Reason}")]
    private partial void LogNotFitting(Guid campaignId, string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "campaign {CampaignId}: its hour came, but it cannot be launched ({Code}); cancelled")]
    private partial void LogRefused(Guid campaignId, string code);
}
