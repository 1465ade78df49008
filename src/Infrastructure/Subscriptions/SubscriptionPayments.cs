using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Domain.Subscriptions;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Subscriptions;

/// <summary>A step's money, by the ledger, in the step's own transaction.</summary>
public sealed class SubscriptionPayments(LedgerWriter ledger)
{
    private const string Kind = "subscription";

    /// <summary>Moves the money and says which facts follow.</summary>
    /// <exception cref="Refusal"><c>wallet.insufficient</c>: the wallet is too short and the step knows no other way. The transaction can
    /// only be rolled back.</exception>
    internal async Task<IReadOnlyList<SubscriptionEvent>> PayAsync(TenantTransaction tx, Shard shard, Guid organizationId,
        Guid subscriptionId, SubscriptionStep step, CancellationToken ct)
    {
        if (step.Movements.Count == 0)
        {
            return step.Facts;
        }

        var outcomes =
            await ledger.PostAsync(tx, shard, organizationId, step.Movements[0].Currency,
                [.. step.Movements.Select(movement => Posting(subscriptionId, movement))], ct);
        if (outcomes.OfType<Refused>().FirstOrDefault() is { } refused)
        {
            throw new Refusal(refused.Code, refused.Detail);
        }

        return outcomes.OfType<Insufficient>().FirstOrDefault() is not { } insufficient ? step.Facts
            : step.WhenShort ?? throw new Refusal("wallet.insufficient",
                $"{Money.Text(insufficient.Missing)} {step.Movements[0].Currency} are missing in the wallet: top it up, then try again. Nothing was changed.");
    }

    private static Posting Posting(Guid subscriptionId, SubscriptionMovement movement)
    {
        var key = new ChargeKey(movement.Key, Kind);
        var metadata = new Dictionary<string, string>
        {
            ["subscription_id"] = subscriptionId.ToString(),
                ["period"] = movement.Period.ToString(System.Globalization.CultureInfo.InvariantCulture),
                ["plan_id"] = movement.PlanId.ToString(),
        };
        return movement.IsCredit
            ? new Credit(movement.Amount, EntryCategories.Subscription, key, movement.Reference, movement.Description, metadata,
                movement.EffectiveAt)
            : new Debit(movement.Amount, EntryCategories.Subscription, key, movement.Reference, movement.Description, metadata,
                EffectiveAt: movement.EffectiveAt);
    }
}
