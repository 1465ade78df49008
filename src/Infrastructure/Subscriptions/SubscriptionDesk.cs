using Bsp.Application.Common;
using Bsp.Application.Subscriptions;
using Bsp.Domain.Common;
using Bsp.Domain.Subscriptions;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Subscriptions;

/// <inheritdoc cref="ISubscriptions"/>
/// <remarks>
/// Whoever decides on an organization's subscription locks its row of <c>bsp.subscription_clock</c> first, then the wallet: so the clock,
/// people and a second process come one after the other, and what
/// is due is never decided over. Decision: docs/decisions/0220.
/// </remarks>
public sealed class SubscriptionDesk(Shards shards, PostgresEventStore store, SubscriptionPayments payments, Entitlements entitlements,
    AuditLog audit, TimeProvider clock) : ISubscriptions
{
    /// <summary>
    /// Steps that one organization makes up for in a row; what is left is done in the next round. A step is a period, or an attempt at one.
    /// </summary>
    public const int StepsMax = 500;

    private const int RacesMax = 5;

    public async Task<Done> StartAsync(Guid organizationId, Guid subscriptionId, Guid planId,
        Func<Subscription, PlanTerms, DateTimeOffset, SubscriptionStep> start, bool firstTrialOnly, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        await SettleAsync(shard, organizationId, ct); // what should have ended by now is in nobody's way
        return await RepeatedAsync(subscriptionId, async () =>
        {
            await using var tx = await shard.BeginAsync([organizationId, Guid.Empty], ct);
            var terms = await PlanRows.SoldAsync(tx, shards, shard, planId, ct);
            await ClaimAsync(tx, organizationId, subscriptionId, ct);
            if (firstTrialOnly)
            {
                await RequireNoEarlierTrialAsync(tx, organizationId, subscriptionId, ct);
            }

            await entitlements.RequireFitAsync(tx, organizationId, terms.Name, terms.Features, ct);
            var version =
                await StepAsync(tx, shard, organizationId, subscriptionId, state => start(state, terms, clock.GetUtcNow()), null, ct);
            await audit.NoteAsync(tx, shard, organizationId, "subscription.started", "subscription", subscriptionId, [terms.Code], ct);
            await tx.CommitAsync(ct);
            return new Done(subscriptionId, version);
        });
    }

    public Task<Done> ChangeAsync(Guid organizationId, Guid subscriptionId, Guid planId,
        Func<Subscription, PlanTerms, DateTimeOffset, SubscriptionStep> change, long? seenVersion, CancellationToken ct) =>
        CommandAsync(organizationId, subscriptionId, "subscription.changed", async (tx, shard) =>
        {
            var terms = await PlanRows.SoldAsync(tx, shards, shard, planId, ct);
            return (state, now) =>
            {
                var step = change(state, terms, now);
                return (step, step.Facts.Count > 0 ? terms : null);
            };
        }, seenVersion, ct);

    public Task<Done> DecideAsync(Guid organizationId, Guid subscriptionId, string act,
        Func<Subscription, DateTimeOffset, SubscriptionStep> decide, long? seenVersion, CancellationToken ct) =>
        CommandAsync(organizationId, subscriptionId, act, (_, _) =>
            Task.FromResult<Func<Subscription, DateTimeOffset, (SubscriptionStep, PlanTerms?)>>((state, now) => (decide(state, now), null)),
            seenVersion, ct);

    /// <summary>
    /// Carries out what is due of an organization's subscription, one step a transaction, oldest first; how many steps. It does not wait
    /// for whoever is at it.
    /// </summary>
    public async Task<int> SettleAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        var steps = 0;
        while (steps < StepsMax && await AdvanceAsync(shard, organizationId, (state, now) => Billing.Due(state, now), dueOnly: true, ct))
        {
            steps++;
        }

        return steps;
    }

    /// <summary>
    /// The same, and waits for whoever is at it: afterwards nothing is due. Whoever asks must hold no lock of the organization's
    /// subscription or wallet.
    /// </summary>
    public async Task CarriedOutAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        for (var round = 0; round < StepsMax; round++)
        {
            await SettleAsync(shard, organizationId, ct);
            await using var tx = await shard.BeginAsync(organizationId, ct);
            if (await LockAsync(tx, organizationId, wait: true, ct) is not { DueAt: { } due } || due > clock.GetUtcNow())
            {
                return;
            }
        }
    }

    /// <summary>Money came: what is owed is taken at once.</summary>
    public async Task ToppedUpAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        await SettleAsync(shard, organizationId, ct);
        await AdvanceAsync(shard, organizationId, Billing.ToppedUp, dueOnly: false, ct);
        await SettleAsync(shard, organizationId, ct); // paid late, the next period may be due already
    }

    private async Task<Done> CommandAsync(Guid organizationId, Guid subscriptionId, string act,
        Func<TenantTransaction, Shard, Task<Func<Subscription, DateTimeOffset, (SubscriptionStep Step, PlanTerms? Terms)>>> prepare,
        long? seenVersion, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        return await RepeatedAsync(subscriptionId, async () =>
        {
            for (var behind = 0; behind <= StepsMax; behind++)
            {
                await SettleAsync(shard, organizationId, ct);
                await using var tx = await shard.BeginAsync([organizationId, Guid.Empty], ct);
                if (await LockAsync(tx, organizationId, wait: true, ct) is { } row && row.DueAt < clock.GetUtcNow())
                {
                    continue; // it fell due, or somebody else is at it, since we looked
                }

                await RequireKnownAsync(tx, organizationId, subscriptionId, ct);
                var decide = await prepare(tx, shard);
                PlanTerms? taken = null;
                var wrote = false;
                var version = await StepAsync(tx, shard, organizationId, subscriptionId, state =>
                {
                    var (step, terms) = decide(state, clock.GetUtcNow());
                    (taken, wrote) = (terms, step.Facts.Count > 0);
                    return step;
                }, seenVersion, ct);
                if (taken is not null)
                {
                    await entitlements.RequireFitAsync(tx, organizationId, taken.Name, taken.Features, ct);
                }

                if (wrote)
                {
                    await audit.NoteAsync(tx, shard, organizationId, act, "subscription", subscriptionId, taken is null ? null
                        : [taken.Code], ct);
                }

                await tx.CommitAsync(ct);
                return new Done(subscriptionId, version);
            }

            throw new VersionConflict(subscriptionId, named: false);
        });
    }

    // False: there was nothing to do, or another process is at it.
    private async Task<bool> AdvanceAsync(Shard shard, Guid organizationId, Func<Subscription, DateTimeOffset, SubscriptionStep?> decide,
        bool dueOnly, CancellationToken ct)
    {
        using var _ = new CurrentRequest { CorrelationId = $"subscription-clock/{organizationId}", Caller = "subscription-clock" }.Enter();
        await using var tx = await shard.BeginAsync(organizationId, ct);
        if (await LockAsync(tx, organizationId, wait: false, ct) is not { } row || (dueOnly && !(row.DueAt <= clock.GetUtcNow())))
        {
            if (!dueOnly)
            {
                await ForgetNudgesAsync(tx, organizationId, ct);
            }

            return false;
        }

        var nudges = dueOnly ? []
            : await tx.QueryAsync("SELECT id FROM bsp.subscription_nudges WHERE organization_id = $1 LIMIT 1000", r =>
                r.GetGuid(0), ct, organizationId);
        var advanced = false;
        await StepAsync(tx, shard, organizationId, row.SubscriptionId, state =>
        {
            var step = decide(state, clock.GetUtcNow()) ?? SubscriptionStep.Nothing;
            advanced = step.Facts.Count > 0;
            return step;
        }, null, ct);
        if (nudges.Count > 0)
        {
            // After the wallet's lock: whoever tops up holds that one, and waits for none of ours.
            await tx.ExecuteAsync("DELETE FROM bsp.subscription_nudges WHERE organization_id = $1 AND id = ANY ($2)", ct, organizationId,
                nudges.ToArray());
        }

        await tx.CommitAsync(ct);
        return advanced;
    }

    // No subscription is left to pay with it. One whose row is locked by others is not without.
    private static async Task ForgetNudgesAsync(TenantTransaction tx, Guid organizationId, CancellationToken ct)
    {
        await tx.ExecuteAsync("""
            DELETE FROM bsp.subscription_nudges WHERE organization_id = $1 AND NOT EXISTS (SELECT FROM bsp.subscription_clock WHERE organization_id = $1)
            """, ct, organizationId);
        await tx.CommitAsync(ct);
    }

    private async Task<long> StepAsync(TenantTransaction tx, Shard shard, Guid organizationId, Guid subscriptionId,
        Func<Subscription, SubscriptionStep> decide, long? seenVersion, CancellationToken ct)
    {
        Subscription? after = null;
        var version = await store.DecideAsync<Subscription, SubscriptionEvent>(tx, shard, organizationId, subscriptionId, async state =>
        {
            var facts = await payments.PayAsync(tx, shard, organizationId, subscriptionId, decide(state), ct);
            after = facts.Count > 0 ? facts.Aggregate(state, Subscription.Evolve) : null;
            return facts;
        }, seenVersion, ct);
        if (after is not null)
        {
            await SubscriptionRows.WriteAsync(tx, organizationId, after, version, clock.GetUtcNow(), ct);
        }

        return version;
    }

    // The row's key decides who was first; a second one waits until the first has committed or given up.
    private static async Task ClaimAsync(TenantTransaction tx, Guid organizationId, Guid subscriptionId, CancellationToken ct)
    {
        var claimed =
            await tx.ExecuteAsync(
                "INSERT INTO bsp.subscription_clock (organization_id, subscription_id) VALUES ($1, $2) ON CONFLICT (organization_id) DO NOTHING", ct, organizationId, subscriptionId);
        if (claimed == 0 && await LockAsync(tx, organizationId, wait: true, ct) is { } row && row.SubscriptionId != subscriptionId)
        {
            throw new Refusal("subscription.exists",
                $"The organization has a subscription ({row.SubscriptionId}) that has not ended: change its plan, or cancel it first.");
        }
    }

    // Also of another organization's, and of a stream that is none of a subscription.
    private static async Task RequireKnownAsync(TenantTransaction tx, Guid organizationId, Guid subscriptionId, CancellationToken ct)
    {
        if ((await tx.QueryAsync("SELECT 1 FROM subscriptions WHERE organization_id = $1 AND id = $2", r =>
            r.GetInt32(0), ct, organizationId, subscriptionId)).Count == 0)
        {
            Subscription.RequireExists(Subscription.Initial);
        }
    }

    private static async Task RequireNoEarlierTrialAsync(TenantTransaction tx, Guid organizationId, Guid subscriptionId,
        CancellationToken ct)
    {
        var earlier =
            await tx.QueryAsync(
                "SELECT trial_until FROM subscriptions WHERE organization_id = $1 AND trial_until IS NOT NULL AND id <> $2 LIMIT 1",
            r => r.GetFieldValue<DateTimeOffset>(0), ct, organizationId, subscriptionId);
        if (earlier is [var until])
        {
            throw new Refusal("subscription.trial_used",
                $"The organization has had its trial (until {until:yyyy-MM-dd}): take the plan without one, or ask the platform.");
        }
    }

    private static async Task<ClockRow?> LockAsync(TenantTransaction tx, Guid organizationId, bool wait, CancellationToken ct) =>
        (await tx.QueryAsync(
            $"SELECT subscription_id, due_at FROM bsp.subscription_clock WHERE organization_id = $1 FOR UPDATE{(wait ? "" : " SKIP LOCKED")}",
            r => new ClockRow(r.GetGuid(0), r.TimeOrNull(1)), ct, organizationId)).FirstOrDefault();

    private static async Task<Done> RepeatedAsync(Guid subscriptionId, Func<Task<Done>> work)
    {
        for (var race = 1; ; race++)
        {
            try
            {
                return await Deadlock.RepeatedAsync(work);
            }
            catch (VersionConflict conflict) when (!conflict.Named && race < RacesMax)
            {
                // Somebody was faster; decided again on what they left.
            }
        }
    }

    private sealed record ClockRow(Guid SubscriptionId, DateTimeOffset? DueAt);
}
