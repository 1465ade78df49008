using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bsp.Application.Accounts;
using Bsp.Application.Contacts;
using Bsp.Application.Templates;
using Bsp.Application.Webhooks;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Meta;
using MediatR;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>Everything Meta tells besides messages: templates, numbers, accounts, preferences. Each becomes the command it is.</summary>
public sealed class NonMessageFields(IMediator mediator, NumberDirectory numbers, AccountFields accounts)
{
    private readonly PhoneMessages phone = new(mediator, numbers);

    private const int NameUnitsMax = 512; // Meta's own bound of a template's name
    private const int ReasonUnitsMax = 1_000;
    private const int TextUnitsMax = 4_096;
    private const int ButtonsBytesMax = 16 * 1024;

    /// <summary>
    /// Null: carried out. Else why not: <c>unhandled_field</c> (kept in the journal), <c>unknown_number</c>, <c>unknown_template</c>,
    /// <c>no_sender</c> (a number that is none).
    /// </summary>
    internal async Task<string?> HandleAsync(MetaChange change, Journaled webhook, CancellationToken ct) => change.Field switch
    {
        "message_template_status_update" or "template_category_update" or "message_template_quality_update" or "message_template_components_update" => await TemplateAsync(change, webhook, ct),
        "phone_number_quality_update" => await QualityAsync(change, webhook, ct),
        "business_capability_update" => await CapabilityAsync(change, webhook, ct),
        "user_preferences" => await PreferencesAsync(change, webhook, ct),
        "user_id_update" => await UserIdsAsync(change, webhook, ct),
        "smb_message_echoes" or "history" => await phone.HandleAsync(change, webhook, ct),
        _ => await accounts.HandleAsync(change, webhook, ct),
    };

    private async Task<string?> TemplateAsync(MetaChange change, Journaled webhook, CancellationToken ct)
    {
        var value = change.Value;
        var owners = await OwnersAsync(change.EntryId, webhook, ct);
        var key = new TemplateKey(change.EntryId, MetaEnvelope.Id(value, "message_template_id"),
            MetaEnvelope.Line(value, "message_template_name", NameUnitsMax),
            MetaEnvelope.Word(value, "message_template_language"));
        var known = false;
        await EachAloneAsync(owners, async organization =>
            known |= News(change, organization, key, webhook.ReceivedAt) is { } news && await mediator.Send(news, ct) is not null);
        return owners.Count == 0 ? "unknown_number" : known ? null : "unknown_template";
    }

    private static ITemplateNews? News(MetaChange change, Guid organization, TemplateKey key, DateTimeOffset at)
    {
        var value = change.Value;
        return change.Field switch
        {
            "message_template_status_update" when MetaEnvelope.Word(value, "event") is { } word =>
                new RecordTemplateStatus(organization, key, word, Reason(value), at),
            "template_category_update" when MetaEnvelope.Word(value, "new_category") is { } category =>
                new RecordTemplateCategory(organization, key, category, at),
            "message_template_quality_update" when MetaEnvelope.Word(value, "new_quality_score") is { } quality =>
                new RecordTemplateQuality(organization, key, quality, at),
            "message_template_components_update" =>
                new RecordTemplateComponents(organization, key, MetaEnvelope.Line(value, "message_template_title", TextUnitsMax),
                MetaEnvelope.Line(value, "message_template_element", TextUnitsMax),
                MetaEnvelope.Line(value, "message_template_footer", TextUnitsMax), Buttons(value), at),
            _ => null,
        };
    }

    private static JsonElement? Buttons(JsonElement value) =>
        value.TryGetProperty("message_template_buttons", out var buttons) && buttons.ValueKind == JsonValueKind.Array
        ? BoundedJson.Of(buttons, TextUnitsMax, ButtonsBytesMax) : null;

    // What fails for one organization is carried out for the others all the same.
    private static async Task EachAloneAsync(IEnumerable<Guid> organizations, Func<Guid, Task> carryOut)
    {
        ExceptionDispatchInfo? failed = null;
        foreach (var organization in organizations)
        {
            try
            {
                await carryOut(organization);
            }
            catch (Exception e)
            {
                failed ??= ExceptionDispatchInfo.Capture(e);
            }
        }

        failed?.Throw();
    }

    private static string? Reason(JsonElement value) =>
        (MetaEnvelope.Child(value, "rejection_info") is { } info ? MetaEnvelope.Line(info, "reason", ReasonUnitsMax) : null)
        ?? (MetaEnvelope.Child(value, "other_info") is { } other ? MetaEnvelope.Line(other, "description", ReasonUnitsMax) : null)
        ?? MetaEnvelope.Line(value, "reason", ReasonUnitsMax);

    private async Task<string?> QualityAsync(MetaChange change, Journaled webhook, CancellationToken ct)
    {
        var owner = MetaEnvelope.Word(change.Value, "display_phone_number") is { } number
            ? await numbers.ByDisplayNumberAsync(number, change.EntryId, webhook.OrganizationId, ct) : null;
        if (owner is null)
        {
            return "unknown_number";
        }

        if (IsOld(webhook, owner))
        {
            return null;
        }

        var limit = MessagingLimits.Read(MetaEnvelope.Text(change.Value, "max_daily_conversations_per_business")
            ?? MetaEnvelope.Text(change.Value, "current_limit"));
        var quality =
            MetaEnvelope.Text(change.Value, "event") switch { "FLAGGED" or "DOWNGRADE" => "RED", "UNFLAGGED" or "UPGRADE" => "GREEN", _ =>
                null };
        await mediator.Send(new RecordNumberFacts(owner.OrganizationId, owner.AccountId, quality, limit)
        {
            HighThroughput = MetaEnvelope.Text(change.Value, "event") == "THROUGHPUT_UPGRADE",
        }, ct);
        return null;
    }

