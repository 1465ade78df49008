using Bsp.Application.Campaigns;
using Bsp.Application.Templates;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Charging;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// Tells what a launch now would come to: the audience judged as the campaign's pages will judge it, contact by contact only where what is
/// sent depends on the contact.
/// </summary>
public sealed class CampaignEstimator(Shards shards, SendingNumbers numbers, PortfolioRoom reach, MessagePrices prices, TimeProvider clock)
    : IRequestHandler<EstimateCampaign, CampaignForecast>
{
    private const int PageContacts = 2_000;

    public async Task<CampaignForecast> Handle(EstimateCampaign query, CancellationToken ct) =>
        (await EstimateAsync(query.OrganizationId, query.CampaignId, ct)).Forecast;

    /// <summary>The forecast, and what it would cost; null: the organization is not charged.</summary>
    public async Task<(CampaignForecast Forecast, Price? Price)> EstimateAsync(Guid organizationId, Guid campaignId, CancellationToken ct)
    {
        var query = new EstimateCampaign(organizationId, campaignId);
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var (text, segment, skips, hours) = await ReadAsync(shard, query, ct);
        var number = await numbers.FindAsync(query.OrganizationId, text.AccountId, ct)
            ?? throw new Refusal("account.unknown", "The campaign's account is gone.");
        var audience = await AudienceSql.OfAsync(shard, query.OrganizationId, segment, ct);
        var reached = new Dictionary<string, int>(StringComparer.Ordinal);
        var (recipients, skipped, closed) = text.Refusal is null
            && (hours is not null || text.Variants.Count > 0 || text.Body.DependsOnContact)
            ? await EachAsync(shard, query.OrganizationId, text, audience, reached, hours, ct)
            : await CountedAsync(shard, query.OrganizationId, text, audience, reached, ct);
        var left = recipients - skipped.Values.Sum();
        var beyond = left - (int)Math.Min(left, await BudgetAsync(shard, query.OrganizationId, number, ct));
        var waiting = new SortedDictionary<string, int>(StringComparer.Ordinal);
        Add(skips ? skipped : waiting, AudiencePage.Limit, beyond);
        Add(waiting, "hours", closed);
        beyond = skips ? beyond : 0; // who waits is sent to as well, and costs as much
        var price = await PriceAsync(shard, query.OrganizationId, text, reached, beyond, ct);
        var seconds = (int)Math.Ceiling((left - beyond) / (double)number.MessagesPerSecondMax);
        return (price is null ? new(recipients, skipped, null, null, seconds, null, Waiting: waiting)
            : new(recipients, skipped, Money.Text(price.Cost), price.Currency, seconds, Money.Text(price.Available),
                Money.Text(price.Missing),
            price.Priceless.Count == 0 ? null : price.Priceless, waiting), price);
    }

    private async Task<Price?> PriceAsync(Shard shard, Guid organizationId, CampaignText text, Dictionary<string, int> reached, int beyond,
        CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        return await prices.OfAsync(transaction, organizationId, text.AccountId, text.Template.Category.ToLowerInvariant(), reached,
            beyond, ct);
    }

    private static async Task<(CampaignText Text, System.Text.Json.JsonElement Segment, bool Skips, CampaignHours? Hours)> ReadAsync(
        Shard shard,
        EstimateCampaign query, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(query.OrganizationId, ct);
        var text = await transaction.TextAsync(query.OrganizationId, query.CampaignId, ct)
            ?? throw new Refusal("campaign.unknown", "There is no such campaign.");
        // the hours as a launch now would fix them
        var row = (await transaction.QueryAsync($"""
            SELECT c.audience_segment, c.on_limit = 'skip',
                   coalesce(c.options -> 'hours', CASE WHEN jsonb_typeof(o.settings -> '{CampaignSettings.SendingHours}') = 'object'
                     THEN o.settings -> '{CampaignSettings.SendingHours}' END)
                     || jsonb_build_object('otherwise', coalesce(o.settings ->> 'time_zone', 'UTC'))
              FROM campaigns c JOIN organizations o ON o.id = c.organization_id WHERE c.organization_id = $1 AND c.id = $2
            """, r => (Audience: r.Json(0), Skips: r.GetBoolean(1), Hours: CampaignHours.Of(r.IsDBNull(2) ? null : r.Json(2))), ct,
            query.OrganizationId, query.CampaignId))[0];
        return (text, row.Audience, row.Skips, row.Hours is { QuietFrom: null, Days: null } ? null : row.Hours);
    }

    // What is sent is the same for all, or nothing can be sent to anybody: consent and number are told by a count.
    private static async Task<(int, SortedDictionary<string, int>, int)> CountedAsync(Shard shard, Guid organizationId, CampaignText text,
        AudienceSql audience, Dictionary<string, int> reached,
        CancellationToken ct)
    {
        var groups = await shard.QueryAsync(organizationId, $"""
            SELECT c.consent_status, left(c.phone_number, 6), CASE WHEN c.phone_number IS NULL THEN left(c.wa_user_id, 3) END, count(*)::int,
                   {IsSpam(audience.Arguments.Count + 2)}
              FROM contacts c
             WHERE c.organization_id = $1 AND {ContactRows.InOrder} AND ({audience.Condition}) GROUP BY 1, 2, 3, 5
            """, r => (Consent: r.GetString(0), Phone: r.TextOrNull(1), User: r.TextOrNull(2), Count: r.GetInt32(3), Spam: r.GetBoolean(4)),
            ct, [organizationId, .. audience.Arguments, text.AccountId]);
        var skipped = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var group in groups)
        {
            var reason = group.Spam ? AudiencePage.Spam : AudiencePage.Refuse(group.Consent, group is not { Phone: null, User: null }, text.Template.Category)
                ?? (text.Refusal is null ? null : AudiencePage.Template);
            Add(skipped, reason, group.Count);
            PortfolioRoom(reached, reason, group.Phone, group.User, group.Count);
        }

        return (groups.Sum(g => g.Count), skipped, 0);
    }

    private async Task<(int, SortedDictionary<string, int>, int)> EachAsync(Shard shard, Guid organizationId, CampaignText text,
        AudienceSql audience, Dictionary<string, int> reached, CampaignHours? hours, CancellationToken ct)
    {
        var skipped = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var (recipients, closed, after, now) = (0, 0, Guid.Empty, clock.GetUtcNow());
        while (true)
        {
            var page = await shard.QueryAsync(organizationId, $"""
                SELECT c.id, c.consent_status, c.phone_number, c.wa_user_id, c.first_name, c.last_name, c.email, c.custom_fields,
                       {IsSpam(audience.Arguments.Count + 4)}
                  FROM contacts c
                 WHERE c.organization_id = $1 AND {ContactRows.InOrder} AND ({audience.Condition})
                   AND c.id > ${audience.Arguments.Count + 2} ORDER BY c.id LIMIT ${audience.Arguments.Count + 3}
                """, r => (Id: r.GetGuid(0), Reason: r.GetBoolean(8) ? AudiencePage.Spam : Judge(text, r), Phone: r.TextOrNull(2),
                    User: r.TextOrNull(3), Zone: hours is null ? null : Said(r.Json(7), hours.Field)), ct,
                [organizationId, .. audience.Arguments.Select(AudienceSql.Fresh), after, PageContacts, text.AccountId]);
            foreach (var (_, reason, phone, user, zone) in page)
            {
                closed += reason is null && hours is not null && hours.OpensAt(now, hours.ZoneOf(zone, phone, user)) > now ? 1 : 0;
                Add(skipped, reason, 1);
                PortfolioRoom(reached, reason, phone, user, 1);
            }

            recipients += page.Count;
            if (page.Count < PageContacts)
            {
                return (recipients, skipped, closed);
            }

            after = page[^1].Id;
        }
    }

    private static string? Said(System.Text.Json.JsonElement fields, string field) =>
        fields.ValueKind == System.Text.Json.JsonValueKind.Object && fields.TryGetProperty(field, out var value)
        && value.ValueKind == System.Text.Json.JsonValueKind.String ? value.GetString() : null;

    // As a campaign's page asks: whether the contact's conversation with the number was filed as spam.
    private static string IsSpam(int account) =>
        $"EXISTS (SELECT FROM bsp.inbox_states s WHERE s.contact_id = c.id AND s.status = 'spam' AND s.account_id = ${account} "
        + "AND (s.organization_id = $1) IS TRUE OFFSET 0)";

    private static string? Judge(CampaignText text, Npgsql.NpgsqlDataReader r) =>
        AudiencePage.Refuse(r.GetString(1), !r.IsDBNull(2) || !r.IsDBNull(3), text.Template.Category)
            ?? (text.For(r.GetGuid(0)).Body.Fill(new ContactValues(r.TextOrNull(4), r.TextOrNull(5), r.TextOrNull(6), r.TextOrNull(2),
                r.Json(7))).Template is null ? AudiencePage.Template : null);

    // What the portfolio's limit leaves at this moment.
    private async Task<long> BudgetAsync(Shard shard, Guid organizationId, SendingNumber number, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        return await reach.PeekAsync(transaction, organizationId, number, clock.GetUtcNow(), ct);
    }

    // By what the market follows from; a few digits of the number are enough.
    private static void PortfolioRoom(Dictionary<string, int> reached, string? reason, string? phone, string? user, int count)
    {
        if (reason is null)
        {
            var kind = Markets.Recipient(phone, user) ?? "";
            reached[kind] = reached.GetValueOrDefault(kind) + count;
        }
    }

    private static void Add(SortedDictionary<string, int> skipped, string? reason, int count)
    {
        if (reason is not null && count > 0)
        {
            skipped[reason] = skipped.GetValueOrDefault(reason) + count;
        }
    }
}
