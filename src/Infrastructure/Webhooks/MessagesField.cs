using System.Buffers;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Messages;
using Bsp.Application.Webhooks;
using Bsp.Domain.Messages;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>A webhook taken from the journal, parsed as far as it can be.</summary>
internal sealed record Journaled(long Id, DateTime ReceivedAt, Guid? OrganizationId, string BodySha256, JsonElement Root)
{
    public Evidence Evidence(JsonElement? item) => new(Id, BodySha256, item);
}

/// <summary>Translates the <c>messages</c> field: statuses of what we sent, and what customers wrote.</summary>
internal static class MessagesField
{
    // Personal: kept in the journal for its days, not in the ledger for ever.
    private static readonly HashSet<string> Personal = ["recipient_id", "recipient_user_id", "recipient_participant_id", "recipient_identity_key_hash", "biz_opaque_callback_data"];

    /// <summary>The status items of a value; those without id or status are left to the journal.</summary>
    public static IEnumerable<StatusItem> Statuses(Journaled webhook, JsonElement value)
    {
        foreach (var status in MetaEnvelope.Items(value, "statuses"))
        {
            if (MetaEnvelope.Text(status, "id") is { } wamid && MetaEnvelope.Text(status, "status") is { } word)
            {
                var error = MetaEnvelope.Items(status, "errors").Select(e => (JsonElement?)e).FirstOrDefault();
                yield return new(
                    Guid.TryParse(MetaEnvelope.Text(status, "biz_opaque_callback_data"), out var id) ? id : null,
                    new(word, wamid, MetaEnvelope.Time(status) ?? webhook.ReceivedAt, error is { } e ? MetaEnvelope.Number(e, "code") : null, error is { } t ? MetaEnvelope.Text(t, "title") : null,
                        error is { } d && MetaEnvelope.Child(d, "error_data") is { } data ? MetaEnvelope.Text(data, "details") : null, webhook.Evidence(Impersonal(status))));
            }
        }
    }

    /// <summary>News of a customer's new number or user id: system notices, which are no messages of his and open no window.</summary>
    public static IEnumerable<ChangeContactIdentity> IdentityNews(Journaled webhook, JsonElement value, Guid organizationId)
    {
        foreach (var message in MetaEnvelope.Items(value, "messages"))
        {
            if (MetaEnvelope.Text(message, "id") is { } wamid && MetaEnvelope.Child(message, "system") is { } system
                && MetaEnvelope.Text(system, "type") is "user_changed_number" or "user_changed_user_id")
            {
                // Older versions name the new number new_wa_id. A new user id comes as user_id, alone or as {previous, current}.
                var ids = MetaEnvelope.Child(system, "user_id");
                var before = Identity(MetaEnvelope.Text(message, "from"), (ids is { } p ? MetaEnvelope.Text(p, "previous") : null) ?? MetaEnvelope.Text(message, "from_user_id"));
                var after = Identity(MetaEnvelope.Text(system, "new_wa_id") ?? MetaEnvelope.Text(system, "wa_id"), ids is { } c ? MetaEnvelope.Text(c, "current") : MetaEnvelope.Text(system, "user_id"));
                if (before is not null && after is not null)
                {
                    yield return new(organizationId, before, after, MetaEnvelope.Text(system, "type")!, wamid, MetaEnvelope.Time(message) ?? webhook.ReceivedAt);
                }
            }
        }
    }

    /// <summary>Null when neither is given. What is no number, such as the placeholders of Meta's own examples, names nobody.</summary>
    public static ContactIdentity? Identity(string? waId, string? userId) => E164.OfMeta(waId) is var phone && phone is null && userId is null ? null : new(phone, userId, null);

    /// <summary>The customers' messages of a value; those without id or sender, and system notices, are left to the journal.</summary>
    public static IEnumerable<InboundItem> Messages(Journaled webhook, JsonElement value, NumberOwner owner)
    {
        var people = MetaEnvelope.Items(value, "contacts").ToList();
        foreach (var message in MetaEnvelope.Items(value, "messages"))
        {
            if (MetaEnvelope.Text(message, "id") is { } wamid && MetaEnvelope.Text(message, "type") is not "system" && Sender(message, people) is { } sender)
            {
                var at = MetaEnvelope.Time(message) ?? webhook.ReceivedAt;
                yield return new(owner.AccountId, owner.PhoneNumberId, wamid, MetaEnvelope.Text(message, "type") ?? "unknown", sender with { SaidAt = at }, message, at, webhook.Evidence(null));
            }
        }
    }

    /// <summary>Customers' messages that name nobody: neither a user id nor a number made of digits.</summary>
    public static int Nameless(JsonElement value)
    {
        var people = MetaEnvelope.Items(value, "contacts").ToList();
        return MetaEnvelope.Items(value, "messages").Count(m => MetaEnvelope.Text(m, "id") is not null && MetaEnvelope.Text(m, "type") is not "system" && Sender(m, people) is null);
    }

    private static ContactIdentity? Sender(JsonElement message, List<JsonElement> people)
    {
        var phone = MetaEnvelope.Text(message, "from");
        var user = MetaEnvelope.Text(message, "from_user_id");
        var person = people.Select(p => (JsonElement?)p).FirstOrDefault(p => (phone is not null && MetaEnvelope.Text(p!.Value, "wa_id") == phone) || (user is not null && MetaEnvelope.Text(p!.Value, "user_id") == user))
            ?? (people.Count == 1 ? people[0] : null);
        user ??= person is { } known ? MetaEnvelope.Text(known, "user_id") : null;
        phone ??= person is { } listed ? MetaEnvelope.Text(listed, "wa_id") : null;
        var name = person is { } named && MetaEnvelope.Child(named, "profile") is { } profile ? MetaEnvelope.Text(profile, "name") : null;
        return Identity(phone, user) is { } identity ? identity with { ProfileName = name } : null;
    }

    private static JsonElement Impersonal(JsonElement status)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var property in status.EnumerateObject().Where(p => !Personal.Contains(p.Name)))
            {
                property.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        var reader = new Utf8JsonReader(buffer.WrittenSpan);
        return JsonElement.ParseValue(ref reader);
    }
}
