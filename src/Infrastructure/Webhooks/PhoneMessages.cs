using System.Text.Json;
using Bsp.Application.Contacts;
using Bsp.Application.Messages;
using Bsp.Application.Webhooks;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using MediatR;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// Translates <c>smb_message_echoes</c> (what a person sends from WhatsApp's own app on one of our numbers) and <c>history</c> (what lay in
/// that app when the number was connected).
/// </summary>
internal sealed class PhoneMessages(IMediator mediator, NumberDirectory numbers)
{
    /// <summary>Null: carried out, also when the owner of the app declined to share its history. Else why not.</summary>
    public async Task<string?> HandleAsync(MetaChange change, Journaled webhook, CancellationToken ct)
    {
        var metadata = MetaEnvelope.Child(change.Value, "metadata");
        var phoneNumberId = metadata is { } named ? MetaEnvelope.Id(named, "phone_number_id") : null;
        var owner = phoneNumberId is null ? null
            : await numbers.ByPhoneNumberIdAsync(phoneNumberId, change.EntryId, webhook.OrganizationId, ct);
        if (owner is null)
        {
            return "unknown_number";
        }

        var own = NumberDirectory.Digits(MetaEnvelope.Word(metadata!.Value, "display_phone_number") ?? "");
        var (items, nameless) = change.Field == "history" ? History(change, webhook, owner, own) : Echoes(change, webhook, owner);
        if (items.Count > 0)
        {
            await mediator.Send(new RecordPhoneMessages(owner.OrganizationId, items), ct);
        }

        return nameless ? "no_sender" : null;
    }

    private static (List<PhoneItem> Items, bool Nameless) Echoes(MetaChange change, Journaled webhook, NumberOwner owner)
    {
        var (items, nameless) = (new List<PhoneItem>(), false);
        foreach (var echo in MetaEnvelope.Items(change.Value, "message_echoes"))
        {
            var to = MessagesField.Identity(MetaEnvelope.Text(echo, "to"), MetaEnvelope.Text(echo, "to_user_id"));
            var item = to is null ? null : Item(echo, webhook, owner, to, outbound: true, past: false, null);
            nameless |= to is null;
            items.AddRange(item is null ? [] : [item]);
        }

        return (items, nameless);
    }

    // {threads: [{id: the customer's number, messages: [{from, to?, id, timestamp, type, T, history_context: {status}}]}]}
    private static (List<PhoneItem> Items, bool Nameless) History(MetaChange change, Journaled webhook, NumberOwner owner, string own)
    {
        var (items, nameless) = (new List<PhoneItem>(), false);
        foreach (var thread in MetaEnvelope.Items(change.Value, "history").SelectMany(h => MetaEnvelope.Items(h, "threads")))
        {
            foreach (var message in MetaEnvelope.Items(thread, "messages"))
            {
                var from = MetaEnvelope.Text(message, "from");
                var outbound = own.Length > 0 && from is not null && NumberDirectory.Digits(from) == own
                    || (MetaEnvelope.Text(message, "to") is not null && from != MetaEnvelope.Text(thread, "id"));
                var customer = MessagesField.Identity(
                    MetaEnvelope.Text(thread, "id") ?? (outbound ? MetaEnvelope.Text(message, "to") : from),
                    MetaEnvelope.Text(message, outbound ? "to_user_id" : "from_user_id"));
                var status = MetaEnvelope.Child(message, "history_context") is { } context ? MetaEnvelope.Word(context, "status") : null;
                var item = customer is null ? null
                    : Item(message, webhook, owner, customer, outbound, past: true, outbound ? Reached(status) : null);
                nameless |= customer is null;
                items.AddRange(item is null ? [] : [item]);
            }
        }

        return (items, nameless);
    }

    private static string Reached(string? status) => status?.ToUpperInvariant() switch
    {
        "READ" or "PLAYED" => "read",
        "DELIVERED" => "delivered",
        "ERROR" or "FAILED" => "failed",
        _ => "sent",
    };

    // Null: it has no id, by which alone a repeat would be known.
    private static PhoneItem? Item(JsonElement message, Journaled webhook, NumberOwner owner, ContactIdentity customer, bool outbound,
        bool past, string? status)
    {
        if (MetaEnvelope.Id(message, "id") is not { } wamid)
        {
            return null;
        }

        var at = DateTimeOffset.FromUnixTimeSeconds(
            (MetaEnvelope.Time(message, webhook.ReceivedAt) ?? webhook.ReceivedAt).ToUnixTimeSeconds());
        return new(owner.AccountId, owner.PhoneNumberId, wamid, MetaEnvelope.Word(message, "type") ?? "unknown",
            customer with { SaidAt = at }, outbound, past, status,
            BoundedJson.Of(message, MessagesField.MessageTextUnitsMax, MessagesField.MessageBytesMax), at, webhook.Evidence(null));
    }
}
