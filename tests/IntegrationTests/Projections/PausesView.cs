using Bsp.Application.Common;
using Bsp.Domain.Campaigns;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.EventStore;

namespace Bsp.IntegrationTests.Projections;

/// <summary>One row for each pause. Inserts without upsert: an event applied twice fails.</summary>
internal sealed class PausesView : PostgresProjection
{
    private readonly string name;
    private readonly OnPoison onPoison;
    private int failures; // parts of a page count it down at the same time

    public PausesView(string name, OnPoison onPoison, bool orderMatters = true, int parts = 1)
    {
        (this.name, this.onPoison, OrderMatters, Parts) = (name, onPoison, orderMatters, parts);
        Beside = Next = new Copy(this);
    }

    public int Pages { get; private set; }

    public bool Cured { get; set; }

    public bool Down { get; set; }

    public string Table => name;

    /// <summary>The reason it cannot take; its own, because the tests share one log.</summary>
    public string Poison => name;

    /// <summary>What is built anew.</summary>
    public Copy Next { get; }

    public override IProjectionCopy? Beside { get; }

    public override bool OrderMatters { get; }

    protected override int Parts { get; }

    /// <summary>So many calls fail after their rows were written and before they are committed, as when a store goes away.</summary>
    public int Failures
    {
        get => Volatile.Read(ref failures);
        set => Volatile.Write(ref failures, value);
    }

    public PausesView InAnotherProcess() => new(name, onPoison, OrderMatters, Parts);

    public override string Name => $"{name}.v1";

    public override OnPoison OnPoison => onPoison;

    public override IReadOnlyCollection<string> EventTypes => ["campaign_paused"];

    public Task<long> RowsAsync(LogDatabase database, Guid organization) =>
        database.ScalarAsync<long>($"SELECT count(*) FROM public.{Table} WHERE organization_id = $1", organization);

    public Task<List<string>> ContentAsync(LogDatabase database) =>
        database.AdminQueryAsync($"SELECT t::text FROM public.{Table} t ORDER BY t::text", row => row.GetString(0));

    protected override Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        Pages++;
        return InsertAsync(tx, page, Table, ct);
    }

    private async Task InsertAsync(TenantTransaction tx, EventPage page, string table, CancellationToken ct)
    {
        await tx.ExecuteAsync($"INSERT INTO public.{table} SELECT * FROM unnest($1, $2, $3, $4)", ct,
            page.Events.Select(e => e.OrganizationId).ToArray(),
            page.Events.Select(e => e.StreamId).ToArray(), page.Events.Select(e => e.Version).ToArray(),
            page.Events.Select(e => ((CampaignPaused)e.Body!).Reason).ToArray());
        if (Down || Interlocked.Decrement(ref failures) >= 0)
        {
            throw new StoreUnavailable("redis");
        }

        if (!Cured && page.Events.Any(e => e.Body is CampaignPaused paused && paused.Reason == Poison))
        {
            throw new InvalidOperationException("poisoned");
        }
    }

    internal sealed class Copy(PausesView view) : PostgresCopy(view.Name)
    {
        /// <summary>Its pages wait for this.</summary>
        public Task Gate { get; set; } = Task.CompletedTask;

        /// <summary>Asked before each page.</summary>
        public Func<Task>? BeforePage { get; set; }

        public int Swaps { get; private set; }

        public int Begins { get; private set; }

        public override IReadOnlyCollection<string> EventTypes => view.EventTypes;

        public override OnPoison OnPoison => view.OnPoison;

        public override int PageEventsMax { get; } = 100;

        protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
        {
            await (BeforePage?.Invoke() ?? Task.CompletedTask).WaitAsync(ct);
            await view.InsertAsync(tx, page, view.Table + "_next", ct);
            await Gate.WaitAsync(ct);
        }

        protected override Task EmptyAsync(TenantTransaction tx, CancellationToken ct)
        {
            Begins++; // and once more at the end of a swap
            return tx.ExecuteAsync($"DELETE FROM public.{view.Table}_next", ct);
        }

        protected override async Task SwapAsync(TenantTransaction tx, CancellationToken ct)
        {
            Swaps++;
            Begins--;
            await tx.ExecuteAsync($"DELETE FROM public.{view.Table}", ct);
            await tx.ExecuteAsync($"INSERT INTO public.{view.Table} SELECT * FROM public.{view.Table}_next", ct);
        }
    }
}
