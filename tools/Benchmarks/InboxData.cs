using System.Globalization;
using System.Text;
using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Benchmarks;

/// <summary>Sealing without keys: what is measured is the views, not AES.</summary>
internal sealed class Unsealed : IPersonalData
{
    public void Forget(Guid organizationId, Guid contactId)
    {
    }

    public static Sealed Seal(string text) => new(Guid.Empty, Convert.ToBase64String(Encoding.UTF8.GetBytes(text)));

    public Task<IReadOnlyList<Sealed>> SealAsync(Guid organizationId, IReadOnlyList<(Guid ContactId, string Text)> texts,
        CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<Sealed>>([.. texts.Select(t => Seal(t.Text))]);

    public Task<IReadOnlyList<string?>> OpenAsync(Guid organizationId, IReadOnlyList<Sealed> data, CancellationToken ct) =>
        Task.FromResult<IReadOnlyList<string?>>([.. data.Select(d => Encoding.UTF8.GetString(Convert.FromBase64String(d.Data)))]);
}

/// <summary>
/// Conversations in seven languages: most messages of customers, a window event for each; answers of ours, whose statuses come while 300
/// other messages do; a quarter of it in the largest of fifty organizations.
/// </summary>
internal sealed class InboxData(int messages, int conversations)
{
    private const int Organizations = 50;
    private const int UnderWay = 100; // answers whose statuses are still to come
    private static readonly string[][] Words =
    [
        ["order", "delivery", "where", "is", "the", "parcel", "please", "tomorrow", "refund", "invoice", "thanks", "address"],
            ["pedido", "entrega", "dónde", "está", "el", "paquete", "gracias", "mañana", "factura"],
        ["commande", "livraison", "où", "est", "le", "colis", "merci", "demain", "facture"],
        ["طلب", "توصيل", "أين", "هو", "الطرد", "شكرا", "غدا", "فاتورة"], ["ऑर्डर", "डिलीवरी", "कहाँ", "है", "पार्सल", "धन्यवाद", "कल"],
        ["pedido", "entrega", "onde", "está", "o", "pacote", "obrigado", "amanhã"],
        ["pesanan", "pengiriman", "di", "mana", "paket", "terima", "kasih", "besok"],
    ];

    private static readonly DateTimeOffset Start = new(2026, 10, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly Random random = new(7);
    private readonly Queue<(Guid Organization, MessageRef Of)> sent = [];
    private readonly Guid[] ids = [.. Enumerable.Range(0, Organizations).Select(_ => Guid.NewGuid())];

    public IReadOnlyList<Guid> All => ids;

    public Guid Largest => ids[0];

    /// <summary>Events of the log, page by page.</summary>
    public IEnumerable<EventPage> Pages(Shard shard, int size)
    {
        var (sequence, after) = (0L, 0L);
        var page = new List<StoredEvent>(size);
        for (var n = 0; n < messages; n++)
        {
            foreach (var (stream, body) in Message(n))
            {
                page.Add(new(++sequence, Guid.NewGuid(), OrganizationOf(ConversationOf(n)), stream,
                    body is MessageReceived or MessageQueued ? 1 : 2, EventTypes.NameOf(body), body, Start.AddSeconds(n),
                    EventMetadata.None));
            }

            foreach (var (organization, of, body) in Statuses(n))
            {
                page.Add(new(++sequence, Guid.NewGuid(), organization, of.MessageId, 3, EventTypes.NameOf(body), body,
                    Start.AddSeconds(n), EventMetadata.None));
            }

            if (page.Count >= size || n == messages - 1)
            {
                yield return new(shard, after, sequence, page);
                (page, after) = (new(size), sequence);
            }
        }
    }

    private int ConversationOf(int n) => (int)((uint)n * 2_654_435_761u % (uint)conversations);

    private Guid OrganizationOf(int conversation) => ids[conversation % 4 == 0 ? 0 : 1 + (conversation % (Organizations - 1))];

    private static Guid Id(string kind, int n)
    {
        Span<byte> hash = stackalloc byte[32];
        System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{kind}{n}")),
            hash);
        return new(hash[..16]);
    }

    private IEnumerable<(Guid Stream, object Body)> Message(int n)
    {
        var conversation = ConversationOf(n);
        var (account, contact) = (Id("account", OrganizationOf(conversation).GetHashCode() & 0xFF), Id("contact", conversation));
        var of = new MessageRef(Guid.NewGuid(), account, contact, Uuid.Conversation(account, contact), null, "text", n % 3 == 2
            ? "outbound" : "inbound");
        var (at, phone) = (Start.AddSeconds(n), string.Create(CultureInfo.InvariantCulture, $"9198{conversation:D8}"));
        if (n % 3 == 2)
        {
            sent.Enqueue((OrganizationOf(conversation), of));
            yield return (of.MessageId,
                new MessageQueued(of, null,
                    Unsealed.Seal(JsonSerializer.Serialize(new { to = "+" + phone, type = "text", text = new { body = Text(n) } })),
                    new("inbox", Id("user", n % 20), null, false), at));
            yield break;
        }

        var item = JsonSerializer.Serialize(
            new { message = new { from = phone, id = $"wamid.{n}", type = "text", text = new { body = Text(n) } },
                profile = new { name = $"Asha Rao {conversation}" }, wa_id = "+" + phone });
        yield return (of.MessageId, new MessageReceived(of, $"wamid.{n}", Unsealed.Seal(item), false, null, at));
        yield return (of.ConversationId, new CustomerWindowOpened(of.ConversationId, account, contact, at.AddHours(24), at));
    }

    private IEnumerable<(Guid Organization, MessageRef Of, object Body)> Statuses(int n)
    {
        while (sent.Count > UnderWay)
        {
            var (organization, of) = sent.Dequeue();
            var at = Start.AddSeconds(n);
            yield return (organization, of, new MessageSent(of, false, null, at));
            yield return (organization, of, new MessageDelivered(of, false, at, null, null, at.AddSeconds(2)));
            yield return (organization, of, new MessageRead(of, at.AddSeconds(2), null, at.AddSeconds(30)));
        }
    }

    private string Text(int n)
    {
        var words = Words[n % Words.Length];
        var text = new StringBuilder();
        while (text.Length < 50)
        {
            text.Append(words[random.Next(words.Length)]).Append(' ');
        }

        return text.Append(CultureInfo.InvariantCulture, $"ORD-{n:D7}").ToString();
    }
}
