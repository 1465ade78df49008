using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.Projections;

/// <summary>A store was away and is back: nothing is shown as trouble any more, though nobody sends anything.</summary>
public sealed class TroubleIsOverTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, 0)] // it struck while the runner found out where the view stands
    [InlineData(3, 0)]
    [InlineData(0, 3)] // … while it wrote
    [InlineData(2, 2)]
    public async Task A_projection_at_rest_shows_no_trouble_of_before(int entering, int writing)
    {
        var view = new TroubledView { Entering = entering, Writing = writing };
        await using var readers = new LogReaders(new());
        var signals = LogDatabase.NewSignals();
        await using var store = new PostgresEventStore(database.Shards, [], signals, new(), TimeProvider.System);
        using var runner =
            new ProjectionRunner([view], database.Shards, readers, signals, TimeProvider.System, NullLogger<ProjectionRunner>.Instance);
        var stream = Uuid.New();
        var last = (await store.AppendAsync(await database.NewOrganizationAsync(), [Append(stream, 0, Paused(stream, "x"))],
            Ct)).LastPosition.Sequence;
        await runner.StartAsync(Ct);
        try
        {
            ProjectionStatus? status = null;
            await RunnerProcess.UntilAsync(async () =>
                (status = (await runner.StatusAsync(Ct)).SingleOrDefault(s => s.Name == view.Name)) is { State: ProjectionState.Running }
                && status.Sequence >= last);
            view.Troubles.ShouldBe(entering + writing);
            (status!.State, status.Error).ShouldBe((ProjectionState.Running, null));
        }
        finally
        {
            await runner.StopAsync(CancellationToken.None);
        }
    }

    /// <summary>A view in a store that is away for the first calls.</summary>
    private sealed class TroubledView : IProjection
    {
        private long checkpoint;

        public int Entering { get; set; }

        public int Writing { get; set; }

        public int Troubles { get; private set; }

        public string Name { get; } = $"troubled_{Guid.NewGuid():N}.v1";

        public IReadOnlyCollection<string> EventTypes => ["campaign_paused"];

        public int PageEventsMax => 100;

        public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => Entering-- > 0 ? throw Away() : Task.FromResult(checkpoint);

        public Task ApplyAsync(EventPage page, CancellationToken ct)
        {
            if (Writing-- > 0)
            {
                throw Away();
            }

            checkpoint = page.UpTo;
            return Task.CompletedTask;
        }

        private StoreUnavailable Away()
        {
            Troubles++;
            return new("postgres");
        }
    }
}