    // The limit is the portfolio's: it holds for every number of the WABA.
    private async Task<string?> CapabilityAsync(MetaChange change, Journaled webhook, CancellationToken ct)
    {
        var owners = await numbers.ByWabaAsync(change.EntryId, webhook.OrganizationId, ct);
        if (MessagingLimits.Read(MetaEnvelope.Text(change.Value, "max_daily_conversations_per_business")
            ?? MetaEnvelope.Text(change.Value, "max_daily_conversation_per_phone")) is { } limit)
        {
            foreach (var owner in owners.Where(o => !IsOld(webhook, o)))
            {
                await mediator.Send(new RecordNumberFacts(owner.OrganizationId, owner.AccountId, null, limit), ct);
            }
        }

        return owners.Count == 0 ? "unknown_number" : null;
    }

    // Without a number of ours in it, it concerns whoever has one of the WABA: ids are the portfolio's.
    private async Task<string?> UserIdsAsync(MetaChange change, Journaled webhook, CancellationToken ct)
    {
        var phoneNumberId = MetaEnvelope.Child(change.Value, "metadata") is { } metadata ? MetaEnvelope.Id(metadata, "phone_number_id")
            : null;
        var owners = phoneNumberId is null ? await OwnersAsync(change.EntryId, webhook, ct)
            : await numbers.ByPhoneNumberIdAsync(phoneNumberId, change.EntryId, webhook.OrganizationId, ct) is { } owner
            ? [owner.OrganizationId] : [];
        foreach (var (update, item) in MetaEnvelope.Items(change.Value, "user_id_update").Select((u, i) => (u, change.First + i)))
        {
            var phone = MetaEnvelope.Text(update, "wa_id");
            if (MetaEnvelope.Child(update, "user_id") is { } ids
                && MessagesField.Identity(null, MetaEnvelope.Text(ids, "current")) is { } after
                && MessagesField.Identity(phone, MetaEnvelope.Text(ids, "previous")) is { } before)
            {
                // The log keeps this proof readable: a hash, without the number.
                var proof = MetaEnvelope.Text(update, "timestamp") is { } at
                    ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{before.WaUserId}:{after.WaUserId}:{at}")))
                    : Told(webhook, item);
                var said = MetaEnvelope.Time(update, webhook.ReceivedAt) ?? webhook.ReceivedAt;
                await EachAloneAsync(owners, organization =>
                    mediator.Send(new ChangeContactIdentity(organization, before, after, "user_id_update", proof, said), ct));
            }
        }

        return owners.Count == 0 ? "unknown_number" : null;
    }

    private async Task<string?> PreferencesAsync(MetaChange change, Journaled webhook, CancellationToken ct)
    {
        var phoneNumberId = MetaEnvelope.Child(change.Value, "metadata") is { } metadata ? MetaEnvelope.Id(metadata, "phone_number_id")
            : null;
        var owner = phoneNumberId is null ? null
            : await numbers.ByPhoneNumberIdAsync(phoneNumberId, change.EntryId, webhook.OrganizationId, ct);
        if (owner is null)
        {
            return "unknown_number";
        }

        var nameless = false;
        foreach (var (preference, item) in MetaEnvelope.Items(change.Value, "user_preferences").Select((p, i) => (p, change.First + i)))
        {
            var (phone, user) = (MetaEnvelope.Text(preference, "wa_id"), MetaEnvelope.Text(preference, "user_id"));
            var value = MetaEnvelope.Text(preference, "value");
            var status = value switch { "stop" => "OPTED_OUT", "resume" => "OPTED_IN", _ => null };
            var person = MessagesField.Identity(phone, user);
            nameless |= person is null;
            if (status is not null && person is not null)
            {
                var said = MetaEnvelope.Time(preference, webhook.ReceivedAt);
                var contact = (await mediator.Send(new EnsureContacts(owner.OrganizationId, [person with { SaidAt = said }]), ct))[0];
                var proof = MetaEnvelope.Word(preference, "timestamp") is { } at ? MetaId.Of($"{phone ?? user}:{value}:{at}")
                    : Told(webhook, item);
                await mediator.Send(new ChangeContactConsent(owner.OrganizationId, contact.Id,
                    new(status, "user_preferences", proof)) { Once = true }, ct);
            }
        }

        return nameless ? "no_sender" : null;
    }

    // The news by its place in what was sent: a repeat has the same bytes, though another row of the journal.
    private static string Told(Journaled webhook, int item) => $"webhook/{webhook.BodySha256}/{item}";

    private async Task<IReadOnlyCollection<Guid>> OwnersAsync(string wabaId, Journaled webhook, CancellationToken ct) =>
        (await numbers.ByWabaAsync(wabaId, webhook.OrganizationId, ct)).Select(o => o.OrganizationId).ToHashSet();

    // It waited for the proof, at which Meta was asked for the number's facts: those are newer.
    private static bool IsOld(Journaled webhook, NumberOwner owner) => webhook.ReceivedAt < owner.ProvenAt;
}
