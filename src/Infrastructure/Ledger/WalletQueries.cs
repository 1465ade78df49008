using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Ledger;

/// <summary>A wallet's head row, as those who look see it.</summary>
/// <param name="FirstMonth">Its chain begins there.</param>
/// <param name="Sequence">Of its last entry in the log.</param>
internal sealed record WalletRow(LedgerHead Head, decimal Reserved, string FirstMonth, long Sequence)
{
    /// <summary>The wallet of that currency, or the organization's first one; null: there is none.</summary>
    public static async Task<WalletRow?> FindAsync(Shard shard, Guid organizationId, string? currency, CancellationToken ct)
    {
        var one = currency is null ? "" : "AND h.currency = $2";
        return await shard.FirstAsync(organizationId, $"""
            SELECT {LedgerRows.HeadColumns}, h.reserved, h.first_month, h.position, h.currency FROM bsp.ledger_heads h
             WHERE h.organization_id = $1 {one} ORDER BY h.created_at, h.currency LIMIT 1
            """, row => Read(row, organizationId), ct, currency is null ? [organizationId] : [organizationId, currency]);
    }

    private static WalletRow Read(NpgsqlDataReader row, Guid organizationId) =>
        new(LedgerRows.Head(row, organizationId, row.GetString(10)), row.GetDecimal(7), row.GetString(8), row.GetInt64(9));
}

public sealed class GetWalletHandler(Shards shards, TimeProvider clock) : IRequestHandler<GetWallet, WalletView>
{
    private const string Standard = "USD";

    public async Task<WalletView> Handle(GetWallet request, CancellationToken cancellationToken)
    {
        var currency = WalletRules.CurrencyOrNull(request.Currency);
        var shard = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var asOf = LedgerTime.Cut(request.AsOf ?? clock.GetUtcNow());
        var found = await WalletRow.FindAsync(shard, request.OrganizationId, currency, cancellationToken);
        if (found is not { } wallet)
        {
            return Nothing(currency ?? Standard, asOf);
        }

        if (request.AsOf is null || asOf >= wallet.Head.LastAt)
        {
            var head = wallet.Head;
            return new(head.Currency, head.Balance, head.Held, Money.Round(head.Available - wallet.Reserved), asOf,
                new Position(shard.Epoch, wallet.Sequence).ToToken());
        }

        return await ThenAsync(shard, wallet, asOf, cancellationToken) ?? Nothing(wallet.Head.Currency, asOf);
    }

    private static WalletView Nothing(string currency, DateTimeOffset asOf) =>
        new(currency, 0.000000m, 0.000000m, 0.000000m, asOf, Position.Start.ToToken());

    private static async Task<WalletView?> ThenAsync(Shard shard, WalletRow wallet, DateTimeOffset asOf, CancellationToken ct)
    {
        var (head, month) = (wallet.Head, LedgerTime.Month(asOf));
        if (string.CompareOrdinal(month, wallet.FirstMonth) < 0)
        {
            return null;
        }

        var stream = Uuid.Ledger(head.OrganizationId, head.Currency, month);
        var size = month == head.Month ? head.Size : await shard.FirstAsync(head.OrganizationId,
            "SELECT s.version FROM public.mt_streams s WHERE s.tenant_id = $1 AND s.id = $2",
            row => row.GetInt64(0), ct, head.OrganizationId.ToString(), stream);
        var found = await shard.FirstAsync(head.OrganizationId, "SELECT bsp.ledger_entry_at($1, $2, $3, $4)::text",
            row => row.IsDBNull(0) ? null : row.GetString(0), ct, head.OrganizationId.ToString(), stream, size, LedgerTime.Text(asOf));
        if (found is null)
        {
            return null;
        }

        var then = JsonDocument.Parse(found).RootElement;
        var entry = LedgerEntriesHandler.Read(then.GetProperty("entry").GetRawText());
        return new(entry.Currency, entry.BalanceAfter, entry.HeldAfter, Money.Round(entry.BalanceAfter - entry.HeldAfter), asOf,
            new Position(shard.Epoch, then.GetProperty("position").GetInt64()).ToToken());
    }
}

public sealed class LedgerEntriesHandler(Shards shards) : IRequestHandler<ListLedgerEntries, IReadOnlyList<LedgerEntry>>
{
    public async Task<IReadOnlyList<LedgerEntry>> Handle(ListLedgerEntries request, CancellationToken cancellationToken)
    {
        var shard = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var wallet = await WalletRow.FindAsync(shard, request.OrganizationId, WalletRules.CurrencyOrNull(request.Currency),
            cancellationToken);
        if (wallet is null)
        {
            return request.After is null ? [] : throw NoSuchEntry();
        }

        var (month, version) = request.After is { } after ? await PlaceAsync(shard, wallet, after, cancellationToken)
            : (wallet.FirstMonth, 0);
        var entries = new List<LedgerEntry>();
        while (entries.Count < request.Limit && string.CompareOrdinal(month, wallet.Head.Month) <= 0)
        {
            entries.AddRange(await PartAsync(shard, wallet.Head, month, version, request.Limit - entries.Count, cancellationToken));
            (month, version) = (LedgerTime.Next(month), 0);
        }

        return entries;
    }

    /// <summary>A stored entry.</summary>
    /// <exception cref="Refusal"><c>ledger.unreadable</c></exception>
    internal static LedgerEntry Read(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<LedgerEntry>(json, EventTypes.Json)!;
        }
        catch (Exception bad) when (bad is JsonException or NotSupportedException)
        {
            throw new Refusal("ledger.unreadable",
                "What is stored there is no entry of a ledger: an audit (POST /v1/ledger/audits) names it.");
        }
    }

    // An entry's id holds its time and its place. One recorded at a month's first moment may also be the closing of the month before.
    private static async Task<(string Month, long Version)> PlaceAsync(Shard shard, WalletRow wallet, Guid after, CancellationToken ct)
    {
        if (after.Version != 7)
        {
            throw NoSuchEntry();
        }

        var (at, place) = Uuid.TimeAndPlace(after);
        foreach (var month in new[] { LedgerTime.Month(at), LedgerTime.Month(at.AddMilliseconds(-1)) }.Distinct())
        {
            if (await shard.FirstAsync(wallet.Head.OrganizationId,
                "SELECT true FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = $2 AND e.version = $3 AND e.id = $4",
                row => row.GetBoolean(0), ct, wallet.Head.OrganizationId.ToString(),
                    Uuid.Ledger(wallet.Head.OrganizationId, wallet.Head.Currency, month), place, after))
            {
                return (month, place);
            }
        }

        throw NoSuchEntry();
    }

    private static Task<List<LedgerEntry>> PartAsync(Shard shard, LedgerHead head, string month, long version, int limit,
        CancellationToken ct) =>
        shard.QueryAsync(head.OrganizationId, """
            SELECT (e.data -> 'entry')::text FROM public.mt_events e
             WHERE e.tenant_id = $1 AND e.stream_id = $2 AND e.version > $3 ORDER BY e.version LIMIT $4
            """, row => Read(row.GetString(0)), ct,
            head.OrganizationId.ToString(), Uuid.Ledger(head.OrganizationId, head.Currency, month), version, limit);

    private static RefusedFields NoSuchEntry() =>
        new("request.after", "after must be the id of an entry of this wallet.", new Dictionary<string,
            string[]> { ["after"] = ["must be the id of an entry of this wallet."] });
}
