using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Domain.Subscriptions;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>An entry of the wallet's ledger.</summary>
/// <param name="EntryId">As in /v1/ledger/entries; of a credit, a debit or a refund it is the transaction's.</param>
/// <param name="Amount">Decimals of all amounts are strings, such as 12.340000; never negative.</param>
/// <param name="BalanceAfter">Of the wallet.</param>
/// <param name="HeldAfter">Of the balance, what is set aside: available is the rest.</param>
/// <param name="Category">message, subscription, topup or refund; absent of what opens and closes a month.</param>
/// <param name="ReferenceId">What it is about.</param>
public sealed record WalletData(Guid EntryId, string Amount, string Currency, string BalanceAfter, string HeldAfter, string? Category,
    string? ReferenceId, DateTimeOffset At) : PublicData;

/// <summary>A subscription moved on.</summary>
/// <param name="EffectiveAt">When it counts, where that is another time.</param>
/// <param name="Until">End of the period that it is about.</param>
public sealed record SubscriptionData(Guid SubscriptionId, DateTimeOffset At, Guid? PlanId = null, string? PlanCode = null,
    string? Reason = null, int? Period = null, string? Amount = null, string? Currency = null,
    DateTimeOffset? EffectiveAt = null, DateTimeOffset? Until = null, int? Attempt = null, DateTimeOffset? NextAttemptAt = null)
    : PublicData;

/// <summary>What is told of the wallet and of subscriptions.</summary>
internal static class PublicMoney
{
    public static readonly IReadOnlyList<PublicType> Types =
    [
        new("wallet.credited", "Money came into the wallet.", typeof(WalletData), "ledger_credited"),
        new("wallet.debited", "Something was charged.", typeof(WalletData), "ledger_debited"),
        new("wallet.refunded", "A charge or a top-up was given back, whole or in part.", typeof(WalletData), "ledger_refunded"),
        new("wallet.hold_placed", "Money is set aside for what is about to be charged.", typeof(WalletData), "hold_placed"),
        new("wallet.hold_settled", "What money was set aside for is done.", typeof(WalletData), "hold_settled"),
        new("wallet.hold_released", "Money that was set aside came back.", typeof(WalletData), "hold_released"),
        new("wallet.hold_expired", "Money was set aside for too long, and came back.", typeof(WalletData), "hold_expired"),
        new("subscription.started", "A plan was taken.", typeof(SubscriptionData), "subscription_started"),
        new("subscription.period_paid", "A period was paid from the wallet.", typeof(SubscriptionData), "subscription_period_paid"),
        new("subscription.payment_failed", "The wallet was too short for a period.", typeof(SubscriptionData),
            "subscription_payment_failed"),
        new("subscription.plan_changed", "Another plan, or the same with newer terms.", typeof(SubscriptionData),
            "subscription_plan_changed"),
        new("subscription.suspended", "Nothing new is sent until it is reactivated.", typeof(SubscriptionData), "subscription_suspended"),
        new("subscription.reactivated", "A suspension ended.", typeof(SubscriptionData), "subscription_reactivated"),
        new("subscription.cancellation_scheduled", "It will end with the period.", typeof(SubscriptionData),
            "subscription_cancellation_scheduled"),
        new("subscription.cancellation_revoked", "It goes on after all.", typeof(SubscriptionData), "subscription_cancellation_revoked"),
        new("subscription.cancelled", "It was ended.", typeof(SubscriptionData), "subscription_cancelled"),
        new("subscription.expired", "It stayed unpaid until its end.", typeof(SubscriptionData), "subscription_expired"),
    ];

    public static PublicEvent? Of(StoredEvent stored, object fact) => fact switch
    {
        LedgerEvent e => OfLedger(stored, e),
        SubscriptionEvent e => OfSubscription(stored, e),
        _ => null,
    };

    // All of one wallet keep their order: balances are a chain.
    private static PublicEvent? OfLedger(StoredEvent stored, LedgerEvent fact)
    {
        var type = fact switch
        {
            LedgerCredited => "wallet.credited",
            LedgerDebited => "wallet.debited",
            LedgerRefunded => "wallet.refunded",
            HoldPlaced => "wallet.hold_placed",
            HoldSettled => "wallet.hold_settled",
            HoldReleased => "wallet.hold_released",
            HoldExpired => "wallet.hold_expired",
            _ => null,
        };
        var e = fact.Entry;
        return type is null ? null : new(stored, type, Uuid.Of($"wallet/{stored.OrganizationId}/{e.Currency}"), null, null, null,
            new WalletData(e.Id, Money.Text(e.Amount), e.Currency, Money.Text(e.BalanceAfter), Money.Text(e.HeldAfter), e.Category,
                e.ReferenceId, e.CreatedAt));
    }

    private static PublicEvent? OfSubscription(StoredEvent stored, SubscriptionEvent fact)
    {
        var id = fact.SubscriptionId;
        (string Type, SubscriptionData Data)? told = fact switch
        {
            SubscriptionStarted e =>
                ("subscription.started",
                    new(id, e.At, e.Terms.PlanId, e.Terms.Code, Currency: e.Terms.Currency, EffectiveAt: e.Anchor, Until: e.TrialUntil)),
            SubscriptionPeriodPaid e =>
                ("subscription.period_paid",
                    new(id, e.At, Period: e.Period, Amount: Money.Text(e.Amount), Currency: e.Currency, EffectiveAt: e.From,
                        Until: e.Until)),
            SubscriptionPaymentFailed e =>
                ("subscription.payment_failed",
                    new(id, e.At, Period: e.Period, Amount: Money.Text(e.Amount), Currency: e.Currency, EffectiveAt: e.From,
                        Until: e.Until, Attempt: e.Attempt,
                NextAttemptAt: e.NextAttemptAt)),
            SubscriptionPlanChanged e =>
                ("subscription.plan_changed",
                    new(id, e.At, e.Terms.PlanId, e.Terms.Code, Period: e.Period, Currency: e.Terms.Currency, EffectiveAt: e.EffectiveAt,
                        Until: e.Until)),
            SubscriptionSuspended e =>
                ("subscription.suspended", new(id, e.At, Reason: e.Reason, EffectiveAt: e.EffectiveAt, Until: e.ExpiresAt)),
            SubscriptionReactivated e => ("subscription.reactivated", new(id, e.At, EffectiveAt: e.EffectiveAt)),
            SubscriptionCancellationScheduled e => ("subscription.cancellation_scheduled", new(id, e.At, EffectiveAt: e.EffectiveAt)),
            SubscriptionCancellationRevoked e => ("subscription.cancellation_revoked", new(id, e.At)),
            SubscriptionCancelled e => ("subscription.cancelled", new(id, e.At, Reason: e.Reason, EffectiveAt: e.EffectiveAt)),
            SubscriptionExpired e => ("subscription.expired", new(id, e.At, EffectiveAt: e.EffectiveAt)),
            _ => null,
        };
        return told is var (type, data) ? new(stored, type, id, null, null, null, data) : null;
    }
}
