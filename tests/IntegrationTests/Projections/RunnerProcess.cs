using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Projections;

/// <summary>The store and the runner as one process has them.</summary>
internal sealed class RunnerProcess : IAsyncDisposable
{
    public static readonly TimeSpan Patience = EndToEnd.Patience.Deadline;

    private readonly LogReaders readers = new(new());
    private bool ended;

    private RunnerProcess(LogDatabase database, IProjection projection)
    {
        var signals = LogDatabase.NewSignals();
        Store = new(database.Shards, [], signals, new(), TimeProvider.System);
        Runner = new([projection], database.Shards, readers, signals, TimeProvider.System, NullLogger<ProjectionRunner>.Instance);
    }

    public PostgresEventStore Store { get; }

    public ProjectionRunner Runner { get; }

    public static async Task<RunnerProcess> StartAsync(LogDatabase database, IProjection projection)
    {
        var process = new RunnerProcess(database, projection);
        await process.Runner.StartAsync(TestContext.Current.CancellationToken);
        return process;
    }

    public static async Task<PausesView> NewViewAsync(LogDatabase database, OnPoison onPoison = OnPoison.Park, bool orderMatters = true,
        int parts = 1)
    {
        var view = new PausesView($"pauses_{Guid.NewGuid():N}", onPoison, orderMatters, parts);
        await database.AdminQueryAsync($"""
            SET ROLE bsp_owner;
            CREATE TABLE public.{view.Table} (organization_id uuid, campaign_id uuid, version bigint, reason text, PRIMARY KEY (campaign_id, version));
            CREATE TABLE public.{view.Table}_next (LIKE public.{view.Table} INCLUDING ALL);
            SELECT bsp.secure_by_tenant('public.{view.Table}');
            SELECT bsp.secure_by_tenant('public.{view.Table}_next');
            RESET ROLE;
            """, _ => 0);
        return view;
    }

    public static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            await Task.Delay(20, patience.Token);
        }
    }

    /// <summary>Waits until the runner has entered it.</summary>
    public async Task<ProjectionStatus> StatusAsync(IProjection projection)
    {
        ProjectionStatus? status = null;
        await UntilAsync(async () =>
            (status = (await Runner.StatusAsync(TestContext.Current.CancellationToken))
                .SingleOrDefault(s => s.Name == projection.Name)) is not null);
        return status!;
    }

    public async ValueTask DisposeAsync()
    {
        if (!ended)
        {
            ended = true;
            await Runner.StopAsync(CancellationToken.None);
            await Store.DisposeAsync();
            await readers.DisposeAsync();
        }
    }
}
