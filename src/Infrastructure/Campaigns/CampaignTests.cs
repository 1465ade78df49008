using System.Text.Json;
using Bsp.Application.Campaigns;
using Bsp.Application.Templates;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <inheritdoc cref="ICampaignTests"/>
public sealed class CampaignTests(Shards shards) : ICampaignTests
{
    public async Task<IReadOnlyList<TestMessage>> PrepareAsync(Guid organizationId, Guid campaignId, IReadOnlyList<Guid> contactIds,
        CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        var text = await transaction.TextAsync(organizationId, campaignId, ct)
            ?? throw new Refusal("campaign.unknown", "There is no such campaign.");
        var persons = await transaction.ResolveAliasesAsync(organizationId, contactIds, ct);
        var known = (await transaction.QueryAsync("""
            SELECT c.id, c.phone_number, c.wa_user_id, c.first_name, c.last_name, c.email, c.custom_fields FROM unnest($1::uuid[]) AS i (id)
             CROSS JOIN LATERAL (SELECT k.* FROM contacts k WHERE k.id = i.id OFFSET 0) c
            """, r => (Id: r.GetGuid(0), To: r.TextOrNull(1) ?? r.TextOrNull(2), Values: new ContactValues(r.TextOrNull(3), r.TextOrNull(4),
                r.TextOrNull(5), r.TextOrNull(1), r.Json(6))), ct, persons.Distinct().ToArray())).ToDictionary(c => c.Id);
        return [.. persons.Zip(contactIds, (p, id) => known.TryGetValue(p, out var contact) ? Message(text.For(p), contact.To,
            contact.Values)
            : throw new Refusal("contact.unknown", $"There is no contact {id}. Nothing was sent."))];
    }

    private static TestMessage Message(CampaignText text, string? to, ContactValues values)
    {
        if (to is null)
        {
            return new(null, default, "contact.no_phone", "The contact has neither a phone number nor a user id.");
        }

        var built = text.Body.Fill(values);
        return built.Template is { } template ? new(to, JsonSerializer.SerializeToElement(template), null, null)
            : new(null, default, "campaign.template_parameters", built.Refusal);
    }
}
