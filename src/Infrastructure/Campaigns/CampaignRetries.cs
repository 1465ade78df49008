using System.Text.Json;
using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <inheritdoc cref="ICampaignRetries"/>
public sealed class CampaignRetries(Shards shards, PostgresEventStore store, RowCaches caches, TimeProvider clock) : ICampaignRetries
{
    /// <summary>Why a member is passed over: what had failed was delivered, or is under way, after all.</summary>
    public const string Delivered = "delivered";

    private const int PageMembers = 1_000;
    private const int NameMax = 200;

    public async Task<Done> RetryAsync(Guid organizationId, Guid sourceId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var source = (await store.LoadAsync(organizationId, sourceId, ct)).Fold<Campaign, CampaignEvent>();
        Campaign.RequireRetryable(source);
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        // one caller at a time; two numbers, because one is how appends announce themselves
        await transaction.ExecuteAsync("SELECT pg_advisory_xact_lock(322, hashtext($1::text))", ct, sourceId.ToString());
        var earlier = await transaction.QueryAsync("""
            SELECT c.id, c.status IN ('DRAFT', 'SCHEDULED'), c.version FROM campaigns c
             WHERE c.retry_of = $2 AND (c.organization_id = $1) IS TRUE AND c.retry_of IS NOT NULL ORDER BY c.id DESC
            """, r => (Id: r.GetGuid(0), Open: r.GetBoolean(1), Version: r.GetInt64(2)), ct, organizationId, sourceId);
        var draft = earlier.FirstOrDefault(e => e.Open);
        var id = draft.Id == Guid.Empty ? CurrentRequest.NewId() : draft.Id;
        var added = await AddAsync(transaction, organizationId, sourceId, id, ct);
        if (draft.Id != Guid.Empty)
        {
            await transaction.CommitAsync(ct);
            return new(draft.Id, draft.Version);
        }

        if (added == 0)
        {
            return earlier.Count > 0 ? new(earlier[0].Id, earlier[0].Version)
                : throw new Refusal("campaign.nothing_to_retry", "Nobody of its audience failed so far.");
        }

        var version = await store.DecideAsync<Campaign, CampaignEvent>(transaction, shard, organizationId, id, state =>
            Campaign.Create(state, id, "BROADCAST", Plan(source.Plan!, sourceId, id), clock.GetUtcNow()), ct);
        await transaction.CommitAsync(ct);
        await caches.Campaigns.ForgetAsync(id, version, CancellationToken.None);
        return new(id, version);
    }

    /// <summary>Adds to a retry that is about to begin who has failed since; nothing when it is none.</summary>
    public async Task AddLateAsync(Guid organizationId, Guid campaignId, CampaignPlan plan, CancellationToken ct)
    {
        if (plan.Options?.RetryOf is { } sourceId)
        {
            var shard = await shards.OfAsync(organizationId, ct);
            await using var transaction = await shard.BeginAsync(organizationId, ct);
            await transaction.ExecuteAsync("SELECT pg_advisory_xact_lock(322, hashtext($1::text))", ct, sourceId.ToString());
            await AddAsync(transaction, organizationId, sourceId, campaignId, ct);
            await transaction.CommitUnmarkedAsync(ct);
        }
    }

    /// <summary>Of a retry's members, those whom the other campaign's message has reached since, or may still reach.</summary>
    internal async Task<IReadOnlySet<Guid>> OvertakenAsync(TenantTransaction transaction, Guid organizationId, Guid campaignId,
        Guid sourceId,
        IReadOnlyList<Member> members, CancellationToken ct)
    {
        var failed = await transaction.QueryAsync("""
            SELECT m.id, r.contact_id FROM unnest($2::uuid[]) AS m (id)
             CROSS JOIN LATERAL (SELECT m.id AS contact UNION ALL SELECT y.contact_id FROM bsp.contact_aliases y WHERE y.into_id = m.id) i
             CROSS JOIN LATERAL (SELECT x.contact_id FROM bsp.campaign_retries x
                                  WHERE x.retry_id = $1 AND x.contact_id = i.contact OFFSET 0) r
            """, r => (Person: r.GetGuid(0), Contact: r.GetGuid(1)), ct, campaignId,
            members.Select(m => m.PersonId).Distinct().ToArray());
        var standing = await StandingAsync(organizationId, sourceId, [.. failed.Select(f => f.Contact)], ct);
        return failed.Where(f => !IsFailed(standing[f.Contact])).Select(f => f.Person).ToHashSet();
    }

