using System.Globalization;
using System.Security.Cryptography;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Bsp.Application.Accounts;
using Bsp.Application.Contacts;
using Bsp.Application.Conversations;
using Bsp.Application.Webhooks;
using Bsp.Infrastructure.Common;
using MediatR;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// What Meta tells of accounts: reviews, restrictions, alerts, names, calls, flows, groups and whatever else. What has an effect
/// here has it;
/// all of it is kept as a notice, without what names customers.
/// </summary>
public sealed class AccountFields(IMediator mediator, NumberDirectory numbers)
{
    private const int BodyBytesMax = 16 * 1024;
    private const int TextUnitsMax = 1_000;
    private const int RestrictionUnitsMax = 300;

    /// <summary>Fields of Meta's that say something of accounts; any other is noted as unhandled.</summary>
    public static readonly IReadOnlySet<string> Known = new HashSet<string>
    {
        "account_update", "account_alerts", "account_review_update", "account_settings_update", "phone_number_name_update", "calls",
        "flows",
        "security", "payment_configuration_update", "partner_solutions", "automatic_events", "template_correct_category_detection",
        "group_lifecycle_update", "group_participants_update", "group_settings_update", "group_status_update", "standby",
        "messaging_handovers", "business_username_update", "business_username_updates", "business_status_update", "tracking_events",
    };

    // Whom customers are known by, wherever it stands in what is kept for long.
    private static readonly HashSet<string> Personal =
    [
        "from", "to", "wa_id", "user_id", "from_user_id", "to_user_id", "contacts", "profile", "recipient_id", "recipient_user_id",
        "session",
        "participants", "added_participants", "removed_participants", "failed_participants", "invite_link", "messages", "statuses",
        "biz_opaque_callback_data", "subject", "description", "group_description", "group_subject",
    ];

    /// <summary>Null: carried out. Else <c>unknown_number</c> or <c>unhandled_field</c>.</summary>
    internal async Task<string?> HandleAsync(MetaChange change, Journaled webhook, CancellationToken ct)
    {
        if (!Known.Contains(change.Field))
        {
            return "unhandled_field"; // whatever is in it, customers' own words perhaps: the journal has it for its days
        }

        var waba = WabaOf(change);
        var owners = await OwnersAsync(change, waba, webhook, ct);
        foreach (var owner in owners)
        {
            await EffectAsync(owner, change, webhook, ct);
        }

        foreach (var organization in owners.GroupBy(o => o.OrganizationId))
        {
            var account = owners.Count == 1 && NamesNumber(change.Value) ? owners[0].AccountId : (Guid?)null;
            await mediator.Send(new RecordAccountNotice(organization.Key, organization.First().WabaId, account, change.Field,
                EventOf(change.Value), Kept(change.Value), Time(change.Value, webhook), KeyOf(change)), ct);
        }

        return owners.Count == 0 ? "unknown_number" : null;
    }

    // Entries of partners' events name the portfolio; the WABA stands inside.
    private static string WabaOf(MetaChange change) =>
        (MetaEnvelope.Child(change.Value, "waba_info") is { } info ? MetaEnvelope.Id(info, "waba_id") : null) ?? change.EntryId;

    private static bool NamesNumber(JsonElement value) =>
        MetaEnvelope.Child(value, "metadata") is not null || MetaEnvelope.Text(value, "display_phone_number") is not null;

    private async Task<IReadOnlyList<NumberOwner>> OwnersAsync(MetaChange change, string waba, Journaled webhook, CancellationToken ct)
    {
        if (MetaEnvelope.Child(change.Value, "metadata") is { } metadata && MetaEnvelope.Id(metadata, "phone_number_id") is { } id)
        {
            return await numbers.ByPhoneNumberIdAsync(id, waba, webhook.OrganizationId, ct) is { } owner ? [owner] : [];
        }

        if (MetaEnvelope.Word(change.Value, "display_phone_number") is { } display
            && await numbers.ByDisplayNumberAsync(display, waba, webhook.OrganizationId, ct) is { } shown)
        {
            return [shown];
        }

        return [.. await numbers.ByWabaAsync(waba, webhook.OrganizationId, ct)];
    }

    private async Task EffectAsync(NumberOwner owner, MetaChange change, Journaled webhook, CancellationToken ct)
    {
        var value = change.Value;
        var standing = new RecordAccountStanding(owner.OrganizationId, owner.AccountId);
        switch (change.Field)
        {
            case "phone_number_name_update" when MetaEnvelope.Word(value, "decision") is { } decision:
                await mediator.Send(standing with { NameStatus = decision,
                    RequestedName = MetaEnvelope.Line(value, "requested_verified_name", 200) }, ct);
                break;
            case "account_review_update" when MetaEnvelope.Word(value, "decision") is { } verdict:
                await mediator.Send(standing with { ReviewStatus = verdict }, ct);
                break;
            case "account_update" when Restriction(value, webhook.ReceivedAt) is var (text, until):
                await mediator.Send(standing with { Restriction = text, RestrictedUntil = until }, ct);
                break;
            case "calls":
                await CallsAsync(owner, value, webhook, ct);
                break;
        }
    }

