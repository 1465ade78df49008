using System.Text.Json;
using Bsp.Application.Plans;
using Bsp.Domain.Common;
using Bsp.Domain.Plans;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Plans;

/// <summary>
/// What plans limit, exact when many ask at once: whoever adds one takes the feature's lock of the organization, counts, and adds in the
/// same transaction. Decision: docs/decisions/0221.
/// </summary>
public sealed class Entitlements(Shards shards) : IEntitlements
{
    private const int LockKey = 0x506C_616E; // "Plan"; of two halves, so that it is no announcement of an append (bsp.fence)
    private const int PlansMax = 200;

    private static readonly PlanFeature[] Standing =
        [PlanFeatures.Numbers, PlanFeatures.Users, PlanFeatures.ApiKeys, PlanFeatures.Webhooks];

    public async Task RequireAsync(Guid organizationId, PlanFeature feature, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        await using var tx = await shard.BeginAsync(organizationId, ct);
        if (await OwnAsync(tx, organizationId, ct) is { } plan && PlanFeatures.Limit(plan.Features, feature) == 0)
        {
            throw await MissingAsync(tx, plan, feature, ct);
        }
    }

    /// <summary>
    /// There is room for one more: call it before it is added, in the transaction that adds it, and before any other lock but the
    /// organization's row. It waits for whoever adds one.
    /// </summary>
    /// <exception cref="Refusal"><c>plan.limit_reached</c> (402), <c>plan.feature_missing</c> (403); the sentence names the plan that has
    /// more</exception>
    public async Task RequireRoomAsync(TenantTransaction tx, Guid organizationId, PlanFeature feature, CancellationToken ct)
    {
        await LockAsync(tx, organizationId, feature, ct);
        if (await OwnAsync(tx, organizationId, ct) is not { } plan || PlanFeatures.Limit(plan.Features, feature) is not { } limit)
        {
            return;
        }

        if (limit == 0)
        {
            throw await MissingAsync(tx, plan, feature, ct);
        }

        var used = await UsedAsync(tx, organizationId, feature, plan.PeriodFrom, ct);
        if (used >= limit)
        {
            throw new Refusal("plan.limit_reached",
                $"The plan {plan.Name} allows {limit} {feature.What}, and there are {used}. {await WhoHasAsync(tx, plan, feature, limit, ct)}");
        }
    }

    /// <summary>What stands is within what a plan allows that is about to be taken.</summary>
    /// <exception cref="Refusal"><c>subscription.plan_too_small</c></exception>
    public async Task RequireFitAsync(TenantTransaction tx, Guid organizationId, string planName, JsonElement features,
        CancellationToken ct)
    {
        foreach (var feature in Standing)
        {
            if (PlanFeatures.Limit(features, feature) is not { } limit)
            {
                continue;
            }

            await LockAsync(tx, organizationId, feature, ct);
            var used = await UsedAsync(tx, organizationId, feature, null, ct);
            if (used > limit)
            {
                throw new Refusal("subscription.plan_too_small",
                    $"The plan {planName} allows {limit} {feature.What}, and there are {used}: give up {used - limit} first, or take a larger plan.");
            }
        }
    }

    private static Task LockAsync(TenantTransaction tx, Guid organizationId, PlanFeature feature, CancellationToken ct) =>
        tx.ExecuteAsync("SELECT pg_advisory_xact_lock($1, hashtext($2))", ct, LockKey, $"{organizationId}/{feature.Name}");

    private static async Task<int> UsedAsync(TenantTransaction tx, Guid organizationId, PlanFeature feature, DateTimeOffset? since,
        CancellationToken ct) =>
        (await tx.QueryAsync("SELECT bsp.entitlement_use($1, $2, $3)", r => r.GetInt32(0), ct, organizationId, feature.Name,
            new Npgsql.NpgsqlParameter { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz, Value = since is { } given
                ? given.UtcDateTime : DBNull.Value }))[0];

    private static async Task<OwnPlan?> OwnAsync(TenantTransaction tx, Guid organizationId, CancellationToken ct) =>
        (await tx.QueryAsync(
            "SELECT plan_name, features::text, currency, period_from FROM bsp.subscription_clock WHERE organization_id = $1 AND plan_id IS NOT NULL",
            r => new OwnPlan(r.GetString(0), r.Json(1), r.GetString(2), r.GetFieldValue<DateTimeOffset>(3)), ct, organizationId))
            .FirstOrDefault();

    private static async Task<Refusal> MissingAsync(TenantTransaction tx, OwnPlan plan, PlanFeature feature, CancellationToken ct) =>
        new("plan.feature_missing", $"The plan {plan.Name} has no {feature.What}. {await WhoHasAsync(tx, plan, feature, 0, ct)}");

    // The cheapest plan on sale that gives more, in the organization's currency.
    private static async Task<string> WhoHasAsync(TenantTransaction tx, OwnPlan plan, PlanFeature feature, int than, CancellationToken ct)
    {
        var sold = await tx.QueryAsync(
            "SELECT name, features::text FROM billing_plans WHERE status = 'active' AND currency = $1 ORDER BY monthly_price, id LIMIT $2",
            r => (Name: r.GetString(0), Limit: PlanFeatures.Limit(r.Json(1), feature)), ct, plan.Currency, PlansMax);
        return sold.Where(p => p.Limit is not { } limit || limit > than)
            .Select(p => p.Limit is { } limit && feature.IsCount ? $"{p.Name} allows {limit:N0}."
                : $"{p.Name} has {(feature.IsCount ? "no limit" : "it")}.")
            .FirstOrDefault() ?? "No plan on sale has more: ask the platform.";
    }

    private sealed record OwnPlan(string Name, JsonElement Features, string Currency, DateTimeOffset PeriodFrom);
}
