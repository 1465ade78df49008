using System.Text;
using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;

namespace Bsp.IntegrationTests.Views;

/// <summary>
/// A log as the real aggregate writes it: messages sent, refused, lost, settled, reported on in any order, doubled and contradicted. Same
/// seed, same log.
/// </summary>
internal sealed class RandomLog
{
    private static readonly DateTimeOffset Start = new(2026, 6, 1, 22, 0, 0, TimeSpan.Zero); // the day ends in the middle
    private readonly Random random;
    private readonly List<(Guid Stream, object Body)> facts = [];
    private readonly Dictionary<Guid, long> versions = [];

    public RandomLog(int seed, Guid organizationId, int messages = 120)
    {
        random = new Random(seed);
        OrganizationId = organizationId;
        Campaigns = [Id(), Id()];
        Accounts = [Id(), Id()];
        Contacts = [.. Enumerable.Range(0, Math.Max(messages / 4, 1)).Select(_ => Id())];
        foreach (var campaign in Campaigns)
        {
            Add(campaign,
                new CampaignCreated(campaign, "c", null, "BROADCAST", Id(), Accounts[0],
                    JsonSerializer.SerializeToElement(new { all = true }), null, Start));
            Add(campaign, new CampaignAudienceFrozen(campaign, messages, Start));
        }

        var queues = Enumerable.Range(0, messages).Select(_ => new Queue<Func<IReadOnlyList<object>>>(Life())).ToList();
        while (queues.Count > 0)
        {
            var own = queues[random.Next(queues.Count)];
            var events = own.Dequeue()();
            foreach (var body in events)
            {
                Add(((MessageEvent)body).Ref.MessageId, body);
            }

            queues.RemoveAll(q => q.Count == 0);
        }

        var sequence = 0L;
        Events = [.. facts.Select(f => Stored(sequence += random.Next(1, 4), f.Stream, f.Body))];
    }

    public Guid OrganizationId { get; }

    public Guid[] Campaigns { get; }

    public Guid[] Accounts { get; }

    public Guid[] Contacts { get; }

    public IReadOnlyList<StoredEvent> Events { get; }

    /// <summary>Where each message stands by the aggregate itself.</summary>
    public IEnumerable<Message> Ends => Events.Where(e => e.Body is MessageEvent).GroupBy(e => e.StreamId)
        .Select(s => s.Aggregate(Message.Initial, (state, e) => Message.Evolve(state, (MessageEvent)e.Body!)));