    // Null: the event says nothing of what the account may do.
    private static (string Text, DateTimeOffset? Until)? Restriction(JsonElement value, DateTimeOffset told)
    {
        switch (MetaEnvelope.Word(value, "event"))
        {
            case "ACCOUNT_RESTRICTION":
                var all = MetaEnvelope.Items(value, "restriction_info").ToList();
                var ends = all.Select(r => MetaEnvelope.Text(r, "expiration")).OfType<string>()
                    .Select(t => long.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out var s)
                        && s is > 0 and < 4_102_444_800 ? DateTimeOffset.FromUnixTimeSeconds(s) : (DateTimeOffset?)null).ToList();
                return (Domain.Common.Text.Cut(string.Join(", ", all.Select(r => MetaEnvelope.Word(r, "restriction_type") ?? "?")),
                    RestrictionUnitsMax), ends.Count > 0 ? ends.Max() : null);
            case "DISABLED_UPDATE" when MetaEnvelope.Child(value, "ban_info") is { } ban:
                var state = MetaEnvelope.Word(ban, "waba_ban_state") is { } word ? word
                    : ban.TryGetProperty("waba_ban_state", out var list) && list.ValueKind == JsonValueKind.Array
                        && list.GetArrayLength() > 0
                    ? list[0].ToString() : "DISABLE";
                return state == "REINSTATE" ? ("", null) : (Domain.Common.Text.Cut(state, RestrictionUnitsMax), null);
            case "ACCOUNT_DELETED" or "PARTNER_REMOVED" or "PARTNER_APP_UNINSTALLED" or "ACCOUNT_OFFBOARDED":
                return (MetaEnvelope.Word(value, "event")!, null);
            case "ACCOUNT_RECONNECTED" or "PARTNER_ADDED" or "PARTNER_APP_INSTALLED":
                return ("", null);
            default:
                return null;
        }
    }

    // A customer who calls opens the window as one who writes does. Source: Meta, "customer service windows".
    private async Task CallsAsync(NumberOwner owner, JsonElement value, Journaled webhook, CancellationToken ct)
    {
        foreach (var call in MetaEnvelope.Items(value, "calls"))
        {
            var person = MetaEnvelope.Word(call, "direction") is "USER_INITIATED" && MetaEnvelope.Word(call, "event") is "connect"
                ? MessagesField.Identity(MetaEnvelope.Text(call, "from"), MetaEnvelope.Text(call, "from_user_id")) : null;
            if (person is not null)
            {
                var at = MetaEnvelope.Time(call, webhook.ReceivedAt) ?? webhook.ReceivedAt;
                var contact = (await mediator.Send(new EnsureContacts(owner.OrganizationId, [person with { SaidAt = at }]), ct))[0];
                await mediator.Send(new HearCall(owner.OrganizationId, owner.AccountId, contact.Id, at), ct);
            }
        }
    }

    private static string? EventOf(JsonElement value) => MetaEnvelope.Word(value, "event") ?? MetaEnvelope.Word(value, "decision")
        ?? (MetaEnvelope.Child(value, "alert_info") is { } alert ? MetaEnvelope.Word(alert, "alert_type") : null)
        ?? MetaEnvelope.Word(value, "type");

    private static DateTimeOffset Time(JsonElement value, Journaled webhook) =>
        MetaEnvelope.Time(value, webhook.ReceivedAt) ?? webhook.ReceivedAt;

    private static byte[] KeyOf(MetaChange change)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{change.EntryId}/{change.Field}/"));
        hash.AppendData(JsonMarshal.GetRawUtf8Value(change.Value));
        return hash.GetHashAndReset();
    }

    private static JsonElement Kept(JsonElement value) => BoundedJson.Of(Without(value), TextUnitsMax, BodyBytesMax);

    private static JsonElement Without(JsonElement value)
    {
        var node = System.Text.Json.Nodes.JsonNode.Parse(BoundedJson.Of(value, TextUnitsMax, 4 * BodyBytesMax).GetRawText());
        Strip(node);
        return JsonSerializer.SerializeToElement(node);
    }

    private static void Strip(System.Text.Json.Nodes.JsonNode? node)
    {
        if (node is System.Text.Json.Nodes.JsonObject json)
        {
            foreach (var name in json.Select(p => p.Key).Where(Personal.Contains).ToList())
            {
                json.Remove(name);
            }

            foreach (var (_, child) in json)
            {
                Strip(child);
            }
        }
        else if (node is System.Text.Json.Nodes.JsonArray list)
        {
            foreach (var child in list)
            {
                Strip(child);
            }
        }
    }
}
