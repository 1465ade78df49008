using System.Globalization;
using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>Reads the specification's <c>campaigns</c> rows.</summary>
public sealed class CampaignsTable(Shards shards)
    : IRequestHandler<GetCampaign, CampaignView?>, IRequestHandler<ListCampaigns, Page<CampaignView>>
{
    private const string Columns = """
        id, organization_id, template_id, account_id, name, description, type, status, audience_segment, coalesce(j.joined, total_recipients), sent_count, delivered_count, read_count, failed_count,
        scheduled_at, started_at, completed_at, metadata, created_at, updated_at, pause_reason, version, on_limit, send_until,
        d.waits_for, d.waits_until, options,
        ARRAY(SELECT y.id FROM campaigns y WHERE y.retry_of = campaigns.id AND y.retry_of IS NOT NULL ORDER BY y.id), local_time
        """;

    // While it runs: what the audience's cursor waits for. Of a triggered one: who has joined so far.
    private const string Waits = """
        LEFT JOIN LATERAL (SELECT w.waits_for, w.waits_until FROM bsp.campaign_dispatch w
                            WHERE w.campaign_id = campaigns.id AND campaigns.status = 'RUNNING' OFFSET 0) d ON true
        LEFT JOIN LATERAL (SELECT w.queued + w.skipped AS joined FROM bsp.campaign_progress w
                            WHERE w.campaign_id = campaigns.id AND campaigns.type = 'TRIGGERED' OFFSET 0) j ON true
        """;

    public async Task<CampaignView?> Handle(GetCampaign query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        return await shard.FirstAsync(query.OrganizationId,
            $"SELECT {Columns} FROM campaigns {Waits} WHERE organization_id = $1 AND id = $2", Read, ct, query.OrganizationId,
            query.CampaignId);
    }

    public async Task<Page<CampaignView>> Handle(ListCampaigns query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var (from, compare, direction) = Keyset.Of(query.Cursor, query.NewestFirst);
        var status = new NpgsqlParameter { Value = (object?)query.Status ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text };
        var rows = await shard.QueryAsync(query.OrganizationId, $"""
            SELECT {Columns} FROM campaigns {Waits}
             WHERE organization_id = $1 AND id {compare} $2 AND ($3::text IS NULL OR status = $3) ORDER BY id {direction} LIMIT $4
            """, Read, ct, query.OrganizationId, from, status, query.Limit + 1);
        return Keyset.Of(rows, query.Limit, row => row.Id);
    }

    private static CampaignView Read(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetGuid(1), r.GetGuid(2), r.GetGuid(3), r.GetString(4), r.IsDBNull(5) ? null
            : r.GetString(5), r.GetString(6), r.GetString(7),
        r.Json(8), r.GetInt32(9), r.GetInt32(10), r.GetInt32(11), r.GetInt32(12), r.GetInt32(13), r.TimeOrNull(14), r.TimeOrNull(15),
        r.TimeOrNull(16), r.IsDBNull(17) ? null : r.Json(17),
        r.GetFieldValue<DateTimeOffset>(18), r.GetFieldValue<DateTimeOffset>(19), r.IsDBNull(20) ? null : r.GetString(20), r.GetInt64(21))
        {
            OnLimit = r.GetString(22), SendUntil = r.TimeOrNull(23), WaitsFor = r.TextOrNull(24), WaitsUntil = r.TimeOrNull(25),
            Options = r.IsDBNull(26) ? null : CampaignBudgets.OptionsOf(r.Json(26)), Retries = r.GetFieldValue<Guid[]>(27),
            LocalTime = r.TextOrNull(28),
        };
}

