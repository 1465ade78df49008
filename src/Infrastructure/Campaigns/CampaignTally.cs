using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Messages;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// How far a campaign's numbers move by some facts. Each number is a count of facts, so every view that adds these up agrees with every
/// other.
/// <c>failed</c> holds the rejected too, less the failures that a later delivery overruled; <c>pending</c> is queued or being sent;
/// <c>unknown</c> is what is unknown now, <c>waiting</c> what is pending and waits for room or for the end of a person's cap.
/// </summary>
public sealed class CampaignTally
{
    /// <summary>Names of the numbers: fields of the Redis hash and columns of <c>bsp.campaign_progress</c>.</summary>
    public static readonly string[] Names =
        ["total", "queued", "skipped", "pending", "accepted", "unknown", "sent", "delivered", "read", "failed", "rejected", "cancelled",
            "expired", "unknown_closed", "waiting"];

    private readonly int[] values = new int[Names.Length];

    /// <summary>One number by its name.</summary>
    public int this[string name]
    {
        get => values[Array.IndexOf(Names, name)];
        private set => values[Array.IndexOf(Names, name)] = value;
    }

    /// <summary>When the first message of the campaign was queued, as far as these facts know.</summary>
    public DateTimeOffset? FirstAt { get; private set; }

    /// <summary>Append time of the last fact that settled a message (no longer pending).</summary>
    public DateTimeOffset? LastAt { get; private set; }

    /// <summary>Numbers per campaign. Campaigns whose facts move no number have none.</summary>
    public static Dictionary<Guid, CampaignTally> Of(IEnumerable<StoredEvent> events, IReadOnlyDictionary<Guid, PriorSettlement> priors)
    {
        var tallies = new Dictionary<Guid, CampaignTally>();
        foreach (var stored in events)
        {
            if (CampaignOf(stored.Body) is not { } campaign)
            {
                continue;
            }

            if (!tallies.TryGetValue(campaign, out var tally))
            {
                tallies.Add(campaign, tally = new());
            }

            tally.Add(stored, priors.GetValueOrDefault(stored.Id));
        }

        return tallies;
    }

    /// <summary>The campaign a fact counts for; null: none.</summary>
    public static Guid? CampaignOf(object? body) => body switch
    {
        MessageEvent { Ref.CampaignId: { } id } => id,
        CampaignCreated e => e.CampaignId,
        CampaignAudienceFrozen e => e.CampaignId,
        _ => null,
    };

    private void Add(StoredEvent stored, PriorSettlement? prior)
    {
        switch (stored.Body)
        {
            case CampaignAudienceFrozen e: this["total"] += e.TotalRecipients; break;
            case MessageQueued:
                this["queued"]++;
                this["pending"]++;
                FirstAt = Earlier(FirstAt, stored.Timestamp);
                break;
            case MessageSkipped: this["skipped"]++; break;
            case MessageAccepted: Accept(prior, stored.Timestamp); break;
            case MessageRejected e:
                this["failed"]++;
                Settle("rejected", stored.Timestamp);
                Known(e.WasUnknown);
                break;
            case MessageAttemptRefused e: Known(e.WasUnknown); break;
            case MessageDeferred e:
                this["waiting"]++;
                if (e.From is { } from)
                {
                    this[from]--;
                    this["pending"]++;
                }

                break;
            case MessageWaitEnded: this["waiting"]--; break;
            case MessageOutcomeUnknown: Settle("unknown", stored.Timestamp); break;
            case MessageUnknownClosed:
                this["unknown"]--;
                this["unknown_closed"]++;
                break;
            case MessageCancelled: Settle("cancelled", stored.Timestamp); break;
            case MessageExpired: this["expired"]++; break;
            case MessageSent: this["sent"]++; break;
            case MessageDelivered e:
                this["delivered"]++;
                this["failed"] -= e.FailedAt is null ? 0 : 1;
                break;
            case MessageRead: this["read"]++; break;
            case MessageFailed: this["failed"]++; break;
        }
    }

    private void Settle(string number, DateTimeOffset at)
    {
        this[number]++;
        this["pending"]--;
        LastAt = LastAt is { } last && last > at ? last : at;
    }

    // Its answer came after all: it is pending again, until what follows settles it.
    private void Known(bool? wasUnknown)
    {
        if (wasUnknown is true)
        {
            this["unknown"]--;
            this["pending"]++;
        }
    }

    // Accepted after it had been settled otherwise (a webhook or a late answer proved more): the earlier verdict is taken back.
    private void Accept(PriorSettlement? prior, DateTimeOffset at)
    {
        Settle("accepted", at);
        if (prior is null)
        {
            return;
        }

        this["pending"]++;
        this[prior.Kind]--;
        this["failed"] -= prior.Kind == "rejected" ? 1 : 0;
    }

    private static DateTimeOffset Earlier(DateTimeOffset? left, DateTimeOffset right) => left is { } l && l < right ? l : right;
}
