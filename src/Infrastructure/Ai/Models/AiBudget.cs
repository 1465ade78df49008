using Bsp.Application.Ai;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Ai.Models;

/// <summary>
/// What models may cost in a month (<c>bsp.ai_usage</c>). The most that a call can cost is set aside before it and settled after it; of a
/// call of which nobody knows how it ended, a killed process's too, it stays set aside: it may have been charged. Exact under any number of
/// callers: the row decides.
/// </summary>
public sealed class AiBudget(Shards shards, TimeProvider clock)
{
    private const decimal Million = 1_000_000m;

    /// <summary>What so many tokens cost by the organization's prices.</summary>
    public static decimal Cost(AiSettings settings, long inputTokens, long outputTokens) => Math.Round(
        ((inputTokens * (settings.InputPricePerMillion ?? 0)) + (outputTokens * (settings.OutputPricePerMillion ?? 0))) / Million, 6);

    /// <summary>Sets aside what a call can cost at most; null: the budget does not hold it.</summary>
    public async Task<AiReserve?> ReserveAsync(Guid organizationId, AiSettings settings, decimal most, CancellationToken ct)
    {
        var month = AiSettingsTable.MonthOf(clock.GetUtcNow());
        var shard = await shards.OfAsync(organizationId, ct);
        var held = await shard.QueryAsync(organizationId, """
            INSERT INTO bsp.ai_usage AS u (organization_id, month, reserved, calls) SELECT $1, $2, $3, 1
             WHERE $4::numeric IS NULL OR $3 <= $4
            ON CONFLICT (organization_id, month) DO UPDATE SET reserved = u.reserved + excluded.reserved, calls = u.calls + 1
              WHERE $4::numeric IS NULL OR u.cost + u.reserved + excluded.reserved <= $4 RETURNING 1
            """, r => r.GetInt32(0), ct, organizationId, month, most, new Npgsql.NpgsqlParameter
            {
                NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Numeric, Value = settings.BudgetPerMonth is { } budget ? budget : DBNull.Value,
            });
        return held.Count == 0 ? null : new(organizationId, month, most);
    }

    /// <summary>The call ended, and took so much.</summary>
    public async Task SettleAsync(AiReserve reserve, decimal cost, long inputTokens, long outputTokens, CancellationToken ct) =>
        await (await shards.OfAsync(reserve.OrganizationId, ct)).QueryAsync(reserve.OrganizationId, """
            UPDATE bsp.ai_usage SET reserved = greatest(reserved - $3, 0), cost = cost + $4,
              input_tokens = input_tokens + $5, output_tokens = output_tokens + $6
             WHERE organization_id = $1 AND month = $2
            """, _ => 0, ct, reserve.OrganizationId, reserve.Month, reserve.Amount, cost, inputTokens, outputTokens);
}

/// <param name="Month"><c>2026-11</c>.</param>
public sealed record AiReserve(Guid OrganizationId, string Month, decimal Amount);
