using Bsp.Application.EventStore;
using Bsp.Domain.Charging;
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

/// <summary>The balance fell below the organization's threshold (<c>settings.low_balance</c>): told once until it was back.</summary>
/// <param name="WalletId">The same for all that is told of one wallet.</param>
/// <param name="Balance">May be negative: what was delivered is charged.</param>
public sealed record WalletLowData(Guid WalletId, string Currency, string Balance, string Threshold, DateTimeOffset At) : PublicData;

/// <summary>A wallet's chain as it stood when a day was over, signed. Keep it: no later change before it goes unseen.</summary>
/// <param name="WalletId">The same for all that is told of one wallet.</param>
/// <param name="Day">UTC, yyyy-mm-dd.</param>
/// <param name="DayNumber">Of the signed days, from 1 without gaps.</param>
/// <param name="DayRoot">Hex: over all organizations' heads of the day; GET /v1/ledger/heads has the path to it.</param>
/// <param name="Size">Entries of the month under the head.</param>
/// <param name="HeadHash">Hex: of the last of them.</param>
/// <param name="KeyId">Public keys: /.well-known/bsp-ledger-keys.</param>
/// <param name="Message">What is signed, byte by byte.</param>
/// <param name="Signature">Hex, Ed25519.</param>
public sealed record LedgerHeadData(Guid WalletId, string Currency, string Day, long DayNumber, string DayRoot, string Month, long Size,
    string HeadHash, string Balance, string Held, string KeyId, string Message, string Signature, DateTimeOffset At) : PublicData;

/// <summary>What one message costs by now; a later one of the same message (and participant) takes its place.</summary>
/// <param name="Participant">Of a group, who it is: 16 hex digits; absent: a message to one person.</param>
/// <param name="Outcome">charged, free, included or pending.</param>
/// <param name="Amount">0.000000 unless charged.</param>
/// <param name="Evidence">meta, or assumed: Meta has not said yet.</param>
/// <param name="Reason">Why free or pending.</param>
/// <param name="ReferenceId">Of the wallet's entry; absent: there is none.</param>
/// <param name="RefundedId">Reference of the entry that this one takes back.</param>
public sealed record PublicCharge(Guid MessageId, string? Participant, Guid ContactId, string Outcome, string Amount, string Currency,
    string? Market, string? Category, string? PricingType, string? Card, string Evidence, string? Reason, string? ReferenceId,
    string? RefundedId, DateTimeOffset DeliveredAt);

/// <summary>Delivered messages have a price, or another one than before.</summary>
/// <param name="ChargingId">The organization's charges of a month.</param>
/// <param name="AccountId">That sent them all; absent: several did.</param>
/// <param name="CampaignId">That sent them all; absent: none or several did.</param>
/// <param name="Charges">In the order in which they were decided; at most 100, of older ones 1,000.</param>
public sealed record MessagesChargedData(Guid ChargingId, Guid? AccountId, Guid? CampaignId, IReadOnlyList<PublicCharge> Charges,
    DateTimeOffset At) : PublicData;

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
        new("wallet.low", "The balance fell below the threshold that the organization has set.", typeof(WalletLowData), "wallet_low"),
        new("message.charged", "Delivered messages have a price, or another one than before.", typeof(MessagesChargedData),
            "messages_charged"),
        new("ledger.head_signed", "The wallet's head of a day was signed: keep it outside.", typeof(LedgerHeadData),
            "ledger_head_signed"),
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
        WalletLow e => new(stored, "wallet.low", WalletOf(stored, e.Currency), null, null, null,
            new WalletLowData(WalletOf(stored, e.Currency), e.Currency, Money.Text(e.Balance), Money.Text(e.Threshold), e.At)),
        LedgerHeadSigned e => new(stored, "ledger.head_signed", WalletOf(stored, e.Currency), null, null, null,
            new LedgerHeadData(WalletOf(stored, e.Currency), e.Currency, e.Day, e.DayNumber, e.DayRoot, e.Month, e.Size, e.HeadHash,
                Money.Text(e.Balance), Money.Text(e.Held), e.KeyId, e.Message, e.Signature, e.At)),
        MessagesCharged e => OfCharges(stored, e),
        _ => null,
    };

    // All of one wallet keep their order: balances are a chain.
    private static Guid WalletOf(StoredEvent stored, string currency) => Uuid.Of($"wallet/{stored.OrganizationId}/{currency}");

    private static PublicEvent OfCharges(StoredEvent stored, MessagesCharged fact)
    {
        var (account, campaign) = (Only(fact.Charges, c => c.AccountId), Only(fact.Charges, c => c.CampaignId));
        return new(stored, "message.charged", stored.StreamId, account, campaign, null, new MessagesChargedData(stored.StreamId, account,
            campaign, [.. fact.Charges.Select(Shown)], fact.At));
    }

    // Null: it is none, or they have several.
    private static Guid? Only(IReadOnlyList<MessageCharge> charges, Func<MessageCharge, Guid?> of) =>
        charges.Select(of).Distinct().Take(2).ToList() is [var only] ? only : null;

    private static PublicCharge Shown(MessageCharge c) => new(c.MessageId, c.Participant.Length == 0 ? null : c.Participant, c.ContactId,
        c.Outcome, Money.Text(c.Amount), c.Currency, c.Market, c.Category, c.PricingType, c.Card, c.Evidence, c.Reason, c.Reference,
        c.Refunded, c.DeliveredAt);

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
        return type is null ? null : new(stored, type, WalletOf(stored, e.Currency), null, null, null,
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
