using System.Diagnostics;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Messages;
using Bsp.Application.Webhooks;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using MediatR;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>The number or WABA that a webhook is for and that nobody has proven to have.</summary>
internal sealed record AwaitedNumber(string? PhoneNumberId, string WabaId, string? DisplayDigits)
{
    private const int IdCharsMax = 64;

    /// <summary>Null when it names nothing that could ever be somebody's.</summary>
    public static AwaitedNumber? Of(MetaChange change)
    {
        var phone = MetaEnvelope.Child(change.Value, "metadata") is { } metadata ? MetaEnvelope.Id(metadata, "phone_number_id") : null;
        var shown = phone is null && MetaEnvelope.Id(change.Value, "display_phone_number") is { } number ? NumberDirectory.Digits(number)
            : null;
        return change.EntryId.Length > IdCharsMax || phone?.Length > IdCharsMax || shown?.Length > IdCharsMax
            || (phone ?? shown ?? change.EntryId).Length == 0 ? null : new(phone, change.EntryId, shown);
    }
}

/// <summary>Parts of one webhook that are set aside in one row.</summary>
/// <param name="Error">Null: postponed, nothing is wrong with them.</param>
/// <param name="Passes">A store was away: tried again for as long as it is kept, ever more slowly.</param>
internal sealed record SetAside(IReadOnlyList<WebhookPart> Parts, string? Error, bool Passes = false);

