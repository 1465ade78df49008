using System.Text.Json;
using Bsp.Application.Campaigns;
using Bsp.Application.Charging;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Application.Templates;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>Something that happened to a person.</summary>
/// <param name="Name">Tells it from every other of that person: the same twice is answered once.</param>
internal sealed record Cause(Guid ContactId, string Name);

/// <summary>A triggered campaign as its causes are answered.</summary>
internal sealed record Triggered(Guid OrganizationId, Guid CampaignId, CampaignPlan Plan, SendingNumber Number, CampaignText Text);

/// <summary>A member and what their contact's field says of their zone.</summary>
internal sealed record Joining(Member Member, string? Zone);

/// <summary>
/// Answers causes of triggered campaigns: what is written of a cause (the row that makes it once, the message's first event, its place
/// under
/// the messaging limit, the cooldown) is one transaction. Decision: docs/decisions/0322.
/// </summary>
public sealed class CampaignFirings(Shards shards, PostgresEventStore store, SendingNumbers numbers, PortfolioRoom reach,
    IMessageReserves reserves, IPersonalData personal, Outbox outbox, SenderOptions options, TimeProvider clock) : ICampaignFirings
{
    private const string ParametersField = "template_parameters";

    public async Task<Fired> FireAsync(Guid organizationId, Guid campaignId, CampaignPlan plan, Guid contactId, string reference,
        JsonElement? parameters, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var cause = "api/" + reference;
        if (await AnsweredAsync(shard, organizationId, campaignId, contactId, reference, cause, ct) is { } before)
        {
            return before;
        }

        var number = await numbers.FindAsync(organizationId, plan.AccountId, ct)
            ?? throw new Refusal("account.unknown", "The campaign's account is gone.");
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        var text = await transaction.TextAsync(organizationId, campaignId, ct, parameters)
            ?? throw new Refusal("campaign.unknown", "There is no such campaign.");
        RequireFit(text);
        var fired = await AnswerAsync(transaction, shard, new(organizationId, campaignId, plan, number, text),
            [new(contactId, cause)], mayBeUnknown: false, ct);
        if (fired.Count == 0)
        {
            await transaction.DisposeAsync(); // another caller with this reference was faster, and is done
            return await AnsweredAsync(shard, organizationId, campaignId, contactId, reference, cause, ct)
                ?? throw new VersionConflict(campaignId, named: false);
        }

        await transaction.CommitAsync(ct);
        var (person, outcome, message, _) = fired[0];
        await PutAsync(organizationId, campaignId, number.AccountId, fired, ct);
        return new(person, reference, outcome, message, clock.GetUtcNow(), Repeated: false);
    }

    /// <summary>
    /// Answers those that nobody has answered yet, in the caller's transaction. Nothing leaves before <see cref="PutAsync"/>, after the
    /// commit.
    /// </summary>
    /// <param name="mayBeUnknown">A contact that is gone is passed over; false: it is refused.</param>
    /// <exception cref="RefusedFields"><c>wallet.insufficient</c>: roll back.</exception>
    /// <exception cref="Refusal"><c>rate_card.missing</c>, <c>contact.unknown</c>: roll back.</exception>
    internal async Task<List<(Guid Person, string Outcome, Guid? Message, bool Leaves)>> AnswerAsync(TenantTransaction transaction,
        Shard shard, Triggered campaign, IReadOnlyList<Cause> causes, bool mayBeUnknown, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var (organization, id) = (campaign.OrganizationId, campaign.CampaignId);
        var persons = await transaction.ResolveAliasesAsync(organization, [.. causes.Select(c => c.ContactId)], ct);
        var own = await ClaimAsync(transaction, campaign, [.. causes.Zip(persons, (c, p) => new Cause(p, c.Name))], now, ct);
        if (own.Count == 0)
        {
            return [];
        }

        var members = (await MembersAsync(transaction, campaign, [.. own.Select(c => c.ContactId).Distinct()], ct))
            .ToDictionary(m => m.Member.ContactId);
        var inside = await InsideAsync(transaction, shard, campaign, [.. members.Keys], ct);
        var turns = own.Select(c => new Turn(c, members[c.ContactId].Member, Uuid.TriggeredMessage(id, c.ContactId, c.Name))).ToList();
        if (!mayBeUnknown && turns.FirstOrDefault(t => t.Member.ConsentStatus is null) is not null)
        {
            throw new Refusal("contact.unknown", "There is no such contact.");
        }

        foreach (var turn in turns)
        {
            turn.Judge(campaign.Text.For(turn.Cause.ContactId), inside.Contains(turn.Cause.ContactId) || turn.Member.ConsentStatus is null);
        }

        await CoolAsync(transaction, campaign, turns, now, ct);
        WaitForHours(campaign, turns, members, now);
        await AdmitAsync(transaction, campaign, turns, now, ct);
        foreach (var turn in turns.Where(t => t.Body is not null))
        {
            await reserves.ReserveAsync(new(organization, turn.MessageId, campaign.Number.AccountId,
                Markets.Recipient(turn.Member.Phone, turn.Member.WaUserId),
                campaign.Text.For(turn.Cause.ContactId).Template.Category.ToLowerInvariant()), ct);
        }

        await WriteAsync(transaction, shard, campaign, turns, now, ct);
        return turns.ConvertAll(t => (t.Cause.ContactId, t.Outcome, t.Outcome is "queued" or "skipped" ? t.MessageId : (Guid?)null,
            t.Body is not null && t.WaitsUntil is null));
    }

    /// <summary>Puts what was answered on its way.</summary>
    internal Task PutAsync(Guid organizationId, Guid campaignId, Guid accountId,
        IEnumerable<(Guid Person, string Outcome, Guid? Message, bool Leaves)> fired, CancellationToken ct) =>
        outbox.PutAsync([.. fired.Where(f => f.Leaves).Select(f => new SendJob(organizationId, f.Message!.Value, accountId, campaignId))],
            ct);

    private sealed class Turn(Cause cause, Member member, Guid messageId)
    {
        public Cause Cause => cause;

        public Member Member => member;

        public Guid MessageId => messageId;

        public string Outcome { get; set; } = "queued";

        /// <summary>Why they are passed over; null: they are not.</summary>
        public string? Reason { get; set; }

        /// <summary>What they are sent; null: nothing.</summary>
        public string? Body { get; set; }

        /// <summary>Queued, and waits until then; null: it may leave.</summary>
        public DateTimeOffset? WaitsUntil { get; set; }

        /// <summary>What for, while it waits.</summary>
        public string WaitsFor { get; set; } = Wait.Limit;

        public void Judge(CampaignText text, bool inside)
        {
            if (!inside)
            {
                Outcome = "outside";
            }
            else if (AudiencePage.Refuse(member, text.Template.Category) is { } reason)
            {
                Skip(reason);
            }
            else if (AudiencePage.BodyFor(member, text.Body) is { } body)
            {
                Body = body;
            }
            else
            {
                Skip(AudiencePage.Template);
            }
        }

        public void Skip(string reason) => (Outcome, Reason, Body) = ("skipped", reason, null);
    }

    // What came of a cause, whoever the person was then; null: it was not answered.
    private static async Task<Fired?> AnsweredAsync(Shard shard, Guid organizationId, Guid campaignId, Guid contactId, string reference,
        string cause, CancellationToken ct)
    {
        var ids = await shard.AllIdsAsync(organizationId, contactId, ct);
        return await shard.FirstAsync(organizationId, """
            SELECT f.outcome, f.message_id, f.at FROM unnest($2::uuid[]) AS i (id)
             CROSS JOIN LATERAL (SELECT * FROM bsp.campaign_firings x WHERE x.campaign_id = $1 AND x.contact_id = i.id AND x.cause = $3
                                    AND x.contact_id <> '00000000-0000-0000-0000-000000000000' OFFSET 0) f
            """, r => new Fired(ids[0], reference, r.GetString(0), r.IsDBNull(1) ? null : r.GetGuid(1),
                r.GetFieldValue<DateTimeOffset>(2), Repeated: true), ct, campaignId, ids.ToArray(), cause);
    }

    private static void RequireFit(CampaignText text)
    {
        if (text.All.Any(t => !t.IsApproved))
        {
            throw new Refusal("campaign.template_not_approved", "The template is not approved at this moment: nothing can be sent.");
        }

        if (text.All.Select(t => TemplateBody.FaultsOf(t.Components, t.Parameters)).FirstOrDefault(f => f.Count > 0) is { } faults)
        {
            var lacking = string.Join(", ", faults.Keys.Select(f => f.Length == 0 ? "all" : f));
            throw new RefusedFields("campaign.template_parameters",
                $"The parameters do not give what the template needs ({lacking}): see errors.",
                faults.ToDictionary(f => f.Key.Length == 0 ? ParametersField : $"{ParametersField}.{f.Key}", f => f.Value));
        }
    }

    // The causes that nobody had: whoever has the same at this moment is waited for.
    private static async Task<List<Cause>> ClaimAsync(TenantTransaction transaction, Triggered campaign, IReadOnlyList<Cause> causes,
        DateTimeOffset now, CancellationToken ct) =>
        await transaction.QueryAsync("""
            INSERT INTO bsp.campaign_firings (campaign_id, organization_id, contact_id, cause, outcome, at)
            SELECT $1, $2, u.contact, u.cause, 'cooldown', $5 FROM unnest($3::uuid[], $4::text[]) WITH ORDINALITY AS u (contact, cause, n)
             ORDER BY u.n ON CONFLICT DO NOTHING RETURNING contact_id, cause
            """, r => new Cause(r.GetGuid(0), r.GetString(1)), ct, campaign.CampaignId, campaign.OrganizationId,
            causes.Select(c => c.ContactId).ToArray(), causes.Select(c => c.Name).ToArray(), now.UtcDateTime);

    private static Task<List<Joining>> MembersAsync(TenantTransaction transaction, Triggered campaign, Guid[] persons,
        CancellationToken ct) =>
        transaction.QueryAsync("""
            SELECT i.id, c.phone_number, c.wa_user_id, c.consent_status, c.first_name, c.last_name, c.email, c.custom_fields,
                   EXISTS (SELECT FROM bsp.inbox_states s WHERE s.contact_id = i.id AND s.status = 'spam' AND s.account_id = $2
                              AND (s.organization_id = $3) IS TRUE OFFSET 0),
                   c.custom_fields ->> $4
              FROM unnest($1::uuid[]) AS i (id)
              LEFT JOIN LATERAL (SELECT k.* FROM contacts k WHERE k.id = i.id OFFSET 0) c ON true
            """, r => new Joining(new(r.GetGuid(0), r.TextOrNull(1), r.TextOrNull(2), r.TextOrNull(3),
                new ContactValues(r.TextOrNull(4), r.TextOrNull(5), r.TextOrNull(6), r.TextOrNull(1), r.IsDBNull(7) ? default : r.Json(7)),
                r.GetGuid(0), []) { IsSpam = r.GetBoolean(8) }, r.TextOrNull(9)), ct, persons, campaign.Number.AccountId,
            campaign.OrganizationId, campaign.Text.Hours?.Field ?? SendingHours.StandardField);

    // Who of them is of the campaign's audience.
    private static async Task<HashSet<Guid>> InsideAsync(TenantTransaction transaction, Shard shard, Triggered campaign, Guid[] persons,
        CancellationToken ct)
    {
        var segment = campaign.Plan.AudienceSegment;
        if (segment.TryGetProperty("all", out _))
        {
            return [.. persons];
        }

        var audience = await AudienceSql.OfAsync(shard, campaign.OrganizationId, segment, ct);
        return [.. await transaction.QueryAsync($"""
            SELECT c.id FROM unnest(${audience.Arguments.Count + 2}::uuid[]) AS i (id)
             CROSS JOIN LATERAL (SELECT k.* FROM contacts k WHERE k.id = i.id OFFSET 0) c
             WHERE (c.organization_id = $1) IS TRUE AND ({audience.Condition})
            """, r => r.GetGuid(0), ct, [campaign.OrganizationId, .. audience.Arguments, persons])];
    }

    // Whoever would be sent to, and was sent to too recently, is not. Also of two causes of this moment.
    private static async Task CoolAsync(TenantTransaction transaction, Triggered campaign, List<Turn> turns, DateTimeOffset now,
        CancellationToken ct)
    {
        var cooldown = TimeSpan.FromSeconds(campaign.Plan.Options?.Trigger?.CooldownSeconds ?? 0);
        var going = turns.Where(t => t.Body is not null).ToList();
        if (cooldown == TimeSpan.Zero || going.Count == 0)
        {
            return;
        }

        var free = (await transaction.QueryAsync("""
            INSERT INTO bsp.campaign_cooldowns AS k (campaign_id, contact_id, organization_id, last_at)
            SELECT $1, u.contact, $2, $4 FROM unnest($3::uuid[]) AS u (contact)
             WHERE NOT EXISTS (SELECT FROM bsp.contact_aliases x
                                 JOIN bsp.campaign_cooldowns o ON o.campaign_id = $1 AND o.contact_id = x.contact_id
                                WHERE x.into_id = u.contact AND o.last_at > $5 OFFSET 0)
             ORDER BY u.contact
            ON CONFLICT (campaign_id, contact_id) DO UPDATE SET last_at = excluded.last_at WHERE k.last_at <= $5 RETURNING contact_id
            """, r => r.GetGuid(0), ct, campaign.CampaignId, campaign.OrganizationId,
            going.Select(t => t.Cause.ContactId).Distinct().ToArray(), now.UtcDateTime, (now - cooldown).UtcDateTime)).ToHashSet();
        foreach (var turn in going.Where(t => !free.Remove(t.Cause.ContactId)))
        {
            (turn.Outcome, turn.Body) = ("cooldown", null);
        }
    }

    // Whoever falls into a quiet time or a day off waits for its end; they take no place before.
    private static void WaitForHours(Triggered campaign, List<Turn> turns, Dictionary<Guid, Joining> members, DateTimeOffset now)
    {
        if (campaign.Text.Hours is { } hours)
        {
            foreach (var turn in turns.Where(t => t.Body is not null))
            {
                var zone = hours.ZoneOf(members[turn.Cause.ContactId].Zone, turn.Member.Phone, turn.Member.WaUserId);
                if (hours.OpensAt(now, zone) is var opens && opens > now)
                {
                    (turn.WaitsUntil, turn.WaitsFor) = (opens, Wait.Hours);
                }
            }
        }
    }

    // Places under the messaging limit for those outside the window.
    private async Task AdmitAsync(TenantTransaction transaction, Triggered campaign, List<Turn> turns, DateTimeOffset now,
        CancellationToken ct)
    {
        var going = turns.Where(t => t.Body is not null && t.WaitsUntil is null).ToList();
        if (going.Count == 0 || !PortfolioRoom.IsLimited(campaign.Number))
        {
            return;
        }

        Guid Conversation(Turn turn) => Uuid.Conversation(campaign.Number.AccountId, turn.Cause.ContactId);
        var open = await reach.OpenAsync(transaction, campaign.OrganizationId, [.. going.Select(Conversation).Distinct()], now, ct);
        var counted = going.Where(t => !open.Contains(Conversation(t))).ToList();
        var room = await reach.TakeAsync(transaction, campaign.OrganizationId, campaign.Number,
            counted.ConvertAll(t => (t.Cause.ContactId, t.MessageId)), now, ct);
        foreach (var turn in counted.Where((_, i) => !room.Granted[i]))
        {
            if (campaign.Plan.SkipsBeyondLimit)
            {
                turn.Skip(AudiencePage.Limit);
            }
            else
            {
                turn.WaitsUntil = room.NextAt ?? now + options.Day;
            }
        }
    }

    private async Task WriteAsync(TenantTransaction transaction, Shard shard, Triggered campaign, List<Turn> turns, DateTimeOffset now,
        CancellationToken ct)
    {
        var going = turns.Where(t => t.Body is not null).ToList();
        var contents = going.Zip(await personal.SealAsync(campaign.OrganizationId, going.ConvertAll(t => (t.Cause.ContactId, t.Body!)), ct))
            .ToDictionary(p => p.First, p => p.Second);
        var calls = new List<IReadOnlyList<StreamAppend>>(turns.Count);
        foreach (var turn in turns.Where(t => t.Outcome is "queued" or "skipped"))
        {
            var reference = new MessageRef(turn.MessageId, campaign.Number.AccountId, turn.Cause.ContactId,
                Uuid.Conversation(campaign.Number.AccountId, turn.Cause.ContactId), campaign.CampaignId, "template", "outbound");
            MessageEvent[] events = turn.Reason is { } reason ? [new MessageSkipped(reference, reason, now)]
                : [new MessageQueued(reference, campaign.Text.For(turn.Cause.ContactId).Template, contents[turn], AudiencePage.Campaign,
                    now)];
            calls.Add([new(turn.MessageId, "message", 0, turn.WaitsUntil is not { } until ? events
                : [.. events, new MessageDeferred(reference, turn.WaitsFor, null, null, until, now)])]);
        }

        await store.AppendAsync(transaction, shard, campaign.OrganizationId, calls, ct);
        await transaction.ExecuteAsync("""
            UPDATE bsp.campaign_firings f SET outcome = u.outcome, message_id = u.message
              FROM unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[]) AS u (contact, cause, outcome, message)
             WHERE f.campaign_id = $1 AND f.contact_id = u.contact AND f.cause = u.cause
               AND f.contact_id <> '00000000-0000-0000-0000-000000000000'
            """, ct, campaign.CampaignId, turns.Select(t => t.Cause.ContactId).ToArray(), turns.Select(t => t.Cause.Name).ToArray(),
            turns.Select(t => t.Outcome).ToArray(),
            turns.Select(t => t.Outcome is "queued" or "skipped" ? t.MessageId : (Guid?)null).ToArray());
    }
}
