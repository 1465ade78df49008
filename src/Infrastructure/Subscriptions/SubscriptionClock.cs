using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Subscriptions;

/// <summary>
/// Carries out what falls due of subscriptions: renewals, attempts at what is owed, ends. The truth lies in <c>bsp.subscription_clock</c>:
/// any number of processes may look, a killed one leaves nothing
/// half-done, and after an outage each organization makes up for what was missed, in order. One whose step fails keeps nobody waiting.
/// </summary>
public sealed partial class SubscriptionClock(Shards shards, SubscriptionDesk desk, TimeProvider clock, ILogger<SubscriptionClock> log)
    : BackgroundService
{
    /// <summary>Pause between two looks. A top-up is noticed after as long at most.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private const int PageMax = 200;
    private const int AtOnce = 4;

    private readonly Setbacks<Guid> setbacks = new(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(10), clock);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var shard in shards.All)
            {
                try
                {
                    await RunAsync(shard, stoppingToken);
                    Loop.Worked(shard.Name);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    LogRound(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
            }

            await Task.Delay(Every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One round over a shard: everything due at its beginning, and every organization that money came to.</summary>
    public async Task RunAsync(Shard shard, CancellationToken ct)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        (DateTime At, Guid Organization) after = (DateTime.MinValue, Guid.Empty);
        while (true)
        {
            var due = await ReadAsync(shard, "SELECT organization_id, due_at FROM bsp.subscriptions_due($1, $2, $3, $4)", r =>
                (Organization: r.GetGuid(0), At: r.GetDateTime(1)), ct,
                now, DateTime.SpecifyKind(after.At, DateTimeKind.Utc), after.Organization, PageMax);
            await EachAsync(due.Select(d => d.Organization), (organization, token) => desk.SettleAsync(shard, organization, token), ct);
            if (due.Count < PageMax)
            {
                break;
            }

            after = (due[^1].At, due[^1].Organization);
        }

        for (var last = Guid.Empty; ;)
        {
            var nudged =
                await ReadAsync(shard, "SELECT organization_id FROM bsp.subscriptions_nudged($1, $2)", r =>
                    r.GetGuid(0), ct, last, PageMax);
            await EachAsync(nudged, (organization, token) => desk.ToppedUpAsync(shard, organization, token), ct);
            if (nudged.Count < PageMax)
            {
                return;
            }

            last = nudged[^1];
        }
    }

    private Task EachAsync(IEnumerable<Guid> organizations, Func<Guid, CancellationToken, Task> work, CancellationToken ct) =>
        Parallel.ForEachAsync(organizations.Where(setbacks.MayTry).ToList(),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (organization, token) =>
        {
            try
            {
                await work(organization, token);
                setbacks.Worked(organization);
                Loop.Worked(organization.ToString());
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogFailed(e, organization, setbacks.Failed(organization, StoreTrouble.Is(e)).TotalSeconds);
                Loop.Failed(e, organization.ToString());
            }
        });

    // Of no organization: the functions answer with ids and times alone.
    private static async Task<List<T>> ReadAsync<T>(Shard shard, string sql, Func<NpgsqlDataReader, T> map, CancellationToken ct,
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

    [LoggerMessage(Level = LogLevel.Error, Message = "subscriptions: shard {Shard} could not be looked at; trying again")]
    private partial void LogRound(Exception e, string shard);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "subscriptions: what is due of organization {Organization} failed and is rolled back; trying again in {Seconds} s")]
    private partial void LogFailed(Exception e, Guid organization, double seconds);
}
