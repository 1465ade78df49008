using Bsp.Application.EventStore;
using Bsp.Domain.Charging;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <summary>
/// Charges one organization for a run of its log, or for what was pending: bills, counters, the ledger's entries, the campaigns' holds, the
/// reserves of single sends and the fact in the log
/// are one transaction, the caller's. The organization's row of <c>bsp.charging</c> is locked by then. Decision: docs/decisions/0231.
/// </summary>
public sealed class Charger(PostgresEventStore store, LedgerWriter ledger, TariffSource tariffs, IPlans plans, TimeProvider clock)
{
    /// <summary>Bills that are rated again in one transaction.</summary>
    public const int PendingMax = 200;

    // Of one number and campaign, so that whoever is told of these only is told of it; few enough for a webhook's body.
    private const int ChargesMax = 100;

    private readonly DeliveryFacts facts = new(store);

    /// <summary>Stored names of what is read.</summary>
    public static readonly IReadOnlyList<string> Types =
    [
        "message_delivered", "message_read", "message_status_noted", "message_skipped", "message_failed", "message_rejected",
            "message_cancelled", "message_expired", "message_unknown_closed",
        "campaign_audience_frozen", "campaign_cancelled",
    ];

    /// <summary>Takes what happened, in its order.</summary>
    /// <exception cref="InvalidDataException">An event of it cannot be read.</exception>
    public async Task TakeAsync(TenantTransaction tx, Shard shard, Guid organizationId, string currency, IReadOnlyList<StoredEvent> events,
        CancellationToken ct)
    {
        if (events.FirstOrDefault(e => e.Body is null or UnreadableBody) is { } bad)
        {
            throw new InvalidDataException(
                $"Event {bad.Sequence} ({bad.Type}) cannot be read: {(bad.Body as UnreadableBody)?.Error ?? "this build does not know it"}");
        }

        var messages = events.Where(e => e.Body is MessageEvent { Ref.Direction: "outbound" }).ToList();
        var delivered = messages.Where(IsDelivery).ToList();
        var telling = messages.Where(e => IsDelivery(e) || DeliveryFacts.Said(e) is not null || Ends(e.Body)).ToList();
        if (telling.Count == 0 && !events.Any(e => e.Body is CampaignEvent))
        {
            return;
        }

        var tariff = await tariffs.CurrentAsync(ct);
        var bills = await BillRows.FindAsync(tx, organizationId, [.. telling.Select(e => e.StreamId).Distinct()], ct);
        var fresh = delivered.Where(e => !bills.ContainsKey(KeyOf(e))).ToList();
        var known = await facts.ReadAsync(tx, organizationId, fresh,
            tariff.Cards.Any(c => c.Currency == currency && c.Rules.Any(r => r.AssumedWhenMissing == "by_window")), ct);
        var holds = await CampaignHolds.ReadAsync(tx, organizationId, events, ct);
        var work = new Work(shard, organizationId, currency, tariff, bills, holds);
        DateTimeOffset[] moments =
            [.. known.Values.Select(d => d.DeliveredAt).Concat(bills.Values.Select(b => b.Bill.Delivery.DeliveredAt)).Distinct()];
        await plans.CarryOutAsync(tx, shard, organizationId, moments, ct);
        await PrepareAsync(work, tx, moments, ct);
        foreach (var stored in events)
        {
            if (stored.Body is CampaignAudienceFrozen frozen)
            {
                holds.Froze(frozen.CampaignId, frozen.TotalRecipients);
            }
            else if (stored.Body is CampaignCancelled cancelled)
            {
                holds.Cancelled(cancelled.CampaignId);
            }
            else if (stored.Body is MessageEvent { Ref.Direction: "outbound" })
            {
                Take(work, stored, known);
            }
        }

        await FinishAsync(work, tx, ct);
    }

    /// <summary>Rates what waits again, by the tariff as it is now. False: nothing is left that it has not judged.</summary>
    public async Task<bool> RetryAsync(TenantTransaction tx, Shard shard, Guid organizationId, CancellationToken ct)
    {
        var tariff = await tariffs.CurrentAsync(ct);
        var rows = await BillRows.PendingAsync(tx, organizationId, tariff.Version, PendingMax, ct);
        await plans.CarryOutAsync(tx, shard, organizationId, [.. rows.Select(r => r.Bill.Delivery.DeliveredAt)], ct);
        foreach (var of in rows.GroupBy(r => r.Currency))
        {
            var work = new Work(shard, organizationId, of.Key, tariff, of.ToDictionary(r => r.Key), CampaignHolds.None);
            await PrepareAsync(work, tx, of.Select(r => r.Bill.Delivery.DeliveredAt), ct);
            foreach (var row in of)
            {
                if (row.Bill.Retry(tariff, of.Key, work.Plan(row.Bill.Delivery.DeliveredAt), work.Counters.Of) is { } step)
                {
                    work.Apply(row, step, null);
                }
                else
                {
                    work.Looked(row);
                }
            }

            await FinishAsync(work, tx, ct);
        }

        return rows.Count == PendingMax;
    }

