using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Npgsql;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.EventStore;

public sealed class InlineViewTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Inline_rows_are_written_with_their_events_and_only_for_accepted_calls()
    {
        await CreateTableAsync(database);
        await using var store = database.NewStore(views: new UniqueReasons());
        var organization = await database.NewOrganizationAsync();
        var streams = Enumerable.Range(0, 100).Select(_ => Uuid.New()).ToList();
        var gone = streams[7];
        await store.AppendAsync(organization, [Append(gone, 0, Resumed(gone))], Ct);

        var outcomes =
            await Task.WhenAll(streams.Select((stream, i) =>
                store.AppendAsync(organization, [Append(stream, 0, Paused(stream, $"{organization}/{i}"))], Ct)));

        outcomes[7].Verdict.ShouldBe(AppendVerdict.Conflict);
        var rows = await database.AdminQueryAsync(
            "SELECT r.campaign_id, r.sequence = e.seq_id AND r.at = e.timestamp FROM reasons r JOIN mt_events e ON e.stream_id = r.campaign_id WHERE r.organization_id = $1",
            row => (row.GetGuid(0), row.GetBoolean(1)), organization);
        rows.Select(row => row.Item1).ShouldBe(streams.Where(stream => stream != gone), ignoreOrder: true);
        rows.ShouldAllBe(row => row.Item2);
    }

    [Fact]
    public async Task A_call_whose_inline_row_is_refused_is_not_written_and_its_neighbours_are()
    {
        await CreateTableAsync(database);
        await using var store = database.NewStore(views: new UniqueReasons());
        var organization = await database.NewOrganizationAsync();
        var streams = Enumerable.Range(0, 30).Select(_ => Uuid.New()).ToList();

        var calls = streams.Select((stream, i) =>
            store.AppendAsync(organization, [Append(stream, 0, Paused(stream, $"{organization}/{i % 29}"))], Ct)).ToList();
        await Task.WhenAll(calls).ContinueWith(_ => { }, TaskScheduler.Default);

        var failed = calls.Single(call => call.IsFaulted);
        failed.Exception!.InnerException.ShouldBeOfType<PostgresException>().SqlState.ShouldBe(PostgresErrorCodes.UniqueViolation);
        (await store.LoadManyAsync(organization, streams, Ct)).Select(s => s.Version)
            .ShouldBe(calls.Select(call => call == failed ? 0L : 1L));
    }

    [Fact]
    public async Task A_view_that_wants_none_of_the_events_is_not_asked()
    {
        await CreateTableAsync(database);
        await using var store = database.NewStore(views: new UniqueReasons());
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());

        (await store.AppendAsync(organization, [Append(stream, 0, Resumed(stream))], Ct)).Verdict.ShouldBe(AppendVerdict.Ok);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_claim_is_marked_in_the_transaction_of_its_first_written_call(bool conflict)
    {
        await using var store = database.NewStore();
        var (organization, stream, other) = (await database.NewOrganizationAsync(), Uuid.New(), Uuid.New());
        var claim = await ClaimAsync(database, organization);
        var request = new CurrentRequest { CorrelationId = "t", Claim = new(claim, stream, WorkDone: false) };
        using (request.Enter())
        {
            await store.AppendAsync(organization, [Append(stream, conflict ? 5 : 0, Resumed(stream)), Append(other, 0, Resumed(other))],
                Ct);
        }

        request.ClaimMarked.ShouldBe(!conflict);
        (await database.ScalarAsync<bool>("SELECT work_done FROM bsp.idempotency_keys WHERE claim_id = $1", claim)).ShouldBe(!conflict);
    }

    [Fact]
    public async Task The_lean_call_marks_a_claim_of_the_platform_too()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        var claim = await ClaimAsync(database, Guid.Empty);
        using (new CurrentRequest { CorrelationId = "t", Claim = new(claim, stream, WorkDone: false) }.Enter())
        {
            await store.AppendAsync(organization, [Append(stream, 0, Resumed(stream))], Ct);
        }

        (await database.ScalarAsync<bool>("SELECT work_done FROM bsp.idempotency_keys WHERE claim_id = $1", claim)).ShouldBeTrue();
    }

    [Fact]
    public async Task Inside_a_transaction_calls_inline_rows_and_checkpoint_stand_or_fall_together()
    {
        await CreateTableAsync(database);
        await using var store = database.NewStore(views: new UniqueReasons());
        var (organization, a, b) = (await database.NewOrganizationAsync(), Uuid.New(), Uuid.New());

        foreach (var commit in new[] { false, true })
        {
            await using var tx = await Infrastructure.Sharding.Tenancy.BeginAsync(database.Shard, organization, Ct);
            var outcomes = await store.AppendAsync(tx, database.Shard, organization,
                [[Append(a, 0, Paused(a, $"{organization}/a"))], [Append(a, 0, Resumed(a))],
                    [Append(b, 0, Paused(b, $"{organization}/b"))]], Ct);
            outcomes.Select(o => o.Verdict).ShouldBe([AppendVerdict.Ok, AppendVerdict.Conflict, AppendVerdict.Ok]);
            if (commit)
            {
                await tx.CommitAsync(Ct);
            }

            await tx.DisposeAsync();
            (await store.LoadManyAsync(organization, [a, b], Ct)).Select(s => s.Version).ShouldBe(commit ? [1L, 1L] : [0L, 0L]);
            (await database.ScalarAsync<long>("SELECT count(*) FROM reasons WHERE organization_id = $1", organization))
                .ShouldBe(commit ? 2 : 0);
        }
    }

    internal static async Task<Guid> ClaimAsync(LogDatabase database, Guid organization)
    {
        var claim = Uuid.New();
        await database.AdminQueryAsync("""
            INSERT INTO bsp.idempotency_keys (claim_id, organization_id, caller, route, key, body_sha256, resource_id, leased_until) VALUES ($1, $2, 'c', 'r', $3, 'h', $1, now())
            """, _ => 0, claim, organization, claim.ToString());
        return claim;
    }

    internal static Task CreateTableAsync(LogDatabase database) => database.AdminQueryAsync("""
        SET ROLE bsp_owner;
        CREATE TABLE IF NOT EXISTS public.reasons (organization_id uuid, campaign_id uuid, reason text PRIMARY KEY, sequence bigint, at timestamptz);
        DROP POLICY IF EXISTS tenant ON public.reasons;
        SELECT bsp.secure_by_tenant('public.reasons');
        """, _ => 0);

    internal sealed class UniqueReasons : IInlineView
    {
        public IReadOnlyCollection<string> EventTypes => ["campaign_paused"];

        public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
        {
            events.ShouldAllBe(e => e.Body is CampaignPaused);
            var command =
                new NpgsqlBatchCommand(
                    "INSERT INTO public.reasons (organization_id, campaign_id, reason, sequence, at) SELECT * FROM unnest($1, $2, $3, $4, $5)");
            command.Parameters.Add(new() { Value = events.Select(e => e.OrganizationId).ToArray() });
            command.Parameters.Add(new() { Value = events.Select(e => e.StreamId).ToArray() });
            command.Parameters.Add(new() { Value = events.Select(e => ((CampaignPaused)e.Body!).Reason).ToArray() });
            command.Parameters.Add(new() { Value = events.Select(e => e.Sequence).ToArray() });
            command.Parameters.Add(new() { Value = events.Select(e => e.Timestamp.UtcDateTime).ToArray() });
            batch.BatchCommands.Add(command);
        }
    }
}
