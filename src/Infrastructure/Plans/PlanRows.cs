using Bsp.Application.Plans;
using Bsp.Domain.Common;
using Bsp.Domain.Subscriptions;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Plans;

/// <summary>
/// Rows of <c>billing_plans</c>: the directory's, and the copies in shards of other databases, to which subscriptions refer.
/// </summary>
internal static class PlanRows
{
    public const string Columns =
        "id, name, code, description, monthly_price, per_message_price, included_messages, features::text, status, currency, created_at, row_version";

    // Copied whole under the version, so that a late copy never overwrites a newer one.
    private const string Copy = """
        INSERT INTO billing_plans AS p (id, name, code, description, monthly_price, per_message_price, included_messages, features, status, currency, created_at, row_version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description, monthly_price = excluded.monthly_price, per_message_price = excluded.per_message_price,
          included_messages = excluded.included_messages, features = excluded.features, status = excluded.status, row_version = excluded.row_version
          WHERE p.row_version < excluded.row_version
        """;

    /// <summary>Shards whose database is another than the directory's.</summary>
    public static IEnumerable<Shard> Elsewhere(this Shards shards) => shards.All.Where(s => !ReferenceEquals(s.App, shards.Directory));

    /// <summary>
    /// A plan as it is sold now, for a subscription of this transaction. Nobody takes it off sale, changes or deletes it until the
    /// transaction ends.
    /// </summary>
    /// <exception cref="Refusal"><c>plan.unknown</c>, <c>plan.inactive</c></exception>
    public static async Task<PlanTerms> SoldAsync(TenantTransaction tx, Shards shards, Shard home, Guid planId, CancellationToken ct)
    {
        if (!ReferenceEquals(home.App, shards.Directory))
        {
            await RefreshAsync(tx, shards, planId, ct);
        }

        var plan = (await tx.QueryAsync($"SELECT {Columns} FROM billing_plans WHERE id = $1 FOR SHARE", Read, ct, planId)).FirstOrDefault()
            ?? throw new Refusal("plan.unknown", "There is no such plan.");
        return plan.Status == "active"
            ? new(plan.Id, plan.Version, plan.Code, plan.Name, plan.Currency, Money.Round(plan.MonthlyPrice),
                Money.Round(plan.PerMessagePrice), plan.IncludedMessages, plan.Features)
            : throw new Refusal("plan.inactive", $"The plan {plan.Name} is not on sale any more: GET /v1/plans lists those that are.");
    }

    /// <summary>The parameters of <see cref="Copy"/>.</summary>
    public static async Task CopyAsync(Shard shard, PlanView plan, CancellationToken ct) =>
        await shard.QueryAsync(Guid.Empty, Copy, _ => 0, ct, Arguments(plan));

    public static NpgsqlParameter Text(string? value) =>
        new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text };

    public static PlanView Read(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetString(1), r.GetString(2), r.TextOrNull(3), r.GetDecimal(4), r.GetDecimal(5), r.GetInt32(6), r.Json(7),
            r.GetString(8),
        r.GetString(9), r.GetFieldValue<DateTimeOffset>(10), r.GetInt64(11));

    // The copy may be missing where a shard was added after the plan, or a process died between the two databases.
    private static async Task RefreshAsync(TenantTransaction tx, Shards shards, Guid planId, CancellationToken ct)
    {
        if (await shards.DirectoryHome()
            .FirstAsync(Guid.Empty, $"SELECT {Columns} FROM billing_plans WHERE id = $1", Read, ct, planId) is { } plan)
        {
            await tx.ExecuteAsync(Copy, ct, Arguments(plan));
        }
    }

    private static object?[] Arguments(PlanView plan) =>
        [plan.Id, plan.Name, plan.Code, Text(plan.Description), plan.MonthlyPrice, plan.PerMessagePrice, plan.IncludedMessages,
        plan.Features.GetRawText(), plan.Status, plan.Currency, plan.CreatedAt, plan.Version];
}
