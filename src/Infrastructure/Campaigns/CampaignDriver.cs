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
    Outbox outbox, Locks locks, IPersonalData personal, RowCaches caches, SpellingTwins twins, CampaignWaits waits,
    CampaignBudgets budgets, CampaignFirings firings, CampaignRetries retries, IMediator mediator, SendingSwitch sending,
    TimeProvider clock, ILogger<CampaignDriver> log)
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
    private const int PageCausesMax = 200; // answered in one transaction
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
            await mediator.Send(new LaunchCampaign(organizationId, campaignId, BySchedule: true), ct);
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

        if (cursor.HasNewErrors && await budgets.SpentAsync(shard, organizationId, campaignId, ct) is { } spent)
        {
            await transaction.DisposeAsync();
            LogSpent(campaignId, spent);
            await mediator.Send(new PauseCampaign(organizationId, campaignId, spent), ct);
            return false;
        }

        if (cursor.IsTriggered)
        {
            return await CausesAsync(shard, transaction, organizationId, campaignId, cursor, ct);
        }

        if (cursor.Total is not { } total)
        {
            await twins.SettleAsync(organizationId, ct); // two spellings of one telephone are one member
            await FreezeAsync(shard, transaction, organizationId, campaignId, cursor, ct);
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

        if (await numbers.FindAsync(organizationId, cursor.AccountId, ct) is not { MaySend: true } number
            || await OpenAsync(transaction, campaignId, cursor, total, now, ct) is not { } part)
        {
            return false;
        }

        var room = Math.Clamp(number.MessagesPerSecondMax * AheadSeconds, AheadMin, AheadMax) - waiting;
        if (room < Math.Min(PageMembersMax / 2, total - cursor.Next + 1)
            || !await waits.HasRoomAsync(transaction, organizationId, campaignId, number, cursor.WaitsFor, now, ct))
        {
            return false;
        }

        return await DispatchAsync(shard, transaction, organizationId, campaignId, cursor, part, number, Math.Min(room, PageMembersMax),
            ct);
    }

    // Whose turn it is; null: nobody may be sent to at this hour.
    private async Task<Part?> OpenAsync(TenantTransaction transaction, Guid campaignId, CampaignCursor cursor, int total,
        DateTimeOffset now,
        CancellationToken ct)
    {
        if (cursor.Hours is not { } hours)
        {
            return new(cursor.Next, total, null);
        }

        var (part, opensAt) = await transaction.NextAsync(campaignId, hours, now, ct);
        if (part is null && opensAt is { } at)
        {
            await waits.WaitForHourAsync(transaction, campaignId, at, now, ct);
            await transaction.CommitAsync(ct);
        }

        return part;
    }

    // The same for those who are passed over, whatever the hour.
    private static async Task<Part?> AnyAsync(TenantTransaction transaction, Guid campaignId, CampaignCursor cursor, int total,
        CancellationToken ct) => cursor.Hours is not { } hours ? new(cursor.Next, total, null)
        : (await transaction.NextAsync(campaignId, hours, null, ct)).Part;

    private async Task<bool> DispatchAsync(Shard shard, TenantTransaction transaction, Guid organizationId, Guid campaignId,
        CampaignCursor cursor, Part part, SendingNumber number, int count, CancellationToken ct)
    {
        var text = await transaction.TextAsync(organizationId, campaignId, ct);
        var members = await transaction.MembersAsync(organizationId, campaignId, part, count, ct);
        if (text is null || members.Count == 0)
        {
            return false;
        }

        if (text.Refusal is { } refusal)
        {
            await transaction.DisposeAsync();
            await NotFittingAsync(organizationId, campaignId, refusal, ct);
            return false;
        }

        if (text.RetryOf is { } source)
        {
            var overtaken = await retries.OvertakenAsync(transaction, organizationId, campaignId, source, members, ct);
            members = members.ConvertAll(m => m with { IsOvertaken = overtaken.Contains(m.PersonId) });
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
        await transaction.MoveWaveAsync(campaignId, part, calls.Count, ct);
        await (calls.Count == members.Count ? waits.MoveAsync(transaction, campaignId, cursor.Next + calls.Count, ct)
            : waits.WaitForRoomAsync(transaction, campaignId, cursor.Next + calls.Count, roomAt, now, ct));
        await transaction.CommitAsync(ct);
        await outbox.PutAsync([.. calls.Where(c => c.Events[0] is MessageQueued)
            .Select(c => new SendJob(organizationId, c.StreamId, number.AccountId, campaignId))], ct);
        return calls.Count == members.Count;
    }

    // The template changed since the launch, so that nobody could be sent it: people must see that, rather than everybody skipped in
    // silence.
    // Resuming judges it again.
    private async Task NotFittingAsync(Guid organizationId, Guid campaignId, string refusal, CancellationToken ct)
    {
        LogNotFitting(campaignId, refusal);
        await mediator.Send(new PauseCampaign(organizationId, campaignId,
            Text.Cut($"template_parameters do not fit the template any more: {refusal}", PauseReasonMax)), ct);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "campaigns: shard {Shard} could not be looked at; trying again in {Seconds} s")]
    private partial void LogRound(Exception e, string shard, double seconds);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "campaign {CampaignId}: this turn failed and is rolled back; trying again in {Seconds} s")]
    private partial void LogCampaign(Exception e, Guid campaignId, double seconds);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "campaign {CampaignId}: paused, because its parameters do not fit the template any more: {Reason}")]
    private partial void LogNotFitting(Guid campaignId, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "campaign {CampaignId}: paused: {Reason}")]
    private partial void LogSpent(Guid campaignId, string reason);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "campaign {CampaignId}: its hour came, but it cannot be launched ({Code}); cancelled")]
    private partial void LogRefused(Guid campaignId, string code);
}
