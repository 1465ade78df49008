using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Privacy;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// What customers write that a running campaign listens to becomes a cause, in the transaction that moves the place up to which the log was
/// read: each message at most once, whatever is killed when. <see cref="CampaignDriver"/> answers it. Where nobody listens, nothing is
/// opened.
/// </summary>
public sealed class KeywordCauses(IPersonalData personal) : PostgresProjection
{
    public override string Name => ViewNames.CampaignKeywords;

    public override IReadOnlyCollection<string>? EventTypes { get; } = ["message_received"];

    public override int PageEventsMax => 500;

    public override bool OrderMatters => false;

    protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var armed = await tx.QueryAsync("""
            SELECT o.id, t.campaign_id, t.account_id, t.key, t.armed_at FROM unnest($1::uuid[]) AS o (id)
             CROSS JOIN LATERAL (SELECT * FROM bsp.campaign_triggers x WHERE x.organization_id = o.id AND x.kind = 'keyword' OFFSET 0) t
            """, r => new Armed(r.GetGuid(0), r.GetGuid(1), r.GetGuid(2), r.GetString(3), r.GetFieldValue<DateTimeOffset>(4)), ct,
            page.Organizations.ToArray());
        foreach (var own in armed.GroupBy(a => a.OrganizationId))
        {
            var heard = page.Events.Where(e => e.OrganizationId == own.Key && e.Body is MessageReceived { GroupId: null })
                .Where(e => own.Any(a => a.AccountId == ((MessageReceived)e.Body!).Ref.AccountId && a.At <= e.Timestamp)).ToList();
            if (heard.Count > 0)
            {
                await NoteAsync(tx, own.Key, [.. own], heard, ct);
            }
        }
    }

    private sealed record Armed(Guid OrganizationId, Guid CampaignId, Guid AccountId, string Key, DateTimeOffset At);

    private async Task NoteAsync(TenantTransaction tx, Guid organizationId, IReadOnlyList<Armed> armed, List<StoredEvent> heard,
        CancellationToken ct)
    {
        var texts = await personal.OpenAsync(organizationId, heard.ConvertAll(e => ((MessageReceived)e.Body!).Content), ct);
        var causes = heard.Zip(texts).SelectMany(h => Of(armed, h.First, h.Second)).ToList();
        if (causes.Count > 0)
        {
            await tx.ExecuteAsync("""
                INSERT INTO bsp.campaign_causes (campaign_id, organization_id, contact_id, cause)
                SELECT u.campaign, $1, u.contact, u.cause FROM unnest($2::uuid[], $3::uuid[], $4::text[]) AS u (campaign, contact, cause)
                """, ct, organizationId, causes.Select(c => c.Campaign).ToArray(), causes.Select(c => c.Contact).ToArray(),
                causes.Select(c => c.Cause).ToArray());
        }
    }

    private static IEnumerable<(Guid Campaign, Guid Contact, string Cause)> Of(IReadOnlyList<Armed> armed, StoredEvent stored, string? text)
    {
        var message = (MessageReceived)stored.Body!;
        return text is null || WordOf(message.Ref.Type, text) is not { Length: > 0 } word ? []
            : armed.Where(a => a.AccountId == message.Ref.AccountId && a.At <= stored.Timestamp && a.Key == word)
            .Select(a => (a.CampaignId, message.Ref.ContactId, $"message/{stored.StreamId}")).Distinct();
    }

    // The whole message as a word; null: it is none, or its person was erased.
    private static string? WordOf(string type, string content)
    {
        using var json = JsonDocument.Parse(content);
        return json.RootElement.TryGetProperty("message", out var item)
            && InboundContent.Said(type, item) is { Length: <= ConsentKeywords.CharactersMax } said ? ConsentKeywords.Plain(said) : null;
    }
}
