using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.EventStore;

public sealed class LostConnectionTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private const int KillsMin = 6;
    private const int AcknowledgedMin = 100;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_acknowledged_under_killed_backends_is_there_exactly_once()
    {
        await using var store = database.NewStore();
        var organization = await database.NewOrganizationAsync();
        var acknowledged = new ConcurrentDictionary<Guid, AppendOutcome>();
        var unavailable = 0;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        patience.CancelAfter(EndToEnd.Patience.Deadline);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(patience.Token);

        var killer = KillAsync(() => acknowledged.Count > AcknowledgedMin, stop);
        await Task.WhenAll(Enumerable.Range(0, 24).Select(w => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                var stream = Uuid.New();
                try
                {
                    // No expected version: only the event's id can tell a repeat from a new event.
                    acknowledged[stream] =
                        await store.AppendAsync(organization, [Append(stream, null, Resumed(stream), Resumed(stream))], Ct);
                }
                catch (StoreUnavailable)
                {
                    Interlocked.Increment(ref unavailable);
                }
            }
        })));
        var kills = await killer;

        kills.ShouldBeGreaterThanOrEqualTo(KillsMin, "within the patience");
        acknowledged.Count.ShouldBeGreaterThan(AcknowledgedMin);
        acknowledged.Values.ShouldAllBe(outcome => outcome.Verdict == AppendVerdict.Ok && outcome.Versions[0] == 2);
        var stored =
            await database.AdminQueryAsync(
                "SELECT stream_id, count(*), count(DISTINCT id), max(seq_id) FROM mt_events WHERE tenant_id = $1 GROUP BY 1",
            row => (Stream: row.GetGuid(0), Count: row.GetInt64(1), Ids: row.GetInt64(2), Last: row.GetInt64(3)), organization.ToString());
        stored.ShouldAllBe(row => row.Count == 2 && row.Ids == 2);
        stored.Where(row => acknowledged.ContainsKey(row.Stream)).ToDictionary(row => row.Stream, row => row.Last)
            .ShouldBe(acknowledged.ToDictionary(pair => pair.Key, pair => pair.Value.LastPosition.Sequence), ignoreOrder: true);
        stored.Count.ShouldBeLessThanOrEqualTo(acknowledged.Count + unavailable);
    }

    [Fact]
    public async Task Without_a_server_callers_are_told_that_nothing_was_written()
    {
        var text = new NpgsqlConnectionStringBuilder(database.Shard.ConnectionString) { Port = 1, Timeout = 2 }.ConnectionString;
        await using var nowhere = NpgsqlDataSource.Create(text);
        var shards = new Shards(database.Shards.Directory, // not disposed: the directory is the fixture's
            [new Shard("A-Z", 1, nowhere) { ConnectionString = text }]);
        await using var store = new PostgresEventStore(shards, [], LogDatabase.NewSignals(), new(), TimeProvider.System);
        var organization = await database.NewOrganizationAsync();
        var stream = Uuid.New();

        var append = await Should.ThrowAsync<StoreUnavailable>(store.AppendAsync(organization, [Append(stream, 0, Resumed(stream))], Ct));
        append.OutcomeUnknown.ShouldBeFalse();
        (await Should.ThrowAsync<StoreUnavailable>(store.LoadAsync(organization, stream, Ct))).Store.ShouldBe("postgres");
    }

    [Fact]
    public async Task A_full_queue_makes_callers_wait_and_loses_nobody()
    {
        await using var store = database.NewStore(new() { QueueCallsMax = 8, LanesMax = 2 });
        var organization = await database.NewOrganizationAsync();

        var outcomes =
            await store.AppendManyAsync([.. Enumerable.Range(0, 300).Select(_ => Uuid.New())
                .Select(s => (organization, (IReadOnlyList<StreamAppend>)[Append(s, 0, Resumed(s))]))], Ct);

        outcomes.ShouldAllBe(outcome => outcome.Verdict == AppendVerdict.Ok);
    }

    // Until it killed often enough and enough was acknowledged.
    private async Task<int> KillAsync(Func<bool> enough, CancellationTokenSource stop)
    {
        var kills = 0;
        while (!stop.IsCancellationRequested && (kills < KillsMin || !enough()))
        {
            kills += (int)await database.ScalarAsync<long>(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bsp append' AND state = 'active'");
            await Task.Delay(20, CancellationToken.None);
        }

        await stop.CancelAsync();
        return kills;
    }
}
