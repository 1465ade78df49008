using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <summary>One organization's charges while they are decided: what is known, and what is to be written.</summary>
internal sealed class Work(Shard shard, Guid organizationId, string currency, Tariff tariff, Dictionary<BillKey, BillRow> bills,
    CampaignHolds holds)
{
    private const string Kind = "message";

    private readonly HashSet<BillKey> saved = [];

    public Shard Shard => shard;

    public Guid OrganizationId => organizationId;

    public string Currency => currency;

    public Tariff Tariff => tariff;

    public Dictionary<BillKey, BillRow> Bills => bills;

    public CampaignHolds Holds => holds;

    /// <summary>By moment of delivery.</summary>
    public IReadOnlyDictionary<DateTimeOffset, PlanTerms> Terms { get; set; } = new Dictionary<DateTimeOffset, PlanTerms>();

    public Counters Counters { get; set; } = null!;

    public List<Posting> Postings { get; } = [];

    /// <summary>What was debited from holds, in the order of the postings.</summary>
    public List<(Guid Campaign, decimal Amount)> TakenFromHolds { get; } = [];

    public List<MessageCharge> Charges { get; } = [];

    /// <summary>Messages of no campaign, or of one without a hold (triggered), that need no reserve any more.</summary>
    public List<Guid> EndedSends { get; } = [];

    public IReadOnlyCollection<BillRow> Saved => [.. saved.Select(key => bills[key])];

    public PlanTerms Plan(DateTimeOffset at) => Terms.GetValueOrDefault(at) ?? PlanTerms.None;

    /// <summary>It was judged by this tariff and waits on.</summary>
    public void Looked(BillRow row) => saved.Add(row.Key);

    /// <summary>Nothing is set aside for it any more.</summary>
    public void Ended(Guid? campaignId, Guid messageId)
    {
        if (campaignId is not { } campaign || !Holds.Has(campaign))
        {
            EndedSends.Add(messageId);
        }
    }

    /// <param name="hold">Campaign whose hold pays; null: the balance does.</param>
    public void Apply(BillRow row, BillStep step, Guid? hold, bool first = false)
    {
        var rates = first || row.Bill.Number != step.After.Number;
        bills[row.Key] = row with { Bill = step.After };
        saved.Add(row.Key);
        Counters.Count(step.Counted);
        if (!rates)
        {
            return;
        }

        var refunded = step.Refund > 0 ? Refund(row, step) : null;
        var reference = step.Debit > 0 ? Debit(row, step, hold) : null;
        var bill = step.After;
        Charges.Add(new(row.Key.MessageId, row.Key.Participant, bill.Delivery.AccountId, row.ContactId, row.CampaignId, row.MessageType,
            row.SentAt, bill.Delivery.DeliveredAt, BillRows.Word(bill.Outcome),
            bill.Amount, row.Currency, bill.Market, bill.Category, bill.Type, bill.Card, bill.EvidenceAt is null ? "assumed"
            : "meta", bill.Reason, reference, refunded));
    }

    private string Refund(BillRow row, BillStep step)
    {
        var of = Bill.Reference(row.Key.MessageId, row.Key.Participant, step.RefundOf);
        Postings.Add(new RefundOf(KeyOf(row.Key, step.RefundOf, Kind), step.Refund, KeyOf(row.Key, step.RefundOf, "message_refund"), of,
            Metadata: Metadata(row, row.Bill), EffectiveAt: row.Bill.Delivery.DeliveredAt));
        return of;
    }

    private string Debit(BillRow row, BillStep step, Guid? hold)
    {
        var reference = Bill.Reference(row.Key.MessageId, row.Key.Participant, step.After.Number);
        Postings.Add(new Debit(step.Debit, EntryCategories.Message, KeyOf(row.Key, step.After.Number, Kind), reference, null,
            Metadata(row, step.After), hold is { } campaign ? Holds.ReferenceOf(campaign) : null,
            MayOverdraw: true, step.After.Delivery.DeliveredAt, BillRows.Json(step.After.Delivery.Evidence)));
        if (hold is { } from)
        {
            TakenFromHolds.Add((from, step.Debit));
        }

        return reference;
    }

    private static ChargeKey KeyOf(BillKey key, int number, string kind) =>
        new(key.Participant.Length == 0 ? key.MessageId : Uuid.Of($"message/{key.MessageId}/{key.Participant}"),
        number <= 1 ? kind : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{kind}_{number}"));

    private static Dictionary<string, string> Metadata(BillRow row, Bill bill)
    {
        var metadata = new Dictionary<string, string>
        {
            ["message_id"] = row.Key.MessageId.ToString(),
            ["account_id"] = bill.Delivery.AccountId.ToString(),
            ["evidence"] = bill.EvidenceAt is null ? "assumed" : "meta",
        };
        foreach (var (name, value) in new[] { ("market", bill.Market), ("category", bill.Category), ("pricing_type", bill.Type),
            ("card", bill.Card), ("campaign_id", row.CampaignId?.ToString()) })
        {
            if (value is not null)
            {
                metadata[name] = value;
            }
        }

        return metadata;
    }
}
