using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using Bsp.Application.EventStore;
using Bsp.Domain.Audit;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Contacts;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Domain.Templates;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>One type of the public catalogue.</summary>
/// <param name="Name"><c>noun.verb</c>.</param>
/// <param name="Meaning">A sentence.</param>
/// <param name="Data">The record in <c>data</c>.</param>
/// <param name="Stored">Stored names of the facts that it is made of.</param>
public sealed record PublicType(string Name, string Meaning, Type Data, params string[] Stored);

/// <summary>
/// The public catalogue: which facts of the log organizations may be told of, under which names. Facts that are not named here are told to
/// nobody.
/// </summary>
public static class PublicEvents
{
    private const string Act = "administrative_act_done";

    /// <summary>In the order of the documentation.</summary>
    public static readonly IReadOnlyList<PublicType> All =
    [
        new("message.received", "A customer wrote.", typeof(MessageReceivedData), "message_received"),
        new("message.analysed", "A machine read what a customer wrote.", typeof(MessageAnalysedData), "message_analysed"),
        new("message.echoed", "A person sent a message from WhatsApp's own app on the number.", typeof(MessageData), "message_echoed"),
        new("message.accepted", "Meta took a message.", typeof(MessageData), "message_accepted"),
        new("message.sent", "A message left Meta.", typeof(MessageData), "message_sent"),
        new("message.delivered", "A message reached the telephone.", typeof(MessageData), "message_delivered"),
        new("message.read", "A message was read.", typeof(MessageData), "message_read"),
        new("message.failed", "A message will not arrive: Meta refused it, or could not deliver it.", typeof(MessageData),
            "message_failed", "message_rejected"),
        new("message.skipped", "A message was not sent, by a decision taken before sending.", typeof(MessageData), "message_skipped"),
        new("message.cancelled", "A message's campaign was cancelled before it left.", typeof(MessageData), "message_cancelled"),
        new("message.expired", "Meta took a message and its time passed without a status.", typeof(MessageData), "message_expired"),
        new("message.outcome_unknown", "Whether Meta has a message is not known (yet).", typeof(MessageData), "message_outcome_unknown"),
        new("message.unknown_closed", "What became of a message will not be known.", typeof(MessageData), "message_unknown_closed"),
        new("campaign.created", "A campaign was drafted.", typeof(CampaignData), "campaign_created"),
        new("campaign.changed", "A draft was changed.", typeof(CampaignData), "campaign_changed"),
        new("campaign.scheduled", "A campaign is to begin at a time.", typeof(CampaignData), "campaign_scheduled"),
        new("campaign.launched", "A campaign began.", typeof(CampaignData), "campaign_launched"),
        new("campaign.audience_frozen", "A campaign's audience is fixed.", typeof(CampaignData), "campaign_audience_frozen"),
        new("campaign.paused", "A campaign stopped for a while.", typeof(CampaignData), "campaign_paused"),
        new("campaign.resumed", "A campaign goes on.", typeof(CampaignData), "campaign_resumed"),
        new("campaign.cancelled", "A campaign ended early.", typeof(CampaignData), "campaign_cancelled"),
        new("campaign.completed", "Nothing of a campaign is left to send.", typeof(CampaignData), "campaign_completed"),
        new("template.created", "A template was written.", typeof(TemplateData), "template_created"),
        new("template.changed", "A template's text was changed, by us or by Meta.", typeof(TemplateData), "template_revised",
            "template_components_changed"),
        new("template.submitted", "A template waits for Meta.", typeof(TemplateData), "template_submitted"),
        new("template.status_changed", "Meta approved, rejected, paused or disabled a template.", typeof(TemplateData),
            "template_status_changed"),
        new("template.category_changed", "Meta moved a template to another category, which changes its price.", typeof(TemplateData),
            "template_category_changed"),
        new("template.quality_changed", "Meta's rating of a template changed.", typeof(TemplateData), "template_quality_changed"),
        new("template.deleted", "A template is gone.", typeof(TemplateData), "template_deleted"),
        new("contact.consent_changed", "A person agreed to messages, or no longer does.", typeof(ContactData), "contact_consent_changed",
            "contact_consent_changed_v2"),
        new("contact.identity_changed", "A person is reached by another number or user id.", typeof(ContactData),
            "contact_identity_changed"),
        new("contact.merged", "Two contacts turned out to be one person.", typeof(ContactData), "contact_merged"),
        new("contact.erased", "A person's data is gone.", typeof(ContactData), "contact_erased"),
        new("contact.imported", "A file of contacts was taken in.", typeof(ContactsImportedData), "contacts_imported"),
        new("conversation.window_opened", "A customer wrote, so free-form answers are allowed for a while.", typeof(ConversationData),
            "customer_window_opened"),
        new("conversation.assigned", "A conversation has another agent, or none.", typeof(ConversationData), "conversation_assigned"),
        new("conversation.changed", "A conversation's status, priority or tags changed.", typeof(ConversationData),
            "conversation_classified"),
        new("conversation.read", "An agent read a conversation.", typeof(ConversationData), "conversation_read"),
        new("conversation.answered", "A person answered.", typeof(ConversationData), "conversation_answered"),
        new("conversation.handed_over", "A machine left a conversation to people.", typeof(ConversationData), "conversation_handed_over"),
        new("conversation.given_back", "A person lets machines answer in a conversation again.", typeof(ConversationData),
            "conversation_given_back"),
        new("conversation.snoozed", "A conversation was put aside until a time.", typeof(ConversationData), "conversation_snoozed"),
        new("conversation.woken", "A conversation is put aside no more.", typeof(ConversationData), "conversation_woken"),
        new("conversation.noted", "A colleague wrote a note.", typeof(ConversationData), "conversation_noted"),
        new("account.created", "A WhatsApp number was registered.", typeof(AccountData), Act),
        new("account.changed", "A WhatsApp number's settings changed.", typeof(AccountData), Act),
        new("account.connected", "A WhatsApp number works.", typeof(AccountData), Act),
        new("account.disconnected", "A WhatsApp number no longer works.", typeof(AccountData), Act),
        new("account.claim_lapsed", "A WhatsApp number was proven by somebody else.", typeof(AccountData), Act),
        new("webhook.disabled", "The platform switched off one of the organization's endpoints.", typeof(WebhookDisabledData), Act),
        .. PublicMoney.Types,
    ];

