using System.Runtime.CompilerServices;
using System.Text.Json;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.LedgerHeads;

/// <summary>Entries as they are stored in a month's stream.</summary>
internal static class StoredEntries
{
    private static readonly JsonSerializerOptions Stored = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static async Task<LedgerEntry?> AtAsync(TenantTransaction transaction, Guid organizationId, Guid stream, long version,
        CancellationToken ct) =>
        (await transaction.QueryAsync(
            "SELECT (e.data -> 'entry')::text FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = $2 AND e.version = $3",
            r => Read(r.GetString(0)), ct, organizationId.ToString(), stream, version)).FirstOrDefault();

    /// <summary>The last one; null: the stream has none.</summary>
    public static async Task<LedgerEntry?> LastAsync(TenantTransaction transaction, Guid organizationId, Guid stream,
        CancellationToken ct) =>
        (await transaction.QueryAsync(
            "SELECT (e.data -> 'entry')::text FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = $2 ORDER BY e.version "
            + "DESC LIMIT 1",
            r => Read(r.GetString(0)), ct, organizationId.ToString(), stream)).FirstOrDefault();

    /// <summary>The last one of the first <paramref name="size"/> that was recorded at or before a moment; null: none was.</summary>
    public static async Task<LedgerEntry?> LastAsync(TenantTransaction transaction, Guid organizationId, Guid stream, long size,
        DateTimeOffset asOf, CancellationToken ct) =>
        (await transaction.QueryAsync("SELECT (bsp.ledger_entry_at($1, $2, $3, $4) -> 'entry')::text", r => r.IsDBNull(0) ? null
            : Read(r.GetString(0)), ct,
            organizationId.ToString(), stream, size, LedgerTime.Text(asOf))).FirstOrDefault();

    private static LedgerEntry? Read(string json) => JsonSerializer.Deserialize<LedgerEntry>(json, Stored);
}

/// <summary>Pages by version, each in a transaction of its own: a slow reader holds nothing, and entries are never changed
/// meanwhile.</summary>
public sealed class ExportLedgerHandler(Shards shards) : IRequestHandler<ExportLedger, IAsyncEnumerable<IReadOnlyList<JsonElement>>>
{
    private const int PageEntries = 2_000;

    public async Task<IAsyncEnumerable<IReadOnlyList<JsonElement>>> Handle(ExportLedger query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var wallets =
            await shard.QueryAsync(query.OrganizationId,
            "SELECT h.currency, h.first_month, h.month FROM bsp.ledger_heads h WHERE h.organization_id = $1 ORDER BY h.currency",
            r => (Currency: r.GetString(0), First: r.GetString(1), Last: r.GetString(2)), ct, query.OrganizationId);
        var months = wallets.SelectMany(w => Months(Later(query.From, w.First), Earlier(query.To, w.Last))
            .Select(month => (w.Currency, month))).ToList();
        return PagesAsync(shard, query.OrganizationId, months, ct);
    }

    private static string Later(string? asked, string first) => string.CompareOrdinal(asked, first) > 0 ? asked! : first;

    private static string Earlier(string? asked, string last) => asked is not null && string.CompareOrdinal(asked, last) < 0 ? asked : last;

    private static IEnumerable<string> Months(string first, string last)
    {
        for (var month = first; string.CompareOrdinal(month, last) <= 0; month = LedgerTime.Next(month))
        {
            yield return month;
        }
    }

    private static async IAsyncEnumerable<IReadOnlyList<JsonElement>> PagesAsync(Shard shard, Guid organizationId,
        List<(string Currency, string Month)> months, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var (currency, month) in months)
        {
            var (stream, after) = (Uuid.Ledger(organizationId, currency, month), 0L);
            for (var more = true; more;)
            {
                var page = await shard.QueryAsync(organizationId, """
                    SELECT e.version, (e.data -> 'entry')::text FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = $2 AND
                      e.version > $3 ORDER BY e.version LIMIT $4
                    """, r => (Version: r.GetInt64(0), Entry: JsonSerializer.Deserialize<JsonElement>(r.GetString(1))), ct,
                        organizationId.ToString(), stream, after, PageEntries);
                more = page.Count == PageEntries;
                if (page.Count > 0)
                {
                    after = page[^1].Version;
                    yield return [.. page.Select(p => p.Entry)];
                }
            }
        }
    }
}
