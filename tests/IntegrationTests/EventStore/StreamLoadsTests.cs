using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.EventStore;

/// <summary>Streams loaded at the same moment share round trips, and nothing else.</summary>
public sealed class StreamLoadsTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Everybody_gets_his_own_stream_and_nobody_a_neighbours()
    {
        await using var store = database.NewStore();
        var organizations = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => database.NewOrganizationAsync()));
        var streams = Enumerable.Range(0, 300).Select(n => (Organization: organizations[n % 3], Id: Uuid.New(), Reason: $"r{n}")).ToList();
        await store.AppendManyAsync(
            [.. streams.Select(s =>
                (s.Organization, (IReadOnlyList<StreamAppend>)[Append(s.Id, 0, Paused(s.Id, s.Reason), Resumed(s.Id))]))], Ct);

        var own = await Task.WhenAll(streams.Select(s => store.LoadAsync(s.Organization, s.Id, Ct)));
        var foreign = await Task.WhenAll(streams.Select((s, n) => store.LoadAsync(organizations[(n + 1) % 3], s.Id, Ct)));

        for (var n = 0; n < streams.Count; n++)
        {
            own[n].Events.Select(e => e.Body).ShouldBe([Paused(streams[n].Id, streams[n].Reason), Resumed(streams[n].Id)]);
            (own[n].Version, own[n].Events[0].OrganizationId).ShouldBe((2, streams[n].Organization));
        }

        foreign.ShouldAllBe(stream => stream.Version == 0 && stream.Events.Count == 0);
    }

    [Fact]
    public async Task A_stream_that_cannot_be_read_fails_for_its_own_caller_only()
    {
        await using var store = database.NewStore();
        var organization = await database.NewOrganizationAsync();
        var streams = Enumerable.Range(0, 40).Select(_ => Uuid.New()).ToList();
        await store.AppendManyAsync([.. streams.Select(s => (organization, (IReadOnlyList<StreamAppend>)[Append(s, 0, Paused(s, "a"))]))],
            Ct);
        await database.AdminQueryAsync("UPDATE mt_events SET data = '{\"campaign_id\": [1]}' WHERE stream_id = $1", _ => 0, streams[7]);

        var loads = streams.Select(s => store.LoadAsync(organization, s, Ct)).ToList();
        await Task.WhenAll(loads).ContinueWith(_ => { }, TaskScheduler.Default);

        loads.Single(l => l.IsFaulted).ShouldBe(loads[7]);
        loads[7].Exception!.InnerException.ShouldBeAssignableTo<JsonException>();
        loads.Where(l => l != loads[7]).ShouldAllBe(l => l.Result.Version == 1);
    }

    [Fact]
    public async Task Whoever_gives_up_leaves_the_others_waiting_for_nothing()
    {
        await using var store = database.NewStore();
        var organization = await database.NewOrganizationAsync();
        var stream = Uuid.New();
        await store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "a"))], Ct);
        await using var hold = await database.Admin.OpenConnectionAsync(Ct);
        await using var locking = await hold.BeginTransactionAsync(Ct);
        await using (var command = hold.CreateCommand())
        {
            command.CommandText = "LOCK TABLE mt_events IN ACCESS EXCLUSIVE MODE";
            await command.ExecuteNonQueryAsync(Ct);
        }

        using var giving = new CancellationTokenSource();
        var (impatient, patient) = (store.LoadAsync(organization, stream, giving.Token), store.LoadAsync(organization, stream, Ct));
        await giving.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => impatient);
        patient.IsCompleted.ShouldBeFalse();
        await locking.RollbackAsync(Ct);
        (await patient).Version.ShouldBe(1);
        await Should.ThrowAsync<OperationCanceledException>(() => store.LoadAsync(organization, stream, giving.Token));
    }
}
