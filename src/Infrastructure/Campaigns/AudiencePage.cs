using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Privacy;
using Bsp.Application.Templates;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>A member of the frozen audience as they are now; all but the id null when the contact was deleted meanwhile.</summary>
/// <param name="ContactId">As frozen: the message's id is made from it, whatever becomes of the contact.</param>
/// <param name="PersonId">The contact they are today, after a merge.</param>
/// <param name="Earlier">Members before this one who are the same person and were queued a message.</param>
internal sealed record Member(Guid ContactId, string? Phone, string? WaUserId, string? ConsentStatus, ContactValues Contact, Guid PersonId,
    IReadOnlyList<Guid> Earlier)
{
    /// <summary>Their conversation with the number is filed as spam.</summary>
    public bool IsSpam { get; init; }

    /// <summary>Of a retry: the other campaign's message reached them after all, or still may.</summary>
    public bool IsOvertaken { get; init; }
}

/// <summary>What the campaign says, read once per page.</summary>
/// <param name="Parameters">Those that fill it; null: none.</param>
/// <param name="Hours">When it may send; null: at any time, or it was not launched.</param>
/// <param name="RetryOf">The campaign whose failed members these are; null: it is no retry.</param>
internal sealed record CampaignText(Guid CampaignId, Guid AccountId, TemplateUse Template, TemplateBody Body, JsonElement Components,
    JsonElement? Parameters, bool IsApproved, Guid? RetryOf, CampaignHours? Hours)
{
    /// <summary>Each variant with its share; empty: there are none.</summary>
    public IReadOnlyList<(CampaignText Text, int Share)> Variants { get; init; } = [];

    private IReadOnlyList<int> Shares => field ??= [.. Variants.Select(v => v.Share)];

    /// <summary>What a member gets.</summary>
    /// <param name="contactId">As frozen.</param>
    public CampaignText For(Guid contactId) => Variants.Count == 0 ? this : Variants[CampaignVariant.Of(Shares, CampaignId,
        contactId)].Text;

    /// <summary>The texts: the variants, else this.</summary>
    public IEnumerable<CampaignText> All => Variants.Count == 0 ? [this] : Variants.Select(v => v.Text);

    /// <summary>What the parameters lack for everybody; null: nothing.</summary>
    public string? Refusal => All.Select(t => t.Body.Refusal).FirstOrDefault(r => r is not null);
}

/// <summary>Decides for each member of a page whether and what they are sent, and seals it.</summary>
internal sealed class AudiencePage(CampaignText text, IPersonalData personal, DateTimeOffset now)
{
    /// <summary>
    /// Why a member is passed over, or their queued message is cancelled: another member became the same person and has the campaign's
    /// message.
    /// </summary>
    public const string Duplicate = IMergedRecipients.Duplicate;

    /// <summary>Why a member is passed over: a value of theirs that the template needs is missing, or its parameters do not fit.</summary>
    public const string Template = "template";

    /// <summary>Why a member is passed over: people filed their conversation as spam.</summary>
    public const string Spam = "spam";

    /// <summary>Why a member is passed over: they are beyond the messaging limit, and the campaign says not to wait.</summary>
    public const string Limit = "limit";

    /// <summary>Who sends what campaigns send.</summary>
    public static readonly SentBy Campaign = new("campaign", null, null, true);

