using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Benchmarks;

/// <summary>
/// A view with one row for each stream: what an aggregate's read model costs when neighbours in the log are of different streams.
/// </summary>
internal sealed class StreamSummary : PostgresProjection
{
    public const int Page = 5_000;

    private const int Connections = 4;

    public override string Name => "stream_summary.v1";

    public override IReadOnlyCollection<string>? EventTypes => null;

    public override int PageEventsMax => Page;

    public override IProjectionCopy? Beside { get; } = new Copy();

    protected override int Parts => Connections;

    public static string Upsert(string table) => $"""
        INSERT INTO {table} AS s (stream_id, organization_id, version, reason, at) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[])
        ON CONFLICT (stream_id) DO UPDATE SET version = excluded.version, reason = excluded.reason, at = excluded.at
        """;

    protected override Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct) =>
        WriteAsync(tx, page, "public.stream_summary", ct);

    private static Task WriteAsync(TenantTransaction tx, EventPage page, string table, CancellationToken ct)
    {
        var last = new Dictionary<Guid, StoredEvent>(page.Events.Count);
        foreach (var stored in page.Events)
        {
            last[stored.StreamId] = stored;
        }

        var rows = last.Values.ToArray();
        return tx.ExecuteAsync(Upsert(table), ct, Array.ConvertAll(rows, r => r.StreamId), Array.ConvertAll(rows, r => r.OrganizationId),
            Array.ConvertAll(rows, r => r.Version),
            Array.ConvertAll(rows, r => (r.Body as CampaignPaused)?.Reason), Array.ConvertAll(rows, r => r.Timestamp.UtcDateTime));
    }

    private sealed class Copy() : PostgresCopy("stream_summary.v1")
    {
        public override IReadOnlyCollection<string>? EventTypes => null;

        public override int PageEventsMax => Page;

        protected override int Parts => Connections;

        protected override Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct) =>
            WriteAsync(tx, page, "public.stream_summary_next", ct);

        protected override Task EmptyAsync(TenantTransaction tx, CancellationToken ct) =>
            tx.ExecuteAsync("TRUNCATE public.stream_summary_next", ct);

        protected override async Task SwapAsync(TenantTransaction tx, CancellationToken ct)
        {
            await tx.ExecuteAsync("TRUNCATE public.stream_summary", ct);
            await tx.ExecuteAsync("INSERT INTO public.stream_summary SELECT * FROM public.stream_summary_next", ct);
        }
    }
}