    private Guid Id()
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes);
    }

    private void Add(Guid stream, object body) => facts.Add((stream, body));

    private StoredEvent Stored(long sequence, Guid stream, object body)
    {
        var version = versions[stream] = versions.GetValueOrDefault(stream) + 1;
        return new(sequence, Id(), OrganizationId, stream, version, EventTypes.NameOf(body), body, Start.AddMilliseconds(sequence * 10),
            EventMetadata.None);
    }

    /// <summary>The steps of one message, each deciding on what became of those before.</summary>
    private List<Func<IReadOnlyList<object>>> Life()
    {
        var contact = Contacts[random.Next(Contacts.Length)];
        var account = Accounts[random.Next(Accounts.Length)];
        var inbound = random.Next(5) == 0;
        var reference =
            new MessageRef(Id(), account, contact, Uuid.Conversation(account, contact), inbound || random.Next(4) == 0 ? null
                : Campaigns[random.Next(2)],
            random.Next(6) == 0 ? "sticker" : inbound ? "text" : "template", inbound ? "inbound" : "outbound");
        var state = Message.Initial;
        var at = Start.AddMilliseconds(random.Next(4 * 3_600_000));
        var wamid = "wamid." + reference.MessageId.ToString("N");
        IReadOnlyList<object> Do(Func<Message, DateTimeOffset, MessageEvent[]> decide)
        {
            at = at.AddMilliseconds(random.Next(1, 90_000));
            var events = decide(state, at);
            state = events.Aggregate(state, Message.Evolve);
            return events;
        }

        if (inbound)
        {
            var content =
                Plain.Seal($$"""{"message":{"from":"4915100000{{random.Next(1000, 9999)}}","id":"{{wamid}}","type":"text","text":{"body":"hello {{random.Next(100)}}"} },"profile":{"name":"Ann"},"wa_id":"49151"}""");
            var (received, fresh) = (at, random.Next(3) == 0);
            List<Func<IReadOnlyList<object>>> own =
                [() => Do((s, t) => Message.Receive(s, reference, wamid, content, fresh, Item("received", t), received = t))];
            if (random.Next(2) == 0)
            {
                own.Add(() => Do((_, t) => [Analysed(reference, received, fresh, t)]));
                own.Add(() => Do((_, t) => random.Next(2) == 0 ? []
                    : [new MessageAutoReplied(reference, Guid.Empty, Plain.Seal("Certainly."), 0.4m, received, fresh, t)]));
            }

            return own;
        }

        if (random.Next(10) == 0)
        {
            return [() => Do((s, t) => Message.Skip(s, reference, "no_consent", t))];
        }

        var steps = new List<Func<IReadOnlyList<object>>>
        {
            () => Do((s, t) =>
                Message.Queue(s, reference, new(Guid.Empty, "welcome", "en", "MARKETING"),
                    Plain.Seal("""{"to":"+4915112345678","type":"template","template":{"name":"welcome","language":{"code":"en"},"components":[{"type":"body"}]}}"""), new("campaign", null, null, true), t)),
        };
        if (random.Next(8) == 0)
        {
            steps.Add(() => Do((s, t) => Message.Defer(s, Wait.Limit, t.AddHours(1), t)));
        }

        if (random.Next(12) == 0)
        {
            steps.Add(() => Do((s, t) => Message.Cancel(s, "campaign", t)));
        }

        while (random.Next(6) == 0)
        {
            steps.Add(() => Do((s, t) => Message.Begin(s, Guid.Empty, t)));
            steps.Add(() => Do((s, t) => Message.Refuse(s, true, 130429, "rate", null, t, t)));
        }

        steps.Add(() => Do((s, t) => Message.Begin(s, Guid.Empty, t)));
        steps.Add((random.Next(8)) switch
        {
            0 => () => Do((s, t) => Message.Refuse(s, false, 131026, "undeliverable", "why", t, t)),
            1 => () => Do((s, t) => Message.LoseTrack(s, "timeout", t.AddDays(1), t)),
            _ => () => Do((s, t) => Message.Accept(s, wamid, false, t)),
        });
        if (random.Next(3) == 0)
        {
            // an answer that is recorded after the message was written off: for good, for now, or Meta's cap on the person
            var (retryable, code) = (random.Next(2) == 0, random.Next(2) == 0 ? 130429 : Wait.UserCapCode);
            steps.Add(() => Do((s, t) => s.Phase == MessagePhase.Unknown ? Message.Refuse(s, retryable, code, "late", null, t, t) : []));
            steps.Add(() => Do((s, t) => Message.Begin(s, Guid.Empty, t)));
            steps.Add(() => Do((s, t) => Message.Accept(s, wamid + "2", false, t)));
        }

        for (var i = random.Next(6); i > 0; i--)
        {
            var status = new[] { "sent", "delivered", "read", "failed", "delivered", "warped" }[random.Next(6)];
            var early = random.Next(4) == 0 ? random.Next(1, steps.Count + 1) : steps.Count;
            steps.Insert(early, () =>
                Do((s, t) =>
                    Message.Report(s, new(status, wamid, t,
                    status == "failed" ? random.Next(2) == 0 ? 131047 : Wait.UserCapCode : null, "title", "details", Item(status, t)))));
        }

        if (random.Next(3) == 0)
        {
            steps.Add(() => Do((s, t) => Message.CloseUnknown(s, "deadline", t)));
            steps.Add(() => Do((s, t) => Message.Expire(s, t)));
        }

        if (random.Next(3) == 0)
        {
            steps.Add(() => Do((s, t) => Message.Report(s, new("delivered", wamid, t, null, null, null, Item("delivered", t)))));
        }

        return steps;
    }

    private static MessageAnalysed Analysed(MessageRef reference, DateTimeOffset received, bool fresh, DateTimeOffset at) =>
        new(reference, "en", "positive", 0.4m, "greeting", 0.8m,
            Plain.Seal("""{"summary":"They greet.","suggested_replies":["Hello!"]}"""), Guid.Empty,
            new("openai", "m", "0123456789abcdef", 30, 12, 5, 0.001m, "USD"), null, received, fresh, at);

    private Evidence Item(string status, DateTimeOffset at) =>
        new(random.Next(1000), new string('a', 64), JsonSerializer.SerializeToElement(new Dictionary<string, object?>
    {
        ["id"] = "wamid.x", ["status"] = status, ["timestamp"] = at.ToUnixTimeSeconds()
            .ToString(System.Globalization.CultureInfo.InvariantCulture),
        ["pricing"] = new { billable = true, pricing_model = "PMP", category = "marketing", type = "regular" },
        ["conversation"] = random.Next(8) == 0 ? new { id = "conv-" + random.Next(5) } : null,
    }));
}

/// <summary>Sealing as the port asks for, without keys: base64.</summary>
internal sealed class Plain : IPersonalData
{
    public void Forget(Guid organizationId, Guid contactId)
    {
    }

    public static Sealed Seal(string text) => new(Guid.Empty, Convert.ToBase64String(Encoding.UTF8.GetBytes(text)));

    public Task<IReadOnlyList<Sealed>> SealAsync(Guid organizationId, IReadOnlyList<(Guid ContactId, string Text)> texts,
        CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<Sealed>>([.. texts.Select(t => Seal(t.Text))]);

    public Task<IReadOnlyList<string?>> OpenAsync(Guid organizationId, IReadOnlyList<Sealed> data, CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<string?>>(
            [.. data.Select(d => d.IsRetired ? null : Encoding.UTF8.GetString(Convert.FromBase64String(d.Data)))]);
}
