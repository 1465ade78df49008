using System.Buffers;
using System.Text.Json;
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

    /// <summary>The customers' messages of a value; those without id or sender (system notices) are left to the journal.</summary>
    public static IEnumerable<InboundItem> Messages(Journaled webhook, JsonElement value, NumberOwner owner)
    {
        var people = MetaEnvelope.Items(value, "contacts").ToList();
        foreach (var message in MetaEnvelope.Items(value, "messages"))
        {
            if (MetaEnvelope.Text(message, "id") is { } wamid && Sender(message, people) is { } sender)
            {
                yield return new(owner.AccountId, owner.PhoneNumberId, wamid, MetaEnvelope.Text(message, "type") ?? "unknown", sender, message, MetaEnvelope.Time(message) ?? webhook.ReceivedAt, webhook.Evidence(null));
            }
        }
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
        return phone is null && user is null ? null : new(phone is null || phone.StartsWith('+') ? phone : "+" + phone, user, name);
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
