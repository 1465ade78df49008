using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// Queued messages of a campaign whose recipient was merged, after their message was queued, with another member of the same audience: one
/// of the two may go, the one whose call was begun, else the one that
/// was queued first. Asked before each call is begun.
/// </summary>
public sealed class MergedRecipients(Shards shards, IEventStore store) : IMergedRecipients
{
    /// <summary>Nearly always one query that finds nobody merged.</summary>
    public async Task<IReadOnlySet<Guid>> DuplicatesAsync(Guid organizationId, IReadOnlyDictionary<Guid, KnownMessage> messages,
        CancellationToken ct)
    {
        var duplicates = new HashSet<Guid>();
        var ours = messages.Where(m => m.Value.State is { Phase: MessagePhase.Queued, Ref.CampaignId: not null })
            .Select(m => m.Value.State.Ref!).ToList();
        var shard = await shards.OfAsync(organizationId, ct);
        var merged = ours.Count == 0 ? [] : await MergedAsync(shard, organizationId, [.. ours.Select(r => r.ContactId).Distinct()], ct);
        foreach (var own in ours.Where(r => merged.Contains(r.ContactId)))
        {
            if (await IsDuplicateAsync(shard, organizationId, own, ct))
            {
                duplicates.Add(own.MessageId);
            }
        }

        return duplicates;
    }

    // Those who became part of another contact, or of whom another one became part.
    private static async Task<HashSet<Guid>> MergedAsync(Shard shard, Guid organizationId, Guid[] contacts, CancellationToken ct) =>
        [.. await shard.QueryAsync(organizationId, """
        SELECT x.contact_id FROM bsp.contact_aliases x WHERE x.contact_id = ANY ($1) UNION SELECT x.into_id FROM bsp.contact_aliases x WHERE x.into_id = ANY ($1)
        """, r => r.GetGuid(0), ct, contacts)];

    private const string MembersSql = """
        SELECT a.contact_id FROM unnest($2::uuid[]) AS i (id)
         CROSS JOIN LATERAL (SELECT m.contact_id, m.ordinal FROM bsp.campaign_audience m
                              WHERE m.campaign_id = $1 AND m.contact_id = i.id AND m.contact_id <> '00000000-0000-0000-0000-000000000000' OFFSET 0) a
         ORDER BY a.ordinal
        """;

    private async Task<bool> IsDuplicateAsync(Shard shard, Guid organizationId, MessageRef own, CancellationToken ct)
    {
        var ids = await shard.AllIdsAsync(organizationId, own.ContactId, ct);
        var members = await shard.QueryAsync(organizationId, MembersSql, r => Uuid.CampaignMessage(own.CampaignId!.Value, r.GetGuid(0)), ct,
            own.CampaignId!.Value, ids.ToArray());
        if (members.Count < 2)
        {
            return false;
        }

        var place = members.IndexOf(own.MessageId);
        return (await store.LoadManyAsync(organizationId, members, ct, archivedToo: true))
            .Select(s => s.FoldReadable<Message, MessageEvent>(Message.Initial, Message.Evolve))
            .Where((other, i) => i != place && (other.MayHaveLeft || (other.Phase == MessagePhase.Queued && i < place))).Any();
    }
}
