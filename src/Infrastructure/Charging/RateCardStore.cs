using Bsp.Application.Charging;
using Bsp.Application.Common;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Imports;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Charging;

/// <summary>Rate cards in the directory: taken in, listed, shown.</summary>
public sealed class RateCardStore(Shards shards, TariffSource tariffs, AuditLog audit, TimeProvider clock)
    : IRequestHandler<ImportRateCards, Done>, IRequestHandler<ListRateCards, Page<RateCardView>>, IRequestHandler<GetRateCard, RateCardDetail?>
{
    public async Task<Done> Handle(ImportRateCards command, CancellationToken ct)
    {
        var content = await ReadAsync(command.Csv, await tariffs.MarketsAsync(ct), ct);
        var id = CurrentRequest.NewId();
        await using var directory = await shards.DirectoryHome().BeginAsync(Guid.Empty, ct);
        try
        {
            await StoreAsync(directory.Connection, id, content, clock.GetUtcNow(), againToo: false, ct);
        }
        catch (PostgresException taken) when (taken.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw taken.ConstraintName == "rate_cards_moment"
                ? new Refusal("rate_card.moment_taken", "Another card of this currency begins at the same moment. Nothing was imported.")
                : new Refusal("rate_card.exists", "There is a card of this name, or rules for it, already: a correction is a new card from a later moment on. Nothing was imported.");
        }

        await audit.NoteAsync(directory, shards.DirectoryHome(), Guid.Empty, "rate_card.imported", "rate_card", id, [.. content.Cards.Select(c => c.Code).Concat(content.Rules.Keys).Take(20)], ct);
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
        var view = await shards.DirectoryHome().FirstAsync(Guid.Empty, $"SELECT {Columns} FROM bsp.rate_cards c WHERE c.id = $1", r => View(r, tariff, clock.GetUtcNow()), ct, query.Id);
        if (view is null || tariff.Cards.FirstOrDefault(c => c.Code == view.Code) is not { } card)
        {
            return null;
        }

        var usual = tariff.Markets.Names.SelectMany(m => PricedCategories.Usual.Select(c => new MissingRate(m, c))).ToList();
        return new(view,
            [.. card.Rates.OrderBy(r => r.Market, StringComparer.Ordinal).ThenBy(r => r.Category, StringComparer.Ordinal).ThenBy(r => r.TierFrom).Select(r => Shown(r, query.WithMarkup))],
            [.. card.Rules.Select(r => new RuleView(r.Category, r.PricingType, r.Charges ? "unit" : "none", r.MonthlyAllowance, r.AssumedWhenMissing))],
            [.. usual.Where(p => !card.Of(p.Market, p.Category).Any())],
            usual.Count(p => card.Of(p.Market, p.Category).Any() && card.Of(p.Market, p.Category).First().Market == RateCard.AnyMarket));
    }

    /// <summary>Writes what a file holds, in the caller's transaction.</summary>
    /// <param name="againToo">What is there already is left as it is; else it is a violation of a key.</param>
    internal static async Task StoreAsync(NpgsqlConnection connection, Guid importId, RateCardContent content, DateTimeOffset now, bool againToo, CancellationToken ct)
    {
        var skip = againToo ? " ON CONFLICT DO NOTHING" : "";
        foreach (var (card, rules) in content.Rules)
        {
            await RunAsync(connection, $"""
                INSERT INTO bsp.rate_rules (card, category, pricing_type, charges, monthly_allowance, assumed_when_missing)
                SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bool[], $5::bigint[], $6::text[]){skip}
                """, ct, card, rules.Select(r => r.Category).ToArray(), rules.Select(r => r.PricingType).ToArray(), rules.Select(r => r.Charges).ToArray(),
                rules.Select(r => r.MonthlyAllowance).ToArray(), rules.Select(r => r.AssumedWhenMissing).ToArray());
            if (!againToo && await RunAsync(connection, "SELECT FROM bsp.rate_cards WHERE code = $1", ct, card) > 0)
            {
                throw new Refusal("rate_card.exists", $"The card {card} is there already, with the rules that held then: give a new card its rules before it. Nothing was imported.");
            }
        }

        foreach (var card in content.Cards)
        {
            var id = Guid.CreateVersion7();
            var at = card.From ?? new DateTimeOffset(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);
            if (await RunAsync(connection, $"INSERT INTO bsp.rate_cards (id, import_id, code, currency, effective_from) VALUES ($1, $2, $3, $4, $5){skip} RETURNING id", ct, id, importId, card.Code, card.Currency, at.UtcDateTime) == 0)
            {
                continue;
            }

            await RunAsync(connection, """
                INSERT INTO bsp.rates (card_id, market, category, tier_from, tier_to, unit_price, markup_rate, markup_fixed)
                SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::numeric[], $7::numeric[], $8::numeric[])
                """, ct, id, card.Rates.Select(r => r.Market).ToArray(), card.Rates.Select(r => r.Category).ToArray(), card.Rates.Select(r => r.TierFrom).ToArray(), card.Rates.Select(r => r.TierTo).ToArray(),
                card.Rates.Select(r => r.UnitPrice).ToArray(), card.Rates.Select(r => r.MarkupRate).ToArray(), card.Rates.Select(r => r.MarkupFixed).ToArray());
        }

        await RunAsync(connection, "UPDATE bsp.tariff_version SET version = version + 1", ct);
    }

    private static async Task<RateCardContent> ReadAsync(Stream csv, IReadOnlySet<string> markets, DateTimeOffset now, CancellationToken ct)
    {
        using var rows = new CsvRows(csv, ',');
        try
        {
            var header = await rows.ReadAsync(ct) ?? throw new RefusedFields("rate_card.empty", "The body is empty: send a CSV file with a header line.", new Dictionary<string, string[]> { ["line 1"] = ["is missing"] });
            var file = new RateCardFile(header.Fields, markets, Currencies.All, now);
            while (await rows.ReadAsync(ct) is { } row)
            {
                file.Add(row.Line, row.Fields, row.Fault);
            }

            return file.Content();
        }
        catch (Refusal unreadable) when (unreadable.Code.StartsWith("import.", StringComparison.Ordinal))
        {
            throw new RefusedFields("rate_card.line", unreadable.Message, new Dictionary<string, string[]> { ["file"] = [unreadable.Message] });
        }
    }

    private Task<RateCardContent> ReadAsync(Stream csv, IReadOnlySet<string> markets, CancellationToken ct) => ReadAsync(csv, markets, clock.GetUtcNow(), ct);

    private const string Columns = "c.id, c.code, c.currency, c.effective_from, (SELECT count(*)::int FROM bsp.rates r WHERE r.card_id = c.id), (SELECT count(*)::int FROM bsp.rate_rules u WHERE u.card = c.code), c.created_at";

    private static RateCardView View(NpgsqlDataReader r, Tariff tariff, DateTimeOffset now)
    {
        var (code, currency, from) = (r.GetString(1), r.GetString(2), r.GetFieldValue<DateTimeOffset>(3));
        return new(r.GetGuid(0), code, currency, from, tariff.At(currency, now)?.Code == code, r.GetInt32(4), r.GetInt32(5) > 0 ? code : null, r.GetFieldValue<DateTimeOffset>(6));
    }

    private static RateView Shown(Rate rate, bool withMarkup) => new(rate.Market, rate.Category, rate.TierFrom, rate.TierTo, Money.Text(rate.Unit),
        withMarkup ? Money.Text(rate.UnitPrice) : null, withMarkup ? Money.Text(rate.MarkupRate) : null, withMarkup ? Money.Text(rate.MarkupFixed) : null);

    // Rows affected, or returned.
    private static async Task<int> RunAsync(NpgsqlConnection connection, string sql, CancellationToken ct, params object[] arguments)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        Array.ForEach(arguments, argument => command.Parameters.Add(new() { Value = argument }));
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = 0;
        while (await reader.ReadAsync(ct))
        {
            rows++;
        }

        return rows > 0 ? rows : Math.Max(0, reader.RecordsAffected);
    }
}
