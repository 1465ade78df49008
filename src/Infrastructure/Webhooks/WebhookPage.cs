using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Messages;
using Bsp.Application.Webhooks;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Redis;
using MediatR;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>Why a part of a webhook had no effect; the raw bytes stay in the journal.</summary>
/// <param name="Reason"><c>not_json</c>, <c>no_envelope</c>, <c>unknown_number</c>, <c>unhandled_field</c>, <c>failed</c>, <c>gone</c>.</param>
internal sealed record WebhookNote(Journaled Webhook, string? Field, string Reason, string? Detail)
{
    /// <summary>What must be proven so that it can be carried out; null: it waits for nothing.</summary>
    public AwaitedNumber? WaitsFor { get; init; }
}

/// <summary>The number or WABA that a webhook is for and that nobody has proven to have.</summary>
internal sealed record AwaitedNumber(string? PhoneNumberId, string WabaId, string? DisplayDigits)
{
    private const int IdCharsMax = 64;

    /// <summary>Null when it names nothing that could ever be somebody's.</summary>
    public static AwaitedNumber? Of(MetaChange change)
    {
        var phone = MetaEnvelope.Child(change.Value, "metadata") is { } metadata ? MetaEnvelope.Text(metadata, "phone_number_id") : null;
        var shown = phone is null && MetaEnvelope.Text(change.Value, "display_phone_number") is { } number ? NumberDirectory.Digits(number) : null;
        return change.EntryId.Length > IdCharsMax || phone?.Length > IdCharsMax || shown?.Length > IdCharsMax || (phone ?? shown ?? change.EntryId).Length == 0 ? null : new(phone, change.EntryId, shown);
    }
}

/// <summary>
/// Carries out what a page of webhooks says, organization by organization. Harmless to repeat: what was done already the log knows. The marks in Redis are written for whoever looks on from outside and never
/// asked, because whoever can write there could have a customer's STOP passed over.
/// </summary>
internal sealed class WebhookPage(IMediator mediator, NumberDirectory numbers, WebhookMarks marks, ParkedStatuses parked, OtherFields others)
{
    private readonly Dictionary<Guid, List<StatusItem>> statuses = [];
    private readonly Dictionary<Guid, List<InboundItem>> messages = [];
    private readonly List<ChangeContactIdentity> identities = [];
    private readonly List<(MetaChange Change, Journaled Webhook)> rest = [];

    /// <summary>What could not be understood or routed.</summary>
    public List<WebhookNote> Notes { get; } = [];

    public async Task ProcessAsync(IReadOnlyList<Journaled> webhooks, CancellationToken ct)
    {
        foreach (var webhook in webhooks)
        {
            await SortAsync(webhook, ct);
        }

        foreach (var (organization, items) in statuses)
        {
            foreach (var chunk in items.Chunk(MessageLedger.MessagesMax))
            {
                await RecordAsync(organization, chunk, ct);
            }
        }

        foreach (var (organization, items) in messages)
        {
            await ReceiveAsync(organization, items, ct);
        }

        // After the messages, by which the person may be known only now.
        foreach (var news in identities)
        {
            using var _ = Request("identity");
            await mediator.Send(news, ct);
        }

        foreach (var (change, webhook) in rest)
        {
            using var _ = Request(webhook.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            if (await others.HandleAsync(change, webhook, ct) is { } reason)
            {
                Notes.Add(await NoteAsync(webhook, change, reason, null, ct));
            }
        }
    }

    private async Task SortAsync(Journaled webhook, CancellationToken ct)
    {
        if (webhook.Root.ValueKind != JsonValueKind.Object)
        {
            Notes.Add(new(webhook, null, "not_json", "The body is not a JSON object."));
            return;
        }

        var changes = 0;
        foreach (var change in MetaEnvelope.Changes(webhook.Root))
        {
            changes++;
            if (change.Field == "messages")
            {
                await SortMessagesAsync(webhook, change, ct);
            }
            else
            {
                rest.Add((change, webhook));
            }
        }

        if (changes == 0)
        {
            Notes.Add(new(webhook, null, "no_envelope", "There is no entry with changes in it."));
        }
    }

    private async Task SortMessagesAsync(Journaled webhook, MetaChange change, CancellationToken ct)
    {
        var phoneNumberId = MetaEnvelope.Child(change.Value, "metadata") is { } metadata ? MetaEnvelope.Text(metadata, "phone_number_id") : null;
        var owner = phoneNumberId is null ? null : await numbers.ByPhoneNumberIdAsync(phoneNumberId, change.EntryId, webhook.OrganizationId, ct);
        if (owner is null)
        {
            Notes.Add(await NoteAsync(webhook, change, "unknown_number", phoneNumberId, ct));
            return;
        }

        List(statuses, owner.OrganizationId).AddRange(MessagesField.Statuses(webhook, change.Value));
        identities.AddRange(MessagesField.IdentityNews(webhook, change.Value, owner.OrganizationId));
        List(messages, owner.OrganizationId).AddRange(MessagesField.Messages(webhook, change.Value, owner));
    }

    // What is for a number that nobody has proven waits for the proof; the raw bytes lie in the journal.
    private async Task<WebhookNote> NoteAsync(Journaled webhook, MetaChange change, string reason, string? detail, CancellationToken ct)
    {
        var awaited = reason == "unknown_number" ? AwaitedNumber.Of(change) : null;
        var settled = awaited is null || await numbers.IsSettledAsync(awaited.PhoneNumberId, awaited.WabaId, awaited.DisplayDigits, webhook.OrganizationId, ct);
        return new(webhook, change.Field, reason, detail) { WaitsFor = settled ? null : awaited };
    }

    private async Task RecordAsync(Guid organization, IReadOnlyList<StatusItem> items, CancellationToken ct)
    {
        if (items.Count == 0)
        {
            return;
        }

        using var _ = Request("statuses");
        var recorded = await mediator.Send(new RecordStatuses(organization, items), ct);
        await parked.ParkAsync(organization, recorded.Unknown, ct);
        await marks.MarkDoneAsync(organization, [.. items.Select(Mark)], ct);
    }

    private async Task ReceiveAsync(Guid organization, IReadOnlyList<InboundItem> items, CancellationToken ct)
    {
        if (items.Count == 0)
        {
            return;
        }

        using var _ = Request("inbound");
        await mediator.Send(new ReceiveMessages(organization, items), ct);
        await marks.MarkDoneAsync(organization, [.. items.Select(i => i.Wamid)], ct);
    }

    // A repeated status with another time is another fact, so the time belongs to the mark.
    private static string Mark(StatusItem item) => $"{item.Said.Wamid}:{item.Said.Status}:{item.Said.At.ToUnixTimeSeconds()}";

    private static IDisposable Request(string part) => new CurrentRequest { CorrelationId = $"webhook/{part}", Caller = "meta" }.Enter();

    private static List<T> List<T>(Dictionary<Guid, List<T>> lists, Guid key) => lists.TryGetValue(key, out var list) ? list : lists[key] = [];
}
