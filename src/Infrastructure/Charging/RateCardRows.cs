using Bsp.Application.Charging;
using Bsp.Domain.Common;
using Npgsql;

namespace Bsp.Infrastructure.Charging;

/// <summary>Writes rate cards and rules into the directory.</summary>
internal static class RateCardRows
{
    /// <summary>Writes what a file holds, in the caller's transaction.</summary>
    /// <param name="againToo">What is there already is left as it is; else it is a violation of a key.</param>
    internal static async Task StoreAsync(NpgsqlConnection connection, Guid importId, RateCardContent content, DateTimeOffset now,
        bool againToo, CancellationToken ct)
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
                throw new Refusal("rate_card.exists",
                    $"The card {card} is there already, with the rules that held then: give a new card its rules before it. Nothing was imported.");
            }
        }

        foreach (var card in content.Cards)
        {
            var id = Guid.CreateVersion7();
            var at = card.From ?? new DateTimeOffset(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);
            if (await RunAsync(connection,
                $"INSERT INTO bsp.rate_cards (id, import_id, code, currency, effective_from) VALUES ($1, $2, $3, $4, $5){skip} RETURNING id", ct, id, importId, card.Code, card.Currency, at.UtcDateTime) == 0)
            {
                continue;
            }

            await RunAsync(connection, """
                INSERT INTO bsp.rates (card_id, market, category, tier_from, tier_to, unit_price, markup_rate, markup_fixed)
                SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::numeric[], $7::numeric[], $8::numeric[])
                """, ct, id, card.Rates.Select(r => r.Market).ToArray(), card.Rates.Select(r => r.Category).ToArray(), card.Rates.Select(r => r.TierFrom).ToArray(), card.Rates.Select(r => r.TierTo).ToArray(),
                card.Rates.Select(r => r.UnitPrice).ToArray(), card.Rates.Select(r => r.MarkupRate).ToArray(),
                card.Rates.Select(r => r.MarkupFixed).ToArray());
        }

        await RunAsync(connection, "UPDATE bsp.tariff_version SET version = version + 1", ct);
    }

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