    private async Task PrepareAsync(Work work, TenantTransaction tx, IEnumerable<DateTimeOffset> deliveries, CancellationToken ct)
    {
        var moments = deliveries.Distinct().ToList();
        work.Terms = await plans.AtAsync(tx, work.OrganizationId, work.Currency, moments, ct);
        var months = moments.Select(at => at.UtcDateTime.ToString("yyyy-MM", System.Globalization.CultureInfo.InvariantCulture));
        work.Counters =
            await Counters.ReadAsync(tx, work.OrganizationId,
                [.. months.Concat(work.Terms.Values.Select(t => t.Period)).Where(p => p.Length > 0).Distinct()], ct);
    }

    private static void Take(Work work, StoredEvent stored, Dictionary<Guid, Delivery> known)
    {
        var message = (MessageEvent)stored.Body!;
        var key = KeyOf(stored);
        var row = work.Bills.GetValueOrDefault(key);
        if (row is null && known.TryGetValue(stored.Id, out var delivery))
        {
            var hold = work.Holds.Reached(message.Ref.CampaignId, stored.StreamId);
            var sent = stored.Body is MessageDelivered ? ((MessageDelivered)FactTime.Bounded(stored).Body!).SentAt : delivery.DeliveredAt;
            var step = Bill.Deliver(delivery, work.Tariff, work.Currency, work.Plan(delivery.DeliveredAt), work.Counters.Of);
            work.Apply(new(key, message.Ref.ContactId, message.Ref.CampaignId, message.Ref.Type, sent, step.After, work.Currency), step,
                hold, first: true);
            work.Ended(message.Ref.CampaignId, stored.StreamId);
        }
        else if (row is not null && DeliveryFacts.Said(stored) is { } said
            && row.Bill.Correct(said, work.Tariff, row.Currency, work.Plan(row.Bill.Delivery.DeliveredAt), work.Counters.Of) is { } step)
        {
            work.Apply(row, step, null);
        }
        else if (row is null && Ends(stored.Body))
        {
            work.Holds.Missed(message.Ref.CampaignId, stored.StreamId);
            work.Ended(message.Ref.CampaignId, stored.StreamId);
        }
    }

    private async Task FinishAsync(Work work, TenantTransaction tx, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await BillRows.SaveAsync(tx, work.OrganizationId, work.Saved, work.Tariff.Version, now, ct);
        await work.Counters.SaveAsync(tx, work.OrganizationId, ct);
        await work.Holds.SaveAsync(tx, work.OrganizationId, ct);
        foreach (var page in work.Postings.Concat(work.Holds.Postings(work.TakenFromHolds)).Chunk(LedgerWriter.PostingsMax))
        {
            var outcomes = await ledger.PostAsync(tx, work.Shard, work.OrganizationId, work.Currency, page, ct);
            if (outcomes.Zip(page)
                .FirstOrDefault(o => o.First is Refused or Insufficient && o.Second is Transfer) is ({ } refused, { } posting))
            {
                throw new InvalidDataException($"The ledger refuses {(posting as Transfer)?.ReferenceId}: {refused}");
            }
        }

        await DirectReserves.ReleaseAsync(tx, work.OrganizationId, work.EndedSends, ct);
        if (work.Charges.Count > 0)
        {
            await store.AppendAsync(tx, work.Shard, work.OrganizationId,
                [.. work.Charges.GroupBy(c => (c.AccountId, c.CampaignId)).SelectMany(of => of.Chunk(ChargesMax))
                    .Select(charges =>
                        (IReadOnlyList<StreamAppend>)[new StreamAppend(StreamOf(work.OrganizationId, now), "charging", null,
                            [new MessagesCharged(charges, now)])])], ct);
        }
    }

    /// <summary>Stream of an organization's charges in one calendar month, UTC.</summary>
    public static Guid StreamOf(Guid organizationId, DateTimeOffset at) =>
        Uuid.Of($"charging/{organizationId}/{at.UtcDateTime.Year:0000}-{at.UtcDateTime.Month:00}");

    private static BillKey KeyOf(StoredEvent stored) => new(stored.StreamId, DeliveryFacts.EvidenceOf(stored)?.Participant ?? "");

    // Of a group each participant's word that it came counts; Message.Report notes those after the first.
    private static bool IsDelivery(StoredEvent stored) =>
        stored.Body is MessageDelivered || (stored.Body is MessageStatusNoted { Status: "delivered", Evidence.Participant: not null });

    private static bool Ends(object? fact) =>
        fact is MessageSkipped or MessageFailed or MessageRejected or MessageCancelled or MessageExpired or MessageUnknownClosed;
}
