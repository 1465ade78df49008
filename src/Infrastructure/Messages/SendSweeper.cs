using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// Brings every message on its way to an end whatever was killed or wiped: queued ones that Redis lost are put in again, calls of dead
/// processes become unknown,
/// unknowns are closed at their deadline, accepted ones expire at the end of Meta's time-to-live.
/// </summary>
public sealed partial class SendSweeper(Shards shards, IEventStore store, Outbox outbox, LimitWaiters waiters, ProcessIdentity instance,
    SenderOptions options, TimeProvider clock, ILogger<SendSweeper> log) : BackgroundService
{
    /// <summary>Pause between two rounds.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    /// <summary>A queued message that has been due for this long is put into Redis again (harmless when it is still there).</summary>
    public static readonly TimeSpan QueuedPatience = TimeSpan.FromSeconds(10);

    /// <summary>A call of a living process without an outcome after this long is unknown. More than the Graph time-out.</summary>
    public static readonly TimeSpan SendingPatience = TimeSpan.FromMinutes(3);

    /// <summary>
    /// A process whose lock has been free for this long is dead. After a restart of PostgreSQL a living one takes its lock again within 4
    /// s: a look every 2, a pause of 2.
    /// </summary>
    public static readonly TimeSpan DeadAfter = TimeSpan.FromSeconds(8);

    private const int PageMax = 1_000;

    // Messages that could not be ruled on, for a reason that is no store's: left alone for a while, so that they keep nobody waiting behind
    // them and the log is bounded.
    private static readonly TimeSpan SetAsideFor = TimeSpan.FromMinutes(10);

    [Bounded("processes that died in the last seconds")]
    private readonly Dictionary<(Shard Shard, Guid Owner), long> freeSince = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Sending);
        await instance.Ready.WaitAsync(stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var shard in shards.All)
            {
                try
                {
                    await SweepAsync(shard, stoppingToken);
                    Loop.Worked(shard.Name);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    LogFailed(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
            }

            await Task.Delay(Every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One round over one shard.</summary>
    public async Task SweepAsync(Shard shard, CancellationToken ct)
    {
        await OwnersAsync(shard, ct);
        await DueAsync(shard, SendState.Unknown, clock.GetUtcNow(), (state, now) => Message.CloseUnknown(state, "deadline", now), ct);
        await DueAsync(shard, SendState.Awaiting, clock.GetUtcNow(), Message.Expire, ct);
        await waiters.WakeAsync(shard, ct);
        await RequeueAsync(shard, ct);
    }

    private async Task RequeueAsync(Shard shard, CancellationToken ct)
    {
        var due = await ReadDueAsync(shard, SendState.Queued, clock.GetUtcNow() - QueuedPatience, ct);
        if (due.Count == 0
            || !await outbox.PutAsync([.. due.Select(d => new SendJob(d.Organization, d.Message, d.Account, d.Campaign))], ct, again: true))
        {
            return;
        }

        // Looked at again after the same patience; a message that left meanwhile is no longer in state queued.
        foreach (var group in due.GroupBy(d => d.Organization))
        {
            await using var transaction = await shard.BeginAsync(group.Key, ct);
            await transaction.ExecuteAsync("UPDATE bsp.send_queue SET due_at = $2 WHERE message_id = ANY ($1) AND state = 0", ct,
                group.Select(d => d.Message).ToArray(), clock.GetUtcNow().UtcDateTime);
            await transaction.CommitAsync(ct);
        }
    }

    private async Task DueAsync(Shard shard, SendState state, DateTimeOffset before, Func<Message, DateTimeOffset, MessageEvent[]> decide,
        CancellationToken ct)
    {
        foreach (var group in (await ReadDueAsync(shard, state, before, ct)).GroupBy(d => d.Organization))
        {
            await RuleAsync(shard, group.Key, [.. group.Select(d => d.Message)], decide, ct);
        }
    }

    private async Task OwnersAsync(Shard shard, CancellationToken ct)
    {
        // The locks last as long as this transaction: behind a pooler, the next statement may run on another connection of the server.
        await using var connection = await shard.App.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var owners = new List<Guid>();
        await using (var command = new NpgsqlCommand("SELECT bsp.sending_owners()", connection))
        await using (var reader = await command.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct))
            {
                owners.Add(reader.GetGuid(0));
            }
        }

        foreach (var owner in owners)
        {
            var free = owner != instance.Id && await TryLockAsync(connection, owner, ct);
            var dead = IsDead((shard, owner), free);
            await LoseTrackAsync(shard, owner, dead ? clock.GetUtcNow() : clock.GetUtcNow() - SendingPatience, dead
                ? "the sending process died" : "no outcome was recorded", ct);
        }
    }

    private bool IsDead((Shard Shard, Guid Owner) who, bool free)
    {
        if (!free)
        {
            freeSince.Remove(who);
            return false;
        }

        freeSince.TryAdd(who, clock.GetTimestamp());
        return clock.GetElapsedTime(freeSince[who]) >= DeadAfter;
    }

    private static async Task<bool> TryLockAsync(NpgsqlConnection connection, Guid owner, CancellationToken ct)
    {
        await using var command =
            new NpgsqlCommand("SELECT pg_try_advisory_xact_lock($1)",
                connection) { Parameters = { new() { Value = ProcessIdentity.LockKey(owner) } } };
        return (bool)(await command.ExecuteScalarAsync(ct))!;
    }

    private async Task LoseTrackAsync(Shard shard, Guid owner, DateTimeOffset before, string reason, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT organization_id, message_id FROM bsp.sends_of_owner($1, $2, $3)");
        command.Parameters.AddRange(new NpgsqlParameter[] { new() { Value = owner }, new() { Value = before.UtcDateTime },
            new() { Value = PageMax } });
        var lost = new List<(Guid Organization, Guid Message)>();
        await using (var reader = await command.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct))
            {
                lost.Add((reader.GetGuid(0), reader.GetGuid(1)));
            }
        }

        foreach (var group in lost.GroupBy(l => l.Organization))
        {
            LogLost(group.Count(), group.Key, reason);
            await RuleAsync(shard, group.Key, [.. group.Select(l => l.Message)], (state, now) =>
                Message.LoseTrack(state, reason, now + options.UnknownDeadline, now), ct);
        }
    }

    private async Task RuleAsync(Shard shard, Guid organizationId, Guid[] messages, Func<Message, DateTimeOffset, MessageEvent[]> decide,
        CancellationToken ct)
    {
        if (await TryRuleAsync(shard, organizationId, messages, decide, ct) is not { } rulings)
        {
            return;
        }

        var now = clock.GetUtcNow();
        var stale = rulings.Where(r => r.Events.Count == 0).Select(r => r.MessageId).ToArray();
        if (stale.Length > 0)
        {
            // The log says it is over (a delivery was heard, say) but the row was left: the row goes, or it would be looked at for ever.
            await using var transaction = await shard.BeginAsync(organizationId, ct);
            await transaction.ExecuteAsync("DELETE FROM bsp.send_queue WHERE message_id = ANY ($1) AND state >= 2 AND due_at <= $2", ct,
                stale, now.UtcDateTime);
            await transaction.CommitAsync(ct);
        }
    }

    // Null: ruled on one by one, or set aside. One bad message fails neither its neighbours nor the shards' other organizations.
    private async Task<IReadOnlyList<Ruling>?> TryRuleAsync(Shard shard, Guid organizationId, Guid[] messages,
        Func<Message, DateTimeOffset, MessageEvent[]> decide, CancellationToken ct)
    {
        try
        {
            var now = clock.GetUtcNow();
            return await store.RuleAsync(organizationId, messages, (_, state) => decide(state, now), ct);
        }
        catch (Exception e) when (e is not OperationCanceledException && !StoreTrouble.Is(e))
        {
            if (messages.Length > 1)
            {
                await RuleAsync(shard, organizationId, messages[..(messages.Length / 2)], decide, ct);
                await RuleAsync(shard, organizationId, messages[(messages.Length / 2)..], decide, ct);
                return null;
            }

            LogSetAside(e, messages[0], SetAsideFor.TotalMinutes);
            await using var transaction = await shard.BeginAsync(organizationId, ct);
            await transaction.ExecuteAsync("UPDATE bsp.send_queue SET due_at = $2 WHERE message_id = ANY ($1)", ct, messages,
                (clock.GetUtcNow() + SetAsideFor).UtcDateTime);
            await transaction.CommitAsync(ct);
            return null;
        }
    }

    private static async Task<List<(Guid Organization, Guid Message, Guid Account, Guid? Campaign)>> ReadDueAsync(Shard shard,
        SendState state, DateTimeOffset before, CancellationToken ct)
    {
        await using var command =
            shard.App.CreateCommand("SELECT organization_id, message_id, account_id, campaign_id FROM bsp.sends_due($1, $2, $3, $4)");
        command.Parameters.AddRange(new NpgsqlParameter[] { new() { Value = (short)state }, new() { Value = before.UtcDateTime },
            new() { Value = PageMax }, new() { Value = Campaign.SendingWords } });
        var due = new List<(Guid, Guid, Guid, Guid?)>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            due.Add((reader.GetGuid(0), reader.GetGuid(1), reader.GetGuid(2), reader.IsDBNull(3) ? null : reader.GetGuid(3)));
        }

        return due;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "sweeper: {Count} messages of {OrganizationId} are of unknown outcome: {Reason}")]
    private partial void LogLost(int count, Guid organizationId, string reason);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "sweeper: message {MessageId} could not be ruled on; it is looked at again in {Minutes} minutes")]
    private partial void LogSetAside(Exception e, Guid messageId, double minutes);

    [LoggerMessage(Level = LogLevel.Error, Message = "sweeper: shard {Shard} could not be swept; trying again")]
    private partial void LogFailed(Exception e, string shard);
}