    /// <summary>
    /// One call per member: the first event of their message stream. Without <paramref name="skipsBeyondLimit"/> it ends before the first
    /// one for whom there is no room: they and whoever comes after them wait.
    /// </summary>
    /// <param name="admit">Of those who would be sent to, in their order: for whom there is room under the messaging limit.</param>
    public async Task<List<StreamAppend>> DecideAsync(Guid organizationId, IReadOnlyList<Member> members, bool skipsBeyondLimit,
        Func<IReadOnlyList<Member>, Task<IReadOnlyList<bool>>> admit, CancellationToken ct)
    {
        var wanted = new List<(Member Member, string Body)>(members.Count);
        var reasons = new Dictionary<Guid, string>();
        var reached = new HashSet<Guid>(); // persons, by this page
        foreach (var member in members)
        {
            if (member.Earlier.Count > 0 || reached.Contains(member.PersonId))
            {
                reasons[member.ContactId] = Duplicate;
            }
            else if (Refuse(member, text.For(member.ContactId).Template.Category) is { } reason)
            {
                reasons[member.ContactId] = reason;
            }
            else if (BodyFor(member, text.For(member.ContactId).Body) is { } body)
            {
                reached.Add(member.PersonId);
                wanted.Add((member, body));
            }
            else
            {
                reasons[member.ContactId] = Template;
            }
        }

        var admitted = await admit(wanted.ConvertAll(w => w.Member));
        var decided = members;
        if (skipsBeyondLimit)
        {
            wanted.Where((_, i) => !admitted[i]).ToList().ForEach(w => reasons[w.Member.ContactId] = Limit);
        }
        else if (wanted.Where((_, i) => !admitted[i]).Select(w => w.Member).FirstOrDefault() is { } first)
        {
            decided = [.. members.TakeWhile(m => m != first)];
        }

        var sent = wanted.Where((w, i) => admitted[i]).IntersectBy(decided.Select(m => m.ContactId), w => w.Member.ContactId).ToList();
        var contents = await personal.SealAsync(organizationId, sent.ConvertAll(w => (w.Member.PersonId, w.Body)), ct);
        var queued = sent.Select((w, i) => (w.Member.ContactId, Content: contents[i])).ToDictionary(b => b.ContactId, b => b.Content);
        return [.. decided.Select(m => First(m, queued.GetValueOrDefault(m.ContactId), reasons.GetValueOrDefault(m.ContactId)))];
    }

    /// <summary>Every member that is left is passed over.</summary>
    public List<StreamAppend> Skip(IReadOnlyList<Member> members, string reason) => [.. members.Select(m => First(m, null, reason))];

    /// <summary>For a cancelled campaign: every member that is left is cancelled.</summary>
    public List<StreamAppend> Cancel(IReadOnlyList<Member> members, string reason) =>
        [.. members.Select(m =>
            new StreamAppend(Uuid.CampaignMessage(text.CampaignId, m.ContactId), "message", 0,
                [new MessageCancelled(Ref(m), reason, now)]))];

    private StreamAppend First(Member member, Sealed? content, string? reason)
    {
        MessageEvent first = content is not null ? new MessageQueued(Ref(member), text.For(member.ContactId).Template, content, Campaign,
            now)
            : new MessageSkipped(Ref(member), reason!, now);
        return new(Uuid.CampaignMessage(text.CampaignId, member.ContactId), "message", 0, [first]);
    }

    private MessageRef Ref(Member member) => new(Uuid.CampaignMessage(text.CampaignId, member.ContactId), text.AccountId, member.PersonId,
        Uuid.Conversation(text.AccountId, member.PersonId), text.CampaignId, "template", "outbound");

    // Marketing needs an opt-in; everything else only that nobody opted out. Source: Meta's WhatsApp Business Messaging Policy
    // (business.whatsapp.com/policy).
    /// <summary>Why a member is passed over whatever the text is; null: they are not.</summary>
    public static string? Refuse(Member member, string category) => member.ConsentStatus is null ? "deleted" : member.IsSpam ? Spam
        : member.IsOvertaken ? CampaignRetries.Delivered
        : Refuse(member.ConsentStatus, member is not { Phone: null, WaUserId: null }, category);

    /// <summary>Why a contact is passed over whatever the text is; null: they are not.</summary>
    internal static string? Refuse(string consentStatus, bool reachable, string category) =>
        !reachable ? "no_phone" : ConsentRule.Allows(consentStatus, category) ? null : "no_consent";

    /// <summary>What a member is sent: the Graph body; null: a value of theirs is missing.</summary>
    public static string? BodyFor(Member member, TemplateBody body)
    {
        if (body.Fill(member.Contact).Template is not { } template)
        {
            return null;
        }

        var recipient = member.Phone is { } phone ? $"\"to\":{JsonSerializer.Serialize(phone)}"
            : $"\"recipient\":{JsonSerializer.Serialize(member.WaUserId)}";
        return $"{{{recipient},\"type\":\"template\",\"template\":{template.ToJsonString()}}}";
    }
}
