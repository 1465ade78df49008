using System.Text.Json.Serialization;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;

namespace Bsp.Domain.Charging;

/// <summary>A fact about what messages cost: the link between a message and the ledger.</summary>
public abstract record ChargingEvent;

/// <summary>What one message costs by now, and why. A later one of the same message (and participant) takes its place.</summary>
/// <param name="Participant">Of a group, 16 hex digits of the SHA-256 of who received it; empty: a message to one person.</param>
/// <param name="ContactId">As the message names it.</param>
/// <param name="Type">Exact WhatsApp type of the message.</param>
/// <param name="SentAt">As its delivery says.</param>
/// <param name="DeliveredAt">Decides which rates hold.</param>
/// <param name="Outcome"><c>charged</c>, <c>free</c>, <c>included</c> or <c>pending</c>.</param>
/// <param name="Amount">Six decimals, exact; 0 unless charged.</param>
/// <param name="Card">Code of the rate card; null: none was in force.</param>
/// <param name="Evidence"><c>meta</c>, or <c>assumed</c>: Meta has not said yet.</param>
/// <param name="Reason">Why free or pending; null when charged or included.</param>
/// <param name="Reference">Of the ledger's entry; null: there is none.</param>
/// <param name="Refunded">Reference of the entry that this one takes back; null: none.</param>
public sealed record MessageCharge(Guid MessageId, string Participant, Guid AccountId, Guid ContactId, Guid? CampaignId, string Type,
    DateTimeOffset SentAt, DateTimeOffset DeliveredAt,
    string Outcome, [property: JsonConverter(typeof(MoneyJson))] decimal Amount, string Currency, string? Market, string? Category,
    string? PricingType, string? Card, string Evidence, string? Reason, string? Reference, string? Refunded);

/// <summary>The charges of one page of the log, decided and entered into the ledger together.</summary>
/// <param name="Charges">In the order of the log; at most 100 of one number and campaign (of before, 1,000 of any).</param>
[StoredAs("messages_charged")]
public sealed record MessagesCharged(IReadOnlyList<MessageCharge> Charges, DateTimeOffset At) : ChargingEvent;
