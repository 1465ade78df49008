using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Conversations;

/// <summary>
/// Wakes what was put aside and hands out what waits for a team. Several processes may do so at once: each step is decided on the
/// conversation itself, at its version. Decision: docs/decisions/0252.
/// </summary>
public sealed partial class InboxDriver(Shards shards, IEventStore store, TeamTurns turns, LogSignals signals, TimeProvider clock,
    ILogger<InboxDriver> log) : BackgroundService
{
    private const int SnoozesAtOnce = 200;
    private const int OrganizationsMax = 10_000;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(200);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Background);
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var shard in shards.All)
            {
                try
                {
                    await WakeAsync(shard, stoppingToken);
                    await HandOutAsync(shard, stoppingToken);
                    Loop.Worked(shard.Name);
                }
                catch (Exception e) when ((StoreTrouble.Is(e) || e is Refusal or VersionConflict) && !stoppingToken.IsCancellationRequested)
                {
                    LogRound(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
            }

            var appended = shards.All.Select(shard => signals.Of(shard).Next).ToList();
            await Task.Delay(Least, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.WhenAny([.. appended, Task.Delay(LookEvery, clock, stoppingToken)]);
        }
    }

    /// <summary>Wakes the conversations of a shard whose time has come; how many were looked at.</summary>
    public async Task<int> WakeAsync(Shard shard, CancellationToken ct)
    {
        var due = await DueAsync(shard, "SELECT organization_id, conversation_id FROM bsp.due_snoozes($1, $2)", r =>
            (Organization: r.GetGuid(0), Conversation: r.GetGuid(1)), ct, clock.GetUtcNow().UtcDateTime, SnoozesAtOnce);
        foreach (var (organization, conversation) in due)
        {
            using var _ = new CurrentRequest { CorrelationId = $"snooze/{conversation}", Caller = "inbox-driver" }.Enter();
            await store.Decide<Conversation, ConversationEvent>(organization, conversation, state =>
                Conversation.WakeDue(state, clock.GetUtcNow()), null, ct);
        }

        return due.Count;
    }

    /// <summary>Takes back from those who went away and gives to those whose turn it is.</summary>
    public async Task HandOutAsync(Shard shard, CancellationToken ct)
    {
        foreach (var organization in await DueAsync(shard, "SELECT organization_id FROM bsp.organizations_with_teams($1)", r =>
            r.GetGuid(0), ct, OrganizationsMax))
        {
            try
            {
                using var _ = new CurrentRequest { CorrelationId = $"teams/{organization}", Caller = "inbox-driver" }.Enter();
                await turns.TakeAsync(shard, organization, ct);
                Loop.Worked($"{shard.Name} teams");
            }
            catch (Exception e)
                when ((StoreTrouble.Is(e) || e is StoreUnavailable or Refusal or VersionConflict) && !ct.IsCancellationRequested)
            {
                LogOrganization(e, organization); // the others' turns do not wait for it
                Loop.Failed(e, $"{shard.Name} teams");
            }
        }
    }

    private static async Task<List<T>> DueAsync<T>(Shard shard, string sql, Func<NpgsqlDataReader, T> map, CancellationToken ct,
        params object[] arguments)
    {
        await using var command = shard.App.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(map(reader));
        }

        return rows;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "inbox: shard {Shard} could not be looked at; trying again")]
    private partial void LogRound(Exception e, string shard);

    [LoggerMessage(Level = LogLevel.Warning, Message = "inbox: the teams of organization {OrganizationId} were not served; trying again")]
    private partial void LogOrganization(Exception e, Guid organizationId);
}