/// <summary>Judges members of a frozen audience from their message streams.</summary>
public sealed class RecipientsReader(Shards shards, IEventLog log)
    : IRequestHandler<ListRecipients, Page<Recipient>>, IRequestHandler<GetRecipientWhy, RecipientWhy?>
{
    // Members looked at for one filtered page; the next page goes on from there.
    private const int ScannedMax = 5_000;

    public async Task<Page<Recipient>> Handle(ListRecipients query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var wait = await WaitAsync(shard, query.OrganizationId, query.CampaignId, ct)
            ?? throw new Refusal("campaign.unknown", "There is no such campaign.");

        var after = long.TryParse(query.Cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal) ? ordinal : 0;
        var found = new List<Recipient>();
        for (var scanned = 0; scanned < ScannedMax; )
        {
            var members = wait.IsTriggered ? await JoinedAsync(shard, query, after, ct) : await MembersAsync(shard, query, after, ct);
            foreach (var recipient in await JudgeAsync(query.OrganizationId, members, wait, ct))
            {
                after = recipient.Ordinal;
                if (query.Status is null || recipient.Status == query.Status)
                {
                    found.Add(recipient);
                    if (found.Count == query.Limit)
                    {
                        return new(await NamedAsync(shard, query.OrganizationId, found, ct),
                            after.ToString(CultureInfo.InvariantCulture));
                    }
                }
            }

            if (members.Count < PageOf(query))
            {
                return new(await NamedAsync(shard, query.OrganizationId, found, ct), null);
            }

            scanned += members.Count;
        }

        return new(await NamedAsync(shard, query.OrganizationId, found, ct), after.ToString(CultureInfo.InvariantCulture));
    }

    // One look-up by its key for each row of the page, whatever statistics say.
    private static async Task<IReadOnlyList<Recipient>> NamedAsync(Shard shard, Guid organizationId, List<Recipient> page,
        CancellationToken ct)
    {
        var contacts = await shard.QueryAsync(organizationId, """
            SELECT c.id, c.first_name, c.last_name, c.phone_number FROM unnest($2::uuid[]) AS a (id)
             CROSS JOIN LATERAL (SELECT * FROM contacts o WHERE o.organization_id = $1 AND o.id = a.id OFFSET 0) c
            """, r => (Id: r.GetGuid(0), Name: $"{r.TextOrNull(1)} {r.TextOrNull(2)}".Trim(), Number: r.TextOrNull(3)), ct,
            organizationId, page.Select(one => one.ContactId).Distinct().ToArray());
        var known = contacts.ToDictionary(c => c.Id);
        return page.ConvertAll(one => known.TryGetValue(one.ContactId, out var contact)
            ? one with { Name = contact.Name.Length > 0 ? contact.Name : null, PhoneNumber = contact.Number } : one);
    }

    public async Task<RecipientWhy?> Handle(GetRecipientWhy query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        if (await WaitAsync(shard, query.OrganizationId, query.CampaignId, ct) is not { } wait
            || await MemberAsync(shard, query, wait.IsTriggered, ct) is not [var member])
        {
            return null;
        }

        var stream = await log.ReadStreamAsync(query.OrganizationId, member.Message, AsOf.Now, ct);
        return new(Judge(member.Ordinal, query.ContactId, stream, wait), [.. stream.Events.Select(StoredFact.Of)]);
    }

    private static int PageOf(ListRecipients query) => query.Status is null ? query.Limit : 500;

    private sealed record Joined(long Ordinal, Guid ContactId, Guid Message);

    private static Task<List<Joined>> MembersAsync(Shard shard, ListRecipients query, long after, CancellationToken ct) =>
        shard.QueryAsync(query.OrganizationId, """
            SELECT ordinal, contact_id FROM bsp.campaign_audience
             WHERE campaign_id = $1 AND ordinal > $2 AND ordinal > 0 ORDER BY ordinal LIMIT $3
            """, r => new Joined(r.GetInt32(0), r.GetGuid(1), Uuid.CampaignMessage(query.CampaignId, r.GetGuid(1))), ct, query.CampaignId,
            (int)Math.Min(after, int.MaxValue), PageOf(query));

    // Of a triggered campaign: each time somebody joined it.
    private static Task<List<Joined>> JoinedAsync(Shard shard, ListRecipients query, long after, CancellationToken ct) =>
        shard.QueryAsync(query.OrganizationId, """
            SELECT f.id, f.contact_id, f.message_id FROM bsp.campaign_firings f
             WHERE f.campaign_id = $1 AND f.id > $2 AND f.id > 0 AND f.message_id IS NOT NULL ORDER BY f.id LIMIT $3
            """, r => new Joined(r.GetInt64(0), r.GetGuid(1), r.GetGuid(2)), ct, query.CampaignId, after, PageOf(query));

    // One, or none. Whoever was triggered several times: the last time.
    private static Task<List<Joined>> MemberAsync(Shard shard, GetRecipientWhy query, bool isTriggered, CancellationToken ct) => isTriggered
        ? shard.QueryAsync(query.OrganizationId, """
            SELECT f.id, f.contact_id, f.message_id FROM bsp.campaign_firings f
             WHERE f.campaign_id = $1 AND f.contact_id = $2 AND f.contact_id <> '00000000-0000-0000-0000-000000000000'
               AND f.message_id IS NOT NULL ORDER BY f.at DESC, f.id DESC LIMIT 1
            """, r => new Joined(r.GetInt64(0), r.GetGuid(1), r.GetGuid(2)), ct, query.CampaignId, query.ContactId)
        : shard.QueryAsync(query.OrganizationId, """
            SELECT ordinal, contact_id FROM bsp.campaign_audience
             WHERE campaign_id = $1 AND contact_id = $2 AND contact_id <> '00000000-0000-0000-0000-000000000000'
            """, r => new Joined(r.GetInt32(0), r.GetGuid(1), Uuid.CampaignMessage(query.CampaignId, r.GetGuid(1))), ct, query.CampaignId,
            query.ContactId);

    private async Task<IEnumerable<Recipient>> JudgeAsync(Guid organizationId, List<Joined> members, CursorWait wait, CancellationToken ct)
    {
        var streams = await log.ReadStreamsAsync(organizationId, [.. members.Select(m => m.Message)], ct);
        return members.Select((m, i) => Judge(m.Ordinal, m.ContactId, streams[i], wait));
    }

    // What those wait for who have not had their turn.
    private sealed record CursorWait(string? WaitsFor, DateTimeOffset? Until, bool IsTriggered)
    {
        /// <summary>By the last ordinal of each wave: when it goes on.</summary>
        public IReadOnlyList<(int Last, DateTimeOffset? OpensAt)> Waves { get; init; } = [];

        public DateTimeOffset? UntilOf(long ordinal) => Waves.Count == 0 ? Until : Waves.FirstOrDefault(w => ordinal <= w.Last).OpensAt;
    }

    private static async Task<CursorWait?> WaitAsync(Shard shard, Guid organizationId, Guid campaignId, CancellationToken ct) =>
        await CursorAsync(shard, organizationId, campaignId, ct) is var wait && wait is not { WaitsFor: Domain.Messages.Wait.Hours } ? wait
            : wait with
            {
                Waves = await shard.QueryAsync(organizationId,
                    "SELECT last_ordinal, opens_at FROM bsp.campaign_waves WHERE campaign_id = $1 AND (organization_id = $2) IS TRUE ORDER BY wave",
                    r => (r.GetInt32(0), r.TimeOrNull(1)), ct, campaignId, organizationId),
            };

    private static Task<CursorWait?> CursorAsync(Shard shard, Guid organizationId, Guid campaignId, CancellationToken ct) =>
        shard.FirstAsync(organizationId, """
            SELECT d.waits_for, d.waits_until, c.type = 'TRIGGERED' FROM campaigns c
              LEFT JOIN LATERAL (SELECT w.waits_for, w.waits_until FROM bsp.campaign_dispatch w
                                  WHERE w.campaign_id = c.id AND c.status = 'RUNNING' OFFSET 0) d ON true
             WHERE c.organization_id = $1 AND c.id = $2
            """, r => new CursorWait(r.TextOrNull(0), r.TimeOrNull(1), r.GetBoolean(2)), ct, organizationId, campaignId);

    private static Recipient Judge(long ordinal, Guid contactId, LoadedStream stream, CursorWait? wait)
    {
        if (stream.Events.Count == 0 && wait is { WaitsFor: { } waits })
        {
            return new(ordinal, contactId, stream.StreamId, waits, null, null, 0, null, wait.UntilOf(ordinal));
        }

        var state = stream.FoldReadable<Domain.Messages.Message, Domain.Messages.MessageEvent>(Domain.Messages.Message.Initial,
            Domain.Messages.Message.Evolve);
        return new(ordinal, contactId, stream.StreamId, state.Standing, Reason(stream), state.Wamid, state.Attempt, stream.Events.Count > 0
            ? stream.Events[^1].Timestamp : null, state.WaitsUntil) { TemplateId = state.Template?.TemplateId };
    }

    private static string? Reason(LoadedStream stream) => stream.Events.Select(e => e.Body switch
    {
        Domain.Messages.MessageSkipped m => m.Reason,
        Domain.Messages.MessageCancelled m => m.Reason,
        Domain.Messages.MessageRejected m => $"{m.Code} {m.Details ?? m.Title}".Trim(),
        Domain.Messages.MessageFailed m => $"{m.Code} {m.Details ?? m.Title}".Trim(),
        Domain.Messages.MessageOutcomeUnknown m => m.Reason,
        _ => null,
    }).LastOrDefault(reason => reason is not null);
}