    /// <summary>What a test sends; nobody subscribes to it.</summary>
    public static readonly PublicType Test = new("webhook.test", "A test.", typeof(WebhookTestData));

    private static readonly FrozenSet<string> Names = All.Select(t => t.Name).ToFrozenSet();
    private static readonly FrozenSet<string> Families = All.Select(t => FamilyOf(t.Name)).ToFrozenSet();

    /// <summary>Changes whenever another release would subscribe an endpoint to other facts.</summary>
    public static readonly string Fingerprint =
        Convert.ToHexStringLower(
            SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', All.Select(t => $"{t.Name}={string.Join(',', t.Stored)}")))));

    /// <summary>Every stored name that anybody can be told of.</summary>
    public static readonly IReadOnlyCollection<string> StoredNames = [.. All.SelectMany(t => t.Stored).Distinct()];

    /// <summary>Whether a subscription is one: a type, a family (<c>message.*</c>), or <c>*</c>.</summary>
    public static bool IsSubscription(string? pattern) => pattern is not null
        && (pattern == "*" || Names.Contains(pattern) || (pattern.Split('.') is [var family, "*"] && Families.Contains(family)));

    /// <summary>Whether one of the subscriptions means the type.</summary>
    public static bool Matches(IReadOnlyCollection<string> subscriptions, string type)
    {
        foreach (var pattern in subscriptions)
        {
            if (pattern == "*" || pattern == type
                || (pattern.EndsWith(".*", StringComparison.Ordinal) && type.StartsWith(pattern.TrimEnd('*'), StringComparison.Ordinal)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Stored names that may come to one of the subscribed types.</summary>
    public static IReadOnlyCollection<string> StoredOf(IReadOnlyCollection<string> subscriptions) =>
        [.. All.Where(t => Matches(subscriptions, t.Name)).SelectMany(t => t.Stored).Distinct()];

    /// <summary>What is told of a fact, without what is sealed in it; null: nothing.</summary>
    public static PublicEvent? Of(StoredEvent stored) => stored.Body switch
    {
        MessageEvent e => OfMessage(stored, e),
        CampaignEvent e => OfCampaign(stored, e),
        TemplateEvent e => OfTemplate(stored, e),
        ContactEvent e => OfContact(stored, e),
        ConversationEvent e => OfConversation(stored, e),
        AdministrativeActDone e => OfAct(stored, e),
        { } other => PublicMoney.Of(stored, other),
        null => null,
    };

    private static string FamilyOf(string type) => type.Split('.')[0];

    private static PublicEvent? OfMessage(StoredEvent stored, MessageEvent fact)
    {
        var r = fact.Ref;
        MessageData Data(string? wamid = null, PublicError? error = null, string? reason = null) =>
            new(r.MessageId, r.AccountId, r.ContactId, r.ConversationId, r.CampaignId, r.Type, r.Direction, fact.At, wamid, error, reason);
        (string Type, PublicData Data)? told = fact switch
        {
            MessageReceived e =>
                ("message.received",
                    new MessageReceivedData(r.MessageId, r.AccountId, r.ContactId, r.ConversationId, r.Type, e.At, e.Wamid, e.NewContact,
                        null, false)),
            MessageAnalysed e => ("message.analysed", new MessageAnalysedData(r.MessageId, r.AccountId, r.ContactId, r.ConversationId,
                r.Type, e.At, e.Language, e.Sentiment, e.SentimentScore, e.Intent, e.Confidence, e.Fallback)),
            MessageEchoed e => ("message.echoed", Data(e.Wamid)),
            MessageAccepted e => ("message.accepted", Data(e.Wamid)),
            MessageSent => ("message.sent", Data()),
            MessageDelivered => ("message.delivered", Data()),
            MessageRead => ("message.read", Data()),
            MessageFailed e => ("message.failed", Data(error: new(e.Code, e.Title, e.Details))),
            MessageRejected e => ("message.failed", Data(error: new(e.Code, e.Title, e.Details), reason: "rejected")),
            MessageSkipped e => ("message.skipped", Data(reason: e.Reason)),
            MessageCancelled e => ("message.cancelled", Data(reason: e.Reason)),
            MessageExpired => ("message.expired", Data()),
            MessageOutcomeUnknown e => ("message.outcome_unknown", Data(reason: e.Reason)),
            MessageUnknownClosed e => ("message.unknown_closed", Data(reason: e.Ruling)),
            _ => null,
        };
        return told is var (type, data) ? new(stored, type, r.ConversationId, r.AccountId, r.CampaignId, r.ContactId, data) : null;
    }

    private static PublicEvent? OfCampaign(StoredEvent stored, CampaignEvent fact)
    {
        (string Type, CampaignData Data, Guid? Account)? told = fact switch
        {
            CampaignCreated e => ("campaign.created", new(e.CampaignId, e.At, e.Name), e.AccountId),
            CampaignChanged e => ("campaign.changed", new(e.CampaignId, e.At, e.Name), e.AccountId),
            CampaignScheduled e => ("campaign.scheduled", new(e.CampaignId, e.At, ScheduledAt: e.ScheduledAt), null),
            CampaignLaunched e => ("campaign.launched", new(e.CampaignId, e.At), null),
            CampaignAudienceFrozen e => ("campaign.audience_frozen", new(e.CampaignId, e.At, TotalRecipients: e.TotalRecipients), null),
            CampaignPaused e => ("campaign.paused", new(e.CampaignId, e.At, Reason: e.Reason), null),
            CampaignResumed e => ("campaign.resumed", new(e.CampaignId, e.At), null),
            CampaignCancelled e => ("campaign.cancelled", new(e.CampaignId, e.At, Reason: e.Reason), null),
            CampaignCompleted e => ("campaign.completed", new(e.CampaignId, e.At), null),
            _ => null,
        };
        return told is var (type, data, account) ? new(stored, type, data.CampaignId, account, data.CampaignId, null, data) : null;
    }

    private static PublicEvent? OfTemplate(StoredEvent stored, TemplateEvent fact)
    {
        (string Type, TemplateData Data, Guid? Account)? told = fact switch
        {
            TemplateCreated e => ("template.created", new(e.TemplateId, e.At, e.Name, e.Language, Category: e.Category), e.AccountId),
            TemplateRevised e => ("template.changed", new(e.TemplateId, e.At, Category: e.Category), null),
            TemplateComponentsChanged e => ("template.changed", new(e.TemplateId, e.At), null),
            TemplateSubmitted e => ("template.submitted", new(e.TemplateId, e.At, Status: e.Status, Category: e.Category), null),
            TemplateStatusChanged e =>
                ("template.status_changed", new(e.TemplateId, e.At, Status: e.Status, StatusExact: e.StatusExact, Reason: e.Reason), null),
            TemplateCategoryChanged e =>
                ("template.category_changed", new(e.TemplateId, e.At, Category: e.Category, PreviousCategory: e.PreviousCategory), null),
            TemplateQualityChanged e => ("template.quality_changed", new(e.TemplateId, e.At, Quality: e.Quality), null),
            TemplateDeleted e => ("template.deleted", new(e.TemplateId, e.At), null),
            _ => null,
        };
        return told is var (type, data, account) ? new(stored, type, data.TemplateId, account, null, null, data) : null;
    }

    private static PublicEvent? OfContact(StoredEvent stored, ContactEvent fact)
    {
        if (fact is ContactsImported file)
        {
            return new(stored, "contact.imported", file.ImportId, null, null, null,
                new ContactsImportedData(file.ImportId, file.Source, file.Total, file.Created, file.Updated, file.Rejected, file.At));
        }

        (string Type, ContactData Data)? told = fact switch
        {
            ContactConsentChanged e => ("contact.consent_changed", new(e.ContactId, e.At, e.Status, e.Source)),
            ContactConsentChangedV2 e => ("contact.consent_changed", new(e.ContactId, e.At, e.Status, e.Source)),
            ContactIdentityChanged e => ("contact.identity_changed", new(e.ContactId, e.At, Source: e.Source)),
            ContactMerged e => ("contact.merged", new(e.ContactId, e.At, Source: e.Source, AbsorbedId: e.AbsorbedId)),
            ContactErased e => ("contact.erased", new(e.ContactId, e.At)),
            _ => null,
        };
        return told is var (type, data) ? new(stored, type, data.ContactId, null, null, data.ContactId, data) : null;
    }

    private static PublicEvent? OfConversation(StoredEvent stored, ConversationEvent fact)
    {
        (string Type, ConversationData Data)? told = fact switch
        {
            CustomerWindowOpened e => ("conversation.window_opened", new(e.ConversationId, e.AccountId, e.ContactId, e.At, Until: e.Until)),
            ConversationAssigned e =>
                ("conversation.assigned",
                    new(e.ConversationId, e.AccountId, e.ContactId, e.At, e.UserId, TeamId: e.TeamId, Reason: e.Reason)),
            ConversationClassified e =>
                ("conversation.changed",
                    new(e.ConversationId, e.AccountId, e.ContactId, e.At, Status: e.Status, Priority: e.Priority, Tags: e.Tags)),
            ConversationRead e => ("conversation.read", new(e.ConversationId, e.AccountId, e.ContactId, e.At, e.UserId)),
            ConversationAnswered e =>
                ("conversation.answered",
                    new(e.ConversationId, e.AccountId, e.ContactId, e.At, e.UserId, MessageId: e.MessageId, By: e.By)),
            ConversationSnoozed e =>
                ("conversation.snoozed", new(e.ConversationId, e.AccountId, e.ContactId, e.At, e.UserId, Until: e.Until)),
            ConversationHandedOver e =>
                ("conversation.handed_over", new(e.ConversationId, e.AccountId, e.ContactId, e.At, e.UserId, Reason: e.Reason)),
            ConversationGivenBack e =>
                ("conversation.given_back", new(e.ConversationId, e.AccountId, e.ContactId, e.At, e.UserId, By: e.By)),
            ConversationWoken e => ("conversation.woken", new(e.ConversationId, e.AccountId, e.ContactId, e.At, Reason: e.Reason)),
            ConversationNoted e =>
                ("conversation.noted",
                    new(e.ConversationId, e.AccountId, e.ContactId, e.At, e.UserId, NoteId: e.NoteId, By: e.By, Mentions: e.Mentions)),
            _ => null,
        };
        return told is var (type, data) ? new(stored, type, data.ConversationId, data.AccountId, null, data.ContactId, data) : null;
    }

    private static PublicEvent? OfAct(StoredEvent stored, AdministrativeActDone act) => act switch
    {
        { TargetType: "account", TargetId: { } account } when Names.Contains(act.Act) =>
            new(stored, act.Act, account, account, null, null, new AccountData(account, act.At, act.Changed)),
        { TargetType: "webhook", TargetId: { } webhook, Act: "webhook.disabled" } =>
            new(stored, act.Act, webhook, null, null, null,
                new WebhookDisabledData(webhook, act.At, act.Changed is [var reason] ? reason : null)),
        _ => null,
    };
}
