using System.Text.Json;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;

namespace Bsp.UnitTests.Charging;

/// <summary>One organization's charging without stores: what the process manager does with bills, counters and a wallet.</summary>
internal sealed class Desk(Tariff tariff, PlanTerms? plan = null, decimal balance = 0)
{
    public static readonly Guid Account = new("0198c0de-0000-7000-8000-0000000000a1");
    public static readonly DateTimeOffset October = new(2026, 10, 17, 10, 0, 0, TimeSpan.Zero);

    private readonly Dictionary<string, long> counters = [];
    private readonly Dictionary<(Guid, string), Bill> bills = [];

    public List<decimal> Entries { get; } = [];

    public decimal Balance { get; private set; } = balance;

    public decimal Charged => -Entries.Sum();

    public IEnumerable<Bill> Bills => bills.Values;

    public long Count(string name) => counters.GetValueOrDefault(name);

    public Bill? BillOf(Guid message, string participant = "") => bills.GetValueOrDefault((message, participant));

    public void Deliver(Delivery delivery, Guid? message = null, string participant = "") =>
        Take(message ?? Guid.NewGuid(), participant, Bill.Deliver(delivery, tariff, "USD", plan ?? PlanTerms.None, Count));

    public void Say(Guid message, PricingEvidence evidence, string participant = "")
    {
        if (bills[(message, participant)].Correct(evidence, tariff, "USD", plan ?? PlanTerms.None, Count) is { } step)
        {
            Take(message, participant, step);
        }
    }

    public void Reprice(Tariff with)
    {
        foreach (var (key, bill) in bills.ToList())
        {
            if (bill.Retry(with, "USD", plan ?? PlanTerms.None, Count) is { } step)
            {
                Take(key.Item1, key.Item2, step);
            }
        }
    }

    private void Take(Guid message, string participant, BillStep step)
    {
        foreach (var amount in new[] { step.Refund, -step.Debit }.Where(a => a != 0))
        {
            Entries.Add(amount);
            Balance += amount;
        }

        foreach (var counter in step.Counted)
        {
            counters[counter] = Count(counter) + 1;
        }

        bills[(message, participant)] = step.After;
    }

    /// <summary>A delivery of ours with Meta's word on it.</summary>
    public static Delivery Delivered(string recipient, string category, string? type = "regular", DateTimeOffset? at = null,
        Guid? account = null, bool? inWindow = null)
    {
        var when = at ?? October;
        return new(account ?? Account, Markets.Recipient(recipient, null), when, category, inWindow, type is null ? null
            : new(category, type, null, null, when, 2));
    }

    /// <summary>What the log holds of one message, charged as the process manager reads it.</summary>
    public void Follow(Guid message, string recipient, string sentAs, IEnumerable<MessageEvent> events)
    {
        var heard = new List<PricingEvidence?>();
        foreach (var fact in events)
        {
            var said = PricingItem.Read(fact switch { MessageSent e => e.Evidence?.Item, MessageDelivered e =>
                e.Evidence?.Item, MessageRead e => e.Evidence?.Item, MessageStatusNoted e => e.Evidence?.Item, _ => null }, fact.At);
            heard.Add(said);
            if (fact is MessageDelivered)
            {
                Deliver(new(Account, Markets.Recipient(recipient, null), fact.At, sentAs, null, PricingEvidence.Newest(heard)), message);
            }
            else if (said is not null && BillOf(message) is not null)
            {
                Say(message, said);
            }
        }
    }

    /// <summary>A status item as Meta sends it.</summary>
    public static ReportedStatus Status(string word, int second, string? category, string type = "regular")
    {
        var pricing = category is null ? ""
            : $$""","pricing":{"billable":true,"pricing_model":"PMP","type":"{{type}}","category":"{{category}}"}""";
        var item = JsonElement.Parse($$"""{"id":"wamid.1","status":"{{word}}","timestamp":"{{second}}"{{pricing}}}""");
        return new(word, "wamid.1", October.AddSeconds(second), word == "failed" ? 131026 : null, null, null, new Evidence(1, "00", item));
    }
}