    // What of the plan goes over: everything but its end, if that has passed, and its audience.
    private CampaignPlan Plan(CampaignPlan of, Guid sourceId, Guid id) => of with
    {
        Name = Text.Cut($"Retry: {of.Name}", NameMax),
        AudienceSegment = JsonSerializer.SerializeToElement(new Dictionary<string, Guid> { [AudienceSegment.Retry] = id }),
        SendUntil = of.SendUntil <= clock.GetUtcNow() ? null : of.SendUntil,
        Options = (of.Options ?? new()) with { RetryOf = sourceId, Trigger = null },
    };

    // Everybody who failed and is in no other retry; one that was given up before it began lets them go.
    private async Task<int> AddAsync(TenantTransaction transaction, Guid organizationId, Guid sourceId, Guid retryId, CancellationToken ct)
    {
        var (added, after) = (0, 0);
        while (true)
        {
            var page = await transaction.QueryAsync("""
                SELECT m.ordinal, m.contact_id FROM bsp.campaign_audience m
                 WHERE m.campaign_id = $1 AND m.ordinal > $2 AND m.ordinal > 0 ORDER BY m.ordinal LIMIT $3
                """, r => (Ordinal: r.GetInt32(0), Contact: r.GetGuid(1)), ct, sourceId, after, PageMembers);
            if (page.Count == 0)
            {
                return added;
            }

            after = page[^1].Ordinal;
            var failed = await FailedAsync(transaction, organizationId, sourceId, page.ConvertAll(m => m.Contact), ct);
            added += failed.Length == 0 ? 0 : await transaction.ExecuteAsync("""
                INSERT INTO bsp.campaign_retries AS r (source_id, contact_id, organization_id, retry_id)
                SELECT $1, u.id, $2, $3 FROM unnest($4::uuid[]) AS u (id)
                ON CONFLICT (source_id, contact_id) DO UPDATE SET retry_id = excluded.retry_id
                 WHERE EXISTS (SELECT FROM campaigns c WHERE c.id = r.retry_id AND c.status = 'CANCELLED' AND c.started_at IS NULL OFFSET 0)
                """, ct, sourceId, organizationId, retryId, failed);
        }
    }

    // Those with a failure in their stream are looked at whole: it may have been overruled.
    private async Task<Guid[]> FailedAsync(TenantTransaction transaction, Guid organizationId, Guid sourceId, List<Guid> members,
        CancellationToken ct)
    {
        var byMessage = members.ToDictionary(m => Uuid.CampaignMessage(sourceId, m));
        var suspects = await transaction.QueryAsync("""
            SELECT i.id FROM unnest($2::uuid[]) AS i (id)
             CROSS JOIN LATERAL (SELECT 1 FROM mt_events e
                                  WHERE e.tenant_id = $1 AND e.stream_id = i.id
                                    AND e.type IN ('message_rejected', 'message_failed') LIMIT 1) f
            """, r => byMessage[r.GetGuid(0)], ct, organizationId.ToString(), byMessage.Keys.ToArray());
        return [.. (await StandingAsync(organizationId, sourceId, suspects, ct)).Where(s => IsFailed(s.Value)).Select(s => s.Key)];
    }

    private async Task<Dictionary<Guid, string>> StandingAsync(Guid organizationId, Guid sourceId, List<Guid> contacts,
        CancellationToken ct)
    {
        var streams = contacts.Count == 0 ? []
            : await store.LoadManyAsync(organizationId, [.. contacts.Select(c => Uuid.CampaignMessage(sourceId, c))], ct,
                archivedToo: true);
        return contacts.Zip(streams).ToDictionary(p => p.First, p =>
            p.Second.FoldReadable<Message, MessageEvent>(Message.Initial, Message.Evolve).Standing);
    }

    private static bool IsFailed(string standing) => standing is "failed" or "rejected";
}
