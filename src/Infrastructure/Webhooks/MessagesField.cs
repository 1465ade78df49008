using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Messages;
using Bsp.Application.Webhooks;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// Translates the <c>messages</c> field: statuses of what we sent, and what customers wrote. Whatever is kept of it is bounded.
/// </summary>
internal static class MessagesField
{
    // Of one item as it is kept for ever. Meta's own statuses have 1 KB, texts 4 KB, forms some ten.
    private const int StatusBytesMax = 16 * 1024;
    private const int StatusTextUnitsMax = 1_000;
    internal const int MessageBytesMax = 512 * 1024;
    internal const int MessageTextUnitsMax = 64 * 1024;

    private const int TitleUnitsMax = 200;
    private const int DetailsUnitsMax = 1_000;
    private const int NameUnitsMax = 1_000;
    private const int PhoneUnitsMax = 40;

    // Personal: kept in the journal for its days, not in the ledger for ever.
    private static readonly HashSet<string> Personal =
        ["recipient_id", "recipient_user_id", "recipient_participant_id", "recipient_identity_key_hash", "biz_opaque_callback_data"];

    /// <summary>A status item; null when it has no id or status: it is left to the journal.</summary>
    public static StatusItem? Status(WebhookPart part)
    {
        var status = part.Item;
        if (MetaEnvelope.Id(status, "id") is not { } wamid || MetaEnvelope.Word(status, "status") is not { } word)
        {
            return null;
        }

        JsonElement? error = MetaEnvelope.Items(status, "errors").Select(e => (JsonElement?)e).FirstOrDefault();
        var (code, title, details) = error is not { } e ? (null, null, null)
            : (MetaEnvelope.Number(e, "code"), MetaEnvelope.Line(e, "title", TitleUnitsMax),
                MetaEnvelope.Child(e, "error_data") is { } data ? MetaEnvelope.Line(data, "details", DetailsUnitsMax) : null);
        return new(
            Guid.TryParse(MetaEnvelope.Text(status, "biz_opaque_callback_data"), out var id) ? id : null,
            new(word, wamid, At(part), code, title, details, Evidence(part)));
    }

    // Of whom it reached only what its price depends on is kept.
    private static Evidence Evidence(WebhookPart part)
    {
        var status = part.Item;
        var participant = MetaEnvelope.Text(status, "recipient_type") == "group" ? MetaEnvelope.Text(status, "recipient_participant_id")
            ?? "" : null;
        var phone = participant ?? MetaEnvelope.Text(status, "recipient_id");
        return part.Webhook.Evidence(BoundedJson.Of(status, StatusTextUnitsMax, StatusBytesMax, Personal)) with
        {
            To = Markets.Recipient(phone, participant ?? MetaEnvelope.Text(status, "recipient_user_id")),
            Participant = participant is { Length: > 0 } ? MessageKey.Of(participant) : null,
        };
    }

    /// <summary>
    /// News of a customer's new number or user id: a system notice, which is no message of theirs and opens no window. Null: it is none.
    /// </summary>
    public static ChangeContactIdentity? IdentityNews(WebhookPart part, Guid organizationId)
    {
        var message = part.Item;
        if (MetaEnvelope.Id(message, "id") is not { } wamid || MetaEnvelope.Child(message, "system") is not { } system
            || MetaEnvelope.Text(system, "type") is not ("user_changed_number" or "user_changed_user_id"))
        {
            return null;
        }

        // Older versions name the new number new_wa_id. A new user id comes as user_id, alone or as {previous, current}.
        var ids = MetaEnvelope.Child(system, "user_id");
        var before =
            Identity(MetaEnvelope.Text(message, "from"), (ids is { } p ? MetaEnvelope.Text(p, "previous") : null)
                ?? MetaEnvelope.Text(message, "from_user_id"));
        var after = Identity(MetaEnvelope.Text(system, "new_wa_id") ?? MetaEnvelope.Text(system, "wa_id"),
            ids is { } c ? MetaEnvelope.Text(c, "current") : MetaEnvelope.Text(system, "user_id"));
        return before is null || after is null ? null
            : new(organizationId, before, after, MetaEnvelope.Text(system, "type")!, wamid, At(part));
    }

    /// <summary>
    /// Null when neither is given. What is no number, such as the placeholders of Meta's own examples, names nobody; what is too long to be
    /// one is an id, and kept as one.
    /// </summary>
    public static ContactIdentity? Identity(string? waId, string? userId, string? profileName = null)
    {
        if (waId is { Length: > PhoneUnitsMax })
        {
            (waId, userId) = (null, userId ?? waId);
        }

        return E164.OfMeta(waId) is var phone && phone is null && userId is null ? null
            : new(phone, userId is null ? null : MetaId.Of(userId), profileName);
    }

    /// <summary>
    /// A customer's message, or a notice about a customer; null when it has no id or names nobody: it is left to the journal.
    /// </summary>
    /// <param name="news">What a notice says of who the customer is from then on.</param>
    public static InboundItem? Message(WebhookPart part, NumberOwner owner, ChangeContactIdentity? news)
    {
        var message = part.Item;
        var type = MetaEnvelope.Word(message, "type") ?? "unknown";
        news = InboundKind.IsNotice(type) ? news : null;
        if (MetaEnvelope.Id(message, "id") is not { } wamid || (news?.After ?? Sender(part)) is not { } sender)
        {
            return null;
        }

        var at = At(part);
        return new(owner.AccountId, owner.PhoneNumberId, wamid, type, sender with { SaidAt = at },
            BoundedJson.Of(message, MessageTextUnitsMax, MessageBytesMax), at, part.Webhook.Evidence(null)) { News = news };
    }

    /// <summary>A customer's message that names nobody: neither a user id nor a number made of digits.</summary>
    public static bool IsNameless(WebhookPart part) =>
        MetaEnvelope.Id(part.Item, "id") is not null && MetaEnvelope.Text(part.Item, "type") is not "system" && Sender(part) is null;

    // Whole seconds, as Meta's: what is said later in the second of the receipt must not come before what is bounded by it.
    private static DateTimeOffset At(WebhookPart part) =>
        DateTimeOffset.FromUnixTimeSeconds((MetaEnvelope.Time(part.Item, part.Webhook.ReceivedAt) ?? part.Webhook.ReceivedAt)
            .ToUnixTimeSeconds());

    private static ContactIdentity? Sender(WebhookPart part)
    {
        var person = part.People.Value.Find(part.Item);
        var user = MetaEnvelope.Text(part.Item, "from_user_id") ?? (person is { } known ? MetaEnvelope.Text(known, "user_id") : null);
        var phone = MetaEnvelope.Text(part.Item, "from") ?? (person is { } listed ? MetaEnvelope.Text(listed, "wa_id") : null);
        return Identity(phone, user, person is { } named && MetaEnvelope.Child(named, "profile") is { } profile
            ? MetaEnvelope.Line(profile, "name", NameUnitsMax) : null);
    }
}
