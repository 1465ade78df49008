using Bsp.Application.Charging;
using Bsp.Application.Common;
using Bsp.Domain.Charging;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Charging;

/// <summary>
/// Rate cards, rules and markets of the directory, as they are stored at this moment: read again when somebody imported something.
/// </summary>
public sealed class TariffSource(Shards shards, BillingOptions options, TimeProvider clock)
{
    private const string Folder = "Bsp.Infrastructure.Charging.Data.";

    private readonly SemaphoreSlim one = new(1, 1);
    private Tariff? known;
    private bool seeded;

    /// <summary>The tariff; one look at its version when nothing has changed.</summary>
    public async Task<Tariff> CurrentAsync(CancellationToken ct)
    {
        var version = await VersionAsync(ct);
        if (Volatile.Read(ref known) is { } current && current.Version == version && (seeded || !options.DemoRates))
        {
            return current;
        }

        await one.WaitAsync(ct);
        try
        {
            if (options.DemoRates && !seeded)
            {
                await SeedAsync(ct);
                seeded = true;
            }

            var read = await ReadAsync(ct);
            Volatile.Write(ref known, read);
            return read;
        }
        finally
        {
            one.Release();
        }
    }

    /// <summary>Grows with every import.</summary>
    public async Task<long> VersionAsync(CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand("SELECT version FROM bsp.tariff_version");
        return (long)(await command.ExecuteScalarAsync(ct))!;
    }

    /// <summary>Names of all markets.</summary>
    public async Task<IReadOnlySet<string>> MarketsAsync(CancellationToken ct) =>
        (await CurrentAsync(ct)).Markets.Names.ToHashSet(StringComparer.Ordinal);

    private async Task<Tariff> ReadAsync(CancellationToken ct)
    {
        await using var connection = await shards.Directory.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, ct);
        var version = (await RowsAsync(connection, "SELECT version FROM bsp.tariff_version", r => r.GetInt64(0), ct))[0];
        var markets = await RowsAsync(connection, "SELECT prefix, countries, market, effective_from FROM bsp.markets",
            r => new MarketLine(r.GetString(0), r.GetString(1), r.GetString(2), r.GetFieldValue<DateTimeOffset>(3)), ct);
        var rules = (await RowsAsync(connection,
            "SELECT card, category, pricing_type, charges, monthly_allowance, assumed_when_missing FROM bsp.rate_rules",
            r => (Card: r.GetString(0),
                Rule: new ChargeRule(r.GetString(1), r.GetString(2), r.GetBoolean(3), r.IsDBNull(4) ? null : r.GetInt64(4), r.IsDBNull(5)
                    ? null : r.GetString(5))), ct))
            .ToLookup(r => r.Card, r => r.Rule, StringComparer.Ordinal);
        var rates = (await RowsAsync(connection,
            "SELECT card_id, market, category, tier_from, tier_to, unit_price, markup_rate, markup_fixed FROM bsp.rates",
            r => (Card: r.GetGuid(0),
                Rate: new Rate(r.GetString(1), r.GetString(2), r.GetInt64(3), r.IsDBNull(4) ? null
                    : r.GetInt64(4), r.GetDecimal(5), r.GetDecimal(6), r.GetDecimal(7))), ct))
            .ToLookup(r => r.Card, r => r.Rate);
        var cards = await RowsAsync(connection,
            "SELECT id, code, currency, effective_from FROM bsp.rate_cards ORDER BY currency, effective_from",
            r => (Id: r.GetGuid(0), Code: r.GetString(1), Currency: r.GetString(2), From: r.GetFieldValue<DateTimeOffset>(3)), ct);
        return new(version, new(markets),
            WithRules(cards.ConvertAll(c => (c.Code, c.Currency, c.From, Rates: (IReadOnlyList<Rate>)[.. rates[c.Id]])), rules));
    }

    // A card without rules of its own has those of the card before it, the first one the product's.
    private static List<RateCard> WithRules(List<(string Code, string Currency, DateTimeOffset From, IReadOnlyList<Rate> Rates)> cards,
        ILookup<string, ChargeRule> rules)
    {
        var all = new List<RateCard>(cards.Count);
        IReadOnlyList<ChargeRule> inherited = StandardRules.Value;
        var currency = "";
        foreach (var card in cards)
        {
            inherited = rules[card.Code].Any() ? [.. rules[card.Code]] : card.Currency == currency ? inherited : StandardRules.Value;
            currency = card.Currency;
            all.Add(new(card.Code, card.Currency, card.From, card.Rates, inherited));
        }

        return all;
    }

    /// <summary>The rules since 1 October 2026, for cards that bring none.</summary>
    internal static readonly Lazy<IReadOnlyList<ChargeRule>> StandardRules = new(() => Demo("demo-rules.csv").Rules["demo-2026-10"]);

    private async Task SeedAsync(CancellationToken ct)
    {
        await using var connection = await shards.Directory.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await RateCardRows.StoreAsync(connection, Guid.CreateVersion7(), Demo("demo-rules.csv"), clock.GetUtcNow(), againToo: true, ct);
        await RateCardRows.StoreAsync(connection, Guid.CreateVersion7(), Demo("demo-card.csv"), clock.GetUtcNow(), againToo: true, ct);
        await transaction.CommitAsync(ct);
    }

    private static RateCardContent Demo(string name)
    {
        using var reader =
            new StreamReader(typeof(TariffSource).Assembly.GetManifestResourceStream(Folder + name)
                ?? throw new InvalidOperationException($"{name} is not embedded in the assembly."));
        var lines = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var rows = lines.Skip(1).Select(l => l.Split(',')).ToList();
        var markets = name == "demo-card.csv" ? rows.Select(r => r[2]).ToHashSet(StringComparer.Ordinal) : [];
        var file = new RateCardFile(lines[0].Split(','), markets, default, pastToo: true);
        for (var i = 0; i < rows.Count; i++)
        {
            file.Add(i + 2, rows[i], null);
        }

        return file.Content();
    }

    private static async Task<List<T>> RowsAsync<T>(NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> map,
        CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(map(reader));
        }

        return rows;
    }
}