/// <summary>
/// Carries out what a page of webhooks says, organization by organization, who says least first. Harmless to repeat. Each item stands
/// alone: what fails is halved until the bad item is
/// found, which is set aside; so is what exceeds an organization's share of a page. Trouble of a store fails the page, unless it is
/// <paramref name="patient"/>.
/// The marks in Redis are written for whoever looks on from outside and never asked, because whoever can write there could have a
/// customer's STOP passed over.
/// </summary>
/// <param name="patient">False: the page failed so often that trouble of a store may be one organization's (its shard is away), or the
/// item's own after
/// all: it is set aside like any other failure.</param>
internal sealed class WebhookPage(IMediator mediator, NumberDirectory numbers, WebhookMarks marks, ParkedStatuses parked,
    NonMessageFields others, FairShare fair, bool patient)
{
    /// <summary>Failed attempts of one organization in a page; what is left of it then is postponed.</summary>
    internal const int FailuresMax = 40;

    // Each takes some round trips; all of them are bounded by the sum of a page's items.
    private const int MessagesMax = 500;

    // What follows from a customer's message in views, search and processes, about; what follows from a status is a tenth of it.
    private static readonly TimeSpan WorkBehindMessage = TimeSpan.FromMilliseconds(1);

    private readonly Dictionary<Guid, Share> shares = [];

    // What one organization has in the page.
    private sealed class Share(Guid organizationId)
    {
        public Guid OrganizationId => organizationId;
        public List<(WebhookPart Part, StatusItem Said)> Statuses { get; } = [];
        public List<(WebhookPart Part, InboundItem Said)> Messages { get; } = [];
        public List<(WebhookPart Part, InboundItem Said)> Notices { get; } = [];
        public List<(WebhookPart Part, ChangeContactIdentity Said)> Identities { get; } = [];
        public List<(WebhookPart Part, MetaChange Said)> Rest { get; } = [];
        public int Failures { get; set; }
        public int Count => Statuses.Count + Messages.Count + Notices.Count + Identities.Count + Rest.Count;
    }

    /// <summary>What could not be understood or routed.</summary>
    public WebhookNotes Notes { get; } = new();

    /// <summary>What was not carried out.</summary>
    public List<SetAside> Aside { get; } = [];

    public async Task ProcessAsync(IReadOnlyList<Journaled> webhooks, CancellationToken ct)
    {
        foreach (var webhook in webhooks)
        {
            await SortAsync(webhook, ct);
        }

        foreach (var share in shares.Values.OrderBy(s => s.Count))
        {
            var began = Stopwatch.GetTimestamp();
            try
            {
                await CarryOutAsync(share, ct);
            }
            finally
            {
                fair.Used(share.OrganizationId, Stopwatch.GetElapsedTime(began) + (share.Messages.Count * WorkBehindMessage));
            }
        }
    }

    /// <summary>Says nothing about the webhook. A session that PostgreSQL ended (57P01 …) is not "transient" to Npgsql.</summary>
    internal static bool IsAway(Exception e) => StoreTrouble.Is(e) || Unreachable.Is(e);

    private async Task CarryOutAsync(Share share, CancellationToken ct)
    {
        foreach (var chunk in share.Statuses.Chunk(MessageLedger.MessagesMax))
        {
            await EachAloneAsync(share, chunk, items => RecordAsync(share.OrganizationId, items, ct), ct);
        }

        foreach (var chunk in share.Messages.Chunk(MessagesMax))
        {
            await EachAloneAsync(share, chunk, items => ReceiveAsync(share.OrganizationId, items, ct), ct);
        }

        // After the messages, by which the person may be known only now.
        foreach (var notice in share.Notices)
        {
            await EachAloneAsync(share, [notice], items => ReceiveAsync(share.OrganizationId, items, ct), ct);
        }

        foreach (var news in share.Identities)
        {
            await EachAloneAsync(share, [news], async items =>
            {
                using var _ = Request("identity");
                await mediator.Send(items[0], ct);
            }, ct);
        }

        foreach (var change in share.Rest)
        {
            await EachAloneAsync(share, [change], items => HandleAsync(change.Part, items[0], ct), ct);
        }
    }

    private async Task EachAloneAsync<T>(Share share, IReadOnlyList<(WebhookPart Part, T Said)> items,
        Func<IReadOnlyList<T>, Task> carryOut, CancellationToken ct)
    {
        if (share.Failures >= FailuresMax)
        {
            Postpone(items.Select(i => i.Part));
            return;
        }

        try
        {
            await carryOut([.. items.Select(i => i.Said)]);
        }
        catch (Exception failed) when (!ct.IsCancellationRequested && !(patient && IsAway(failed)))
        {
            share.Failures++;
            if (items.Count == 1)
            {
                Aside.Add(new([items[0].Part], ErrorOf(failed), IsAway(failed)));
            }
            else
            {
                await EachAloneAsync(share, [.. items.Take(items.Count / 2)], carryOut, ct);
                await EachAloneAsync(share, [.. items.Skip(items.Count / 2)], carryOut, ct);
            }
        }
    }

    /// <summary>Puts parts of one or more webhooks aside untried.</summary>
    public void Postpone(IEnumerable<WebhookPart> parts) =>
        Aside.AddRange(parts.GroupBy(p => p.Webhook).SelectMany(WebhookPart.Rows).Select(row => new SetAside(row, null)));

    private static string ErrorOf(Exception failed) => Text.Cut($"{failed.GetType().Name}: {failed.Message}", WebhookNotes.DetailUnitsMax);

    // Also what cannot even be sorted costs nobody else anything.
    private async Task SortAsync(Journaled webhook, CancellationToken ct)
    {
        if (webhook.Root.ValueKind != System.Text.Json.JsonValueKind.Object)
        {
            Notes.Add(webhook, null, "not_json", "The body is not a JSON object.");
            return;
        }

        var changes = 0;
        foreach (var change in MetaEnvelope.Changes(webhook.Root))
        {
            changes++;
            try
            {
                await SortAsync(webhook, change, ct);
            }
            catch (Exception failed) when (!ct.IsCancellationRequested && !IsAway(failed))
            {
                Aside.AddRange(WebhookPart.Rows(WebhookPart.Of(webhook, change)).Select(row => new SetAside(row, ErrorOf(failed))));
            }
        }

        if (changes == 0)
        {
            Notes.Add(webhook, null, "no_envelope", "There is no entry with changes in it.");
        }
    }

    private async Task SortAsync(Journaled webhook, MetaChange change, CancellationToken ct)
    {
        if (change.Field != "messages")
        {
            // Whose it is shows only when it is carried out: the lane stands for the organization.
            var rest = Of(webhook.OrganizationId ?? webhook.Lane).Rest;
            rest.AddRange(WebhookPart.Of(webhook, change).Select(part => (part, part.List is null ? change : Alone(part))));
            return;
        }

        var phoneNumberId = MetaEnvelope.Child(change.Value, "metadata") is { } metadata ? MetaEnvelope.Id(metadata, "phone_number_id")
            : null;
        var owner = phoneNumberId is null ? null
            : await numbers.ByPhoneNumberIdAsync(phoneNumberId, change.EntryId, webhook.OrganizationId, ct);
        if (owner is null)
        {
            await NoteAsync(webhook, change, "unknown_number", phoneNumberId, ct);
            return;
        }

        foreach (var part in WebhookPart.Of(webhook, change))
        {
            try
            {
                Sort(Of(owner.OrganizationId), part, owner);
                if (part.List == "messages" && MessagesField.IsNameless(part))
                {
                    Notes.Add(webhook, change.Field, "no_sender",
                        "A message names no sender: neither a user id nor a number made of digits.");
                }
            }
            catch (Exception failed) when (!IsAway(failed))
            {
                Aside.Add(new([part], ErrorOf(failed)));
            }
        }
    }

    private static void Sort(Share share, WebhookPart part, NumberOwner owner)
    {
        if (part.List == "statuses" && MessagesField.Status(part) is { } status)
        {
            share.Statuses.Add((part, status));
        }
        else if (part.List == "messages")
        {
            var news = MessagesField.IdentityNews(part, owner.OrganizationId);
            var message = MessagesField.Message(part, owner, news);
            if (news is not null && message?.News is null)
            {
                share.Identities.Add((part, news));
            }

            if (message is not null)
            {
                (InboundKind.IsNotice(message.Type) ? share.Notices : share.Messages).Add((part, message));
            }
        }
    }

    private static MetaChange Alone(WebhookPart part) => MetaEnvelope.Changes(ReadableJson.Parse(WebhookPart.Body([part]))).Single();

    private async Task HandleAsync(WebhookPart part, MetaChange change, CancellationToken ct)
    {
        using var _ = Request(part.Webhook.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
        if (await others.HandleAsync(change, part.Webhook, ct) is { } reason)
        {
            await NoteAsync(part.Webhook, change, reason, null, ct);
        }
    }

    // What is for a number that nobody has proven waits for the proof; the raw bytes lie in the journal.
    private async Task NoteAsync(Journaled webhook, MetaChange change, string reason, string? detail, CancellationToken ct)
    {
        var awaited = reason == "unknown_number" ? AwaitedNumber.Of(change) : null;
        var settled = awaited is null
            || await numbers.IsSettledAsync(awaited.PhoneNumberId, awaited.WabaId, awaited.DisplayDigits, webhook.OrganizationId, ct);
        Notes.Add(webhook, change.Field, reason, detail, settled ? null : awaited);
    }

    private async Task RecordAsync(Guid organization, IReadOnlyList<StatusItem> items, CancellationToken ct)
    {
        using var _ = Request("statuses");
        var recorded = await mediator.Send(new RecordStatuses(organization, items), ct);
        await parked.ParkAsync(organization, recorded.Unknown, ct);
        await marks.MarkDoneAsync(organization, [.. items.Select(Mark)], ct);
    }

    private async Task ReceiveAsync(Guid organization, IReadOnlyList<InboundItem> items, CancellationToken ct)
    {
        using var _ = Request("inbound");
        await mediator.Send(new ReceiveMessages(organization, items), ct);
        await marks.MarkDoneAsync(organization, [.. items.Select(i => i.Wamid)], ct);
    }

    // A repeated status with another time is another fact, so the time belongs to the mark.
    private static string Mark(StatusItem item) => $"{item.Said.Wamid}:{item.Said.Status}:{item.Said.At.ToUnixTimeSeconds()}";

    private static IDisposable Request(string part) => new CurrentRequest { CorrelationId = $"webhook/{part}", Caller = "meta" }.Enter();

    private Share Of(Guid organizationId) =>
        shares.TryGetValue(organizationId, out var share) ? share : shares[organizationId] = new(organizationId);
}
