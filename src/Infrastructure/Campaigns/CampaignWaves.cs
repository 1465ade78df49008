using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>Members whose turn it is: those with these ordinals.</summary>
/// <param name="Wave">Null: the campaign has no waves.</param>
internal sealed record Part(int Next, int Last, int? Wave);

/// <summary>
/// The members of a campaign with sending hours by their zone. Each zone is a wave with a cursor of its own: one that is quiet keeps nobody
/// else waiting. Nobody who waits has a message yet. Decision: docs/decisions/0324.
/// </summary>
internal static class CampaignWaves
{
    private const int PageContacts = 5_000;

    /// <summary>Longest until the next look: the clocks' rules may have changed meanwhile.</summary>
    private static readonly TimeSpan LookMax = TimeSpan.FromHours(1);

    /// <summary>Copies the audience, zone by zone, and makes the waves; how many they are.</summary>
    /// <param name="localTime">What each clock shows when they are due; null: no matter.</param>
    public static async Task<int> FreezeAsync(this TenantTransaction transaction, Guid organizationId, Guid campaignId,
        AudienceSql audience,
        CampaignHours hours, string? localTime, CancellationToken ct)
    {
        var byZone = await ByZoneAsync(transaction, organizationId, audience, hours, ct);
        var (total, wave) = (0, 0);
        foreach (var (zone, members) in byZone.OrderBy(z => z.Key.Id, StringComparer.Ordinal).Select(z => (z.Key, z.Value)))
        {
            var first = total + 1;
            foreach (var page in members.Chunk(PageContacts))
            {
                await transaction.ExecuteAsync("""
                    INSERT INTO bsp.campaign_audience (campaign_id, ordinal, organization_id, contact_id)
                    SELECT $1, $2 + u.n::int, $3, u.id FROM unnest($4::uuid[]) WITH ORDINALITY AS u (id, n)
                    """, ct, campaignId, total, organizationId, page);
                total += page.Length;
            }

            await transaction.ExecuteAsync("""
                INSERT INTO bsp.campaign_waves (campaign_id, wave, organization_id, zone, first_ordinal, next_ordinal, last_ordinal, due_at)
                VALUES ($1, $2, $3, $4, $5, $5, $6, $7)
                """, ct, campaignId, ++wave, organizationId, zone.Id, first, total, Time(localTime is null ? null
                    : CampaignHours.DueAt(localTime, zone)));
        }

        return total;
    }

    /// <summary>The next members, of the first wave that has any left and may be sent to now.</summary>
    /// <param name="now">Null: whenever they may be sent to, for they are passed over.</param>
    /// <returns>The part; else when the first wave goes on. Neither: nobody is left.</returns>
    public static async Task<(Part? Part, DateTimeOffset? OpensAt)> NextAsync(this TenantTransaction transaction, Guid campaignId,
        CampaignHours hours, DateTimeOffset? now, CancellationToken ct)
    {
        var waves = await transaction.QueryAsync("""
            SELECT w.wave, w.zone, w.next_ordinal, w.last_ordinal, w.due_at FROM bsp.campaign_waves w
             WHERE w.campaign_id = $1 AND w.next_ordinal <= w.last_ordinal ORDER BY w.wave
            """, r => (Wave: r.GetInt32(0), Zone: r.GetString(1), Next: r.GetInt32(2), Last: r.GetInt32(3), Due: r.TimeOrNull(4)), ct,
            campaignId);
        if (now is not { } at)
        {
            return (waves.Count == 0 ? null : new(waves[0].Next, waves[0].Last, waves[0].Wave), null);
        }

        var opening = waves.ConvertAll(w => (w.Wave, w.Next, w.Last,
            At: hours.OpensAt(w.Due > at ? w.Due.Value : at, RecipientZones.Find(w.Zone) ?? hours.Common)));
        if (opening.FirstOrDefault(w => w.At <= at) is { Wave: > 0 } open)
        {
            return (new(open.Next, open.Last, open.Wave), null);
        }

        await transaction.ExecuteAsync("""
            UPDATE bsp.campaign_waves w SET opens_at = u.at FROM unnest($2::int[], $3::timestamptz[]) AS u (wave, at)
             WHERE w.campaign_id = $1 AND w.wave = u.wave AND w.opens_at IS DISTINCT FROM u.at
            """, ct, campaignId, opening.Select(w => w.Wave).ToArray(), opening.Select(w => w.At.UtcDateTime).ToArray());
        return (null, opening.Count == 0 ? null : opening.Min(w => w.At));
    }

    /// <summary>When to look again whether a wave goes on.</summary>
    public static DateTimeOffset LookAt(DateTimeOffset opensAt, DateTimeOffset now) => opensAt < now + LookMax ? opensAt : now + LookMax;

    /// <summary>The wave's cursor moves; nothing where there are none.</summary>
    public static Task MoveWaveAsync(this TenantTransaction transaction, Guid campaignId, Part part, int decided, CancellationToken ct) =>
        part.Wave is not { } wave ? Task.CompletedTask
        : transaction.ExecuteAsync("UPDATE bsp.campaign_waves SET next_ordinal = $3 WHERE campaign_id = $1 AND wave = $2", ct, campaignId,
            wave, part.Next + decided);

    private static async Task<Dictionary<TimeZoneInfo, List<Guid>>> ByZoneAsync(TenantTransaction transaction, Guid organizationId,
        AudienceSql audience, CampaignHours hours, CancellationToken ct)
    {
        var byZone = new Dictionary<TimeZoneInfo, List<Guid>>();
        for (var after = Guid.Empty; ;)
        {
            var page = await transaction.QueryAsync($"""
                SELECT c.id, c.custom_fields ->> ${audience.Arguments.Count + 4}, c.phone_number, c.wa_user_id FROM contacts c
                 WHERE c.organization_id = $1 AND {ContactRows.InOrder} AND ({audience.Condition})
                   AND c.id > ${audience.Arguments.Count + 2} ORDER BY c.id LIMIT ${audience.Arguments.Count + 3}
                """, r => (Id: r.GetGuid(0), Zone: hours.ZoneOf(r.TextOrNull(1), r.TextOrNull(2), r.TextOrNull(3))), ct,
                [organizationId, .. audience.Arguments.Select(AudienceSql.Fresh), after, PageContacts, hours.Field]);
            foreach (var (id, zone) in page)
            {
                (byZone.TryGetValue(zone, out var members) ? members : byZone[zone] = []).Add(id);
            }

            if (page.Count < PageContacts)
            {
                return byZone;
            }

            after = page[^1].Id;
        }
    }

    private static Npgsql.NpgsqlParameter Time(DateTimeOffset? at) =>
        new() { NpgsqlDbType = NpgsqlDbType.TimestampTz, Value = at is { } known ? known.UtcDateTime : DBNull.Value };
}
