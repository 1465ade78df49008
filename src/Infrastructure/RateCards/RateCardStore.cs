using Bsp.Application.Charging;
using Bsp.Application.Common;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Charging;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Imports;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.RateCards;

/// <summary>Rate cards in the directory: taken in, listed, shown.</summary>
public sealed class RateCardStore(Shards shards, TariffSource tariffs, AuditLog audit, TimeProvider clock)
    : IRequestHandler<ImportRateCards, Done>, IRequestHandler<ListRateCards, Page<RateCardView>>,
    IRequestHandler<GetRateCard, RateCardDetail?>
{
    public async Task<Done> Handle(ImportRateCards command, CancellationToken ct)
    {
        var content = await ReadAsync(command.Csv, await tariffs.MarketsAsync(ct), ct);
        var id = CurrentRequest.NewId();
        await using var directory = await shards.DirectoryHome().BeginAsync(Guid.Empty, ct);
        try
        {
            await RateCardRows.StoreAsync(directory.Connection, id, content, clock.GetUtcNow(), againToo: false, ct);
        }
        catch (PostgresException taken) when (taken.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw taken.ConstraintName == "rate_cards_moment"
                ? new Refusal("rate_card.moment_taken", "Another card of this currency begins at the same moment. Nothing was imported.")
                : new Refusal("rate_card.exists",
                    "There is a card of this name, or rules for it, already: a correction is a new card from a later moment on. Nothing was imported.");
        }

        await audit.NoteAsync(directory, shards.DirectoryHome(), Guid.Empty, "rate_card.imported", "rate_card", id,
            [.. content.Cards.Select(c => c.Code).Concat(content.Rules.Keys).Take(20)], ct);
        await directory.CommitAsync(ct);
        return new(id, 1);
    }

    public async Task<Page<RateCardView>> Handle(ListRateCards query, CancellationToken ct)
    {
        var tariff = await tariffs.CurrentAsync(ct);
        var now = clock.GetUtcNow();
        var rows = await shards.DirectoryHome().QueryAsync(Guid.Empty, $"""
            SELECT {Columns} FROM bsp.rate_cards c WHERE c.id > $1{(query.ImportId is null ? "" : " AND c.import_id = $3")} ORDER BY c.id LIMIT $2
            """, r => View(r, tariff, now), ct, [Keyset.After(query.Cursor), query.Limit + 1, .. query.ImportId is { } import ? new object[] { import } : []]);
        return Keyset.Of(rows, query.Limit, card => card.Id);
    }

    public async Task<RateCardDetail?> Handle(GetRateCard query, CancellationToken ct)
    {
        var tariff = await tariffs.CurrentAsync(ct);
        var view = await shards.DirectoryHome()
            .FirstAsync(Guid.Empty, $"SELECT {Columns} FROM bsp.rate_cards c WHERE c.id = $1", r =>
                View(r, tariff, clock.GetUtcNow()), ct, query.Id);
        if (view is null || tariff.Cards.FirstOrDefault(c => c.Code == view.Code) is not { } card)
        {
            return null;
        }

        var usual = tariff.Markets.Names.SelectMany(m => PricedCategories.Usual.Select(c => new MissingRate(m, c))).ToList();
        return new(view,
            [.. card.Rates.OrderBy(r => r.Market, StringComparer.Ordinal).ThenBy(r => r.Category, StringComparer.Ordinal)
                .ThenBy(r => r.TierFrom).Select(r => Shown(r, query.WithMarkup))],
            [.. card.Rules.Select(r =>
                new RuleView(r.Category, r.PricingType, r.Charges ? "unit" : "none", r.MonthlyAllowance, r.AssumedWhenMissing))],
            [.. usual.Where(p => !card.Of(p.Market, p.Category).Any())],
            usual.Count(p => card.Of(p.Market, p.Category).Any() && card.Of(p.Market, p.Category).First().Market == RateCard.AnyMarket));
    }

    private static async Task<RateCardContent> ReadAsync(Stream csv, IReadOnlySet<string> markets, DateTimeOffset now, CancellationToken ct)
    {
        using var rows = new CsvRows(csv, ',');
        try
        {
            var header = await rows.ReadAsync(ct)
                ?? throw new RefusedFields("rate_card.empty", "The body is empty: send a CSV file with a header line.",
                    new Dictionary<string, string[]> { ["line 1"] = ["is missing"] });
            var file = new RateCardFile(header.Fields, markets, now);
            while (await rows.ReadAsync(ct) is { } row)
            {
                file.Add(row.Line, row.Fields, row.Fault);
            }

            return file.Content();
        }
        catch (Refusal unreadable) when (unreadable.Code.StartsWith("import.", StringComparison.Ordinal))
        {
            throw new RefusedFields("rate_card.line", unreadable.Message,
                new Dictionary<string, string[]> { ["file"] = [unreadable.Message] });
        }
    }

    private Task<RateCardContent> ReadAsync(Stream csv, IReadOnlySet<string> markets, CancellationToken ct) =>
        ReadAsync(csv, markets, clock.GetUtcNow(), ct);

    private const string Columns =
        "c.id, c.code, c.currency, c.effective_from, (SELECT count(*)::int FROM bsp.rates r WHERE r.card_id = c.id), (SELECT count(*)::int FROM bsp.rate_rules u WHERE u.card = c.code), c.created_at";

    private static RateCardView View(NpgsqlDataReader r, Tariff tariff, DateTimeOffset now)
    {
        var (code, currency, from) = (r.GetString(1), r.GetString(2), r.GetFieldValue<DateTimeOffset>(3));
        return new(r.GetGuid(0), code, currency, from, tariff.At(currency, now)?.Code == code, r.GetInt32(4), r.GetInt32(5) > 0 ? code
            : null, r.GetFieldValue<DateTimeOffset>(6));
    }

    private static RateView Shown(Rate rate, bool withMarkup) =>
        new(rate.Market, rate.Category, rate.TierFrom, rate.TierTo, Money.Text(rate.Unit),
        withMarkup ? Money.Text(rate.UnitPrice) : null, withMarkup ? Money.Text(rate.MarkupRate) : null, withMarkup
        ? Money.Text(rate.MarkupFixed) : null);
}
