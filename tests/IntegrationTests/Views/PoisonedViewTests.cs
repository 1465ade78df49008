using System.Text;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Views;

/// <summary>One message that a view cannot take: it is parked and named, everything else flows, and once it can be taken it is.</summary>
public sealed class PoisonedViewTests(StoresFixture fixture)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_of_which_no_document_can_be_made_is_parked_alone_and_shown_once_it_can_be()
    {
        await using var world = await World.NewAsync(fixture);
        var data = new Spoilt { Poison = world.Poison.Content.Data };
        var views = new PostgresDocumentViews(world.Database.Shards);
        await world.RunAsync(new ConversationsProjection(new PostgresDocumentStore(), data), async runner =>
        {
            (await ShownAsync(world.Bad)).ShouldBe(World.Each - 1);
            (await ShownAsync(world.Good)).ShouldBe(World.Each);
            data.Poison = null;
            await runner.RequestAsync(ViewNames.Conversations, ProjectionRequest.Retry, Ct);
        });
        (await ShownAsync(world.Bad)).ShouldBe(World.Each);
        (await views.ConversationAsync(world.Bad, world.Poison.Ref.ConversationId, Ct))!.MessageCount.Incoming.ShouldBe(World.Each);

        async Task<int> ShownAsync(Guid organization) => (await views.MessagesAsync(organization,
            (await views.ConversationsAsync(organization, new(), 10, null, Ct)).Data.Single().Uuid, 50, null, Ct)).Data.Count;
    }

    [Fact]
    public async Task A_row_that_ClickHouse_refuses_is_parked_alone_and_counted_once_it_can_be()
    {
        await using var world = await World.NewAsync(fixture);
        using var client = ClickHouseTests.NewClient(fixture);
        var schema = new ClickHouseSchema(client);
        using var daily = new DailyStats(client, schema, world.Database.Shards, TimeProvider.System, NullLogger<DailyStats>.Instance);
        var entry = new Refusing(new HttpEntry(client)) { Poison = world.Poison.Ref.MessageId.ToString() };
        await world.RunAsync(new MessageAnalyticsProjection(client, schema, daily, world.Database.Shards, entry), async runner =>
        {
            (await RowsAsync(world.Bad)).ShouldBe(World.Each - 1);
            (await RowsAsync(world.Good)).ShouldBe(World.Each);
            entry.Poison = null;
            await runner.RequestAsync(ViewNames.MessageAnalytics, ProjectionRequest.Retry, Ct);
        });
        (await RowsAsync(world.Bad)).ShouldBe(World.Each);

        async Task<int> RowsAsync(Guid organization) => (await client.QueryAsync(
            "SELECT count() FROM message_analytics FINAL WHERE organization_id = {o:UUID}", r =>
                Convert.ToInt32(r.GetValue(0), System.Globalization.CultureInfo.InvariantCulture), Ct, ("o", organization)))[0];
    }

    /// <summary>Two organizations whose customers wrote; one message of the first is the poison.</summary>
    private sealed class World(ViewsDatabase database, Guid bad, Guid good, MessageReceived poison, long end) : IAsyncDisposable
    {
        public const int Each = 8;

        public ViewsDatabase Database => database;

        public Guid Bad => bad;

        public Guid Good => good;

        public MessageReceived Poison => poison;

        public static async Task<World> NewAsync(StoresFixture fixture)
        {
            var database = await ViewsDatabase.NewAsync(fixture);
            var (bad, good) = (await database.NewOrganizationAsync(), await database.NewOrganizationAsync());
            await using var store = new PostgresEventStore(database.Shards, [], LogDatabase.NewSignals(), new(), TimeProvider.System);
            MessageReceived? poison = null;
            var end = 0L;
            foreach (var (organization, from) in new[] { (bad, "919000000001"), (good, "919000000002") })
            {
                var facts = Enumerable.Range(0, Each).Select(n =>
                    Inbound.Message($"wamid.{from}.{n}", $$$"""{"type":"text","text":{"body":"text {{{n}}}"}}""", n, from)).ToList();
                poison ??= facts[Each / 2];
                var outcome = await store.AppendAsync(organization,
                    [.. facts.Select(fact => new StreamAppend(fact.Ref.MessageId, "message", 0, [fact]))], Ct);
                outcome.Verdict.ShouldBe(AppendVerdict.Ok);
                end = outcome.LastPosition.Sequence;
            }

            return new(database, bad, good, poison!, end);
        }

        /// <summary>Until the whole log was gone through and one event is parked, then the work, then until none is.</summary>
        public async Task RunAsync(IProjection projection, Func<ProjectionRunner, Task> work)
        {
            await using var readers = new LogReaders(new());
            using var runner = new ProjectionRunner([projection], database.Shards, readers, LogDatabase.NewSignals(), TimeProvider.System,
                NullLogger<ProjectionRunner>.Instance);
            await runner.StartAsync(Ct);
            try
            {
                await runner.WaitAsync(projection.Name, database.Shard, end, Patience.Deadline, Ct);
                await UntilAsync(status => status is { State: ProjectionState.Running, Parked: 1 });
                (await database.ScalarAsync<Guid>(
                    "SELECT e.stream_id FROM bsp.parked_events p JOIN mt_events e ON e.seq_id = p.sequence WHERE p.projection = $1",
                    projection.Name)).ShouldBe(poison.Ref.MessageId);
                await work(runner);
                await UntilAsync(status => status is { State: ProjectionState.Running, Parked: 0, Pending: null, Rebuild: null });
            }
            finally
            {
                await runner.StopAsync(CancellationToken.None);
            }

            Task UntilAsync(Func<ProjectionStatus?, bool> wanted) => Patience.UntilAsync(
                async () => (await runner.StatusAsync(Ct)).SingleOrDefault(s => s.Name == projection.Name), wanted,
                $"{projection.Name} is as wanted");
        }

        public ValueTask DisposeAsync() => database.DisposeAsync();
    }

    private sealed class Spoilt : IPersonalData
    {
        private readonly Plain plain = new();

        public string? Poison { get; set; }

        public void Forget(Guid organizationId, Guid contactId) => plain.Forget(organizationId, contactId);

        public Task<IReadOnlyList<Sealed>> SealAsync(Guid organizationId, IReadOnlyList<(Guid ContactId, string Text)> texts,
            CancellationToken ct) => plain.SealAsync(organizationId, texts, ct);

        public Task<IReadOnlyList<string?>> OpenAsync(Guid organizationId, IReadOnlyList<Sealed> data, CancellationToken ct) =>
            data.Any(d => d.Data == Poison) ? throw new InvalidOperationException("This one is spoilt.")
                : plain.OpenAsync(organizationId, data, ct);
    }

    private sealed class Refusing(IAnalyticsEntry entry) : IAnalyticsEntry
    {
        public string? Poison { get; set; }

        public Task InsertAsync(AnalyticsBatch batch, string token, CancellationToken ct) =>
            Poison is { } poison && Encoding.UTF8.GetString(batch.Json.Span).Contains(poison, StringComparison.Ordinal)
                ? throw new ClickHouseException(27, "This one cannot be read.") : entry.InsertAsync(batch, token, ct);
    }
}
