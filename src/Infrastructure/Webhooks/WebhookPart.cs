using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Bsp.Application.Webhooks;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>A webhook, or a part of one that was set aside, taken to be carried out; parsed as far as it can be.</summary>
/// <param name="Id">Row of the journal.</param>
/// <param name="OrganizationId">Set when it came to an organization's own address.</param>
internal sealed record Journaled(long Id, DateTime ReceivedAt, Guid? OrganizationId, string BodySha256, JsonElement Root)
{
    /// <summary>Which app's secret verified it: <c>app</c>, <c>app#2</c>, <c>organization</c>.</summary>
    public string SignedBy { get; init; } = "";

    /// <summary>Whose lane it stood in; all zeros: nobody's.</summary>
    public Guid Lane { get; init; }

    /// <summary>Who may have written what it brings (<see cref="WebhookLane.SendersOf"/>).</summary>
    public long Senders { get; init; }

    /// <summary>The row that it was set aside in; null: it comes from the inbox.</summary>
    public AsideRow? From { get; init; }

    public Evidence Evidence(JsonElement? item) => new(Id, BodySha256, item, SignedBy);
}

/// <param name="Attempts">Failed ones so far.</param>
internal sealed record AsideRow(long Id, int Attempts, DateTime SetAsideAt);

/// <summary>
/// One thing that a webhook says: an item of a change, or a change that has none. Stands alone: what becomes of it changes nothing for the
/// others.
/// </summary>
/// <param name="List">Member of the change's value that lists the item, <c>messages</c>; null: the change as a whole.</param>
/// <param name="Nth">The item's place in that list as Meta sent it.</param>
/// <param name="People">The change's contacts.</param>
internal sealed record WebhookPart(Journaled Webhook, MetaChange Change, string? List, int Nth, JsonElement Item, Lazy<People> People)
{
    /// <summary>Lists whose items stand alone.</summary>
    public static readonly string[] Lists = ["statuses", "messages", "user_preferences", "user_id_update", "message_echoes"];

    /// <summary>Items in one row of what is set aside, at most.</summary>
    public const int ItemsMax = 500;

    private const int BytesMax = 512 * 1024; // of one row, about; a larger item alone
    private const int PersonTextUnitsMax = 1_000;
    private const int PersonBytesMax = 4 * 1024;

    /// <summary>All parts of a webhook.</summary>
    public static IEnumerable<WebhookPart> Of(Journaled webhook) =>
        MetaEnvelope.Changes(webhook.Root).SelectMany(change => Of(webhook, change));

    /// <summary>How many parts it has.</summary>
    public static int Count(Journaled webhook) =>
        MetaEnvelope.Changes(webhook.Root).Sum(change => Math.Max(1, Lists.Sum(list => MetaEnvelope.Items(change.Value, list).Count())));

    /// <summary>The items of a change; the change itself when it lists none.</summary>
    public static IEnumerable<WebhookPart> Of(Journaled webhook, MetaChange change)
    {
        var any = false;
        var people = new Lazy<People>(() => Webhooks.People.Of(change.Value), LazyThreadSafetyMode.None);
        foreach (var list in Lists)
        {
            foreach (var (item, i) in MetaEnvelope.Items(change.Value, list).Select((item, i) => (item, i)))
            {
                any = true;
                yield return new(webhook, change, list, change.First + i, item, people);
            }
        }

        if (!any)
        {
            yield return new(webhook, change, null, 0, change.Value, people);
        }
    }

    /// <summary>Parts of one webhook, in their order, in rows.</summary>
    public static IEnumerable<IReadOnlyList<WebhookPart>> Rows(IEnumerable<WebhookPart> parts)
    {
        var row = new List<WebhookPart>();
        var bytes = 0L;
        foreach (var part in parts)
        {
            var size = JsonMarshal.GetRawUtf8Value(part.Item).Length;
            if (row.Count > 0 && (row.Count == ItemsMax || bytes + size > BytesMax))
            {
                yield return row;
                (row, bytes) = ([], 0);
            }

            row.Add(part);
            bytes += size;
        }

        if (row.Count > 0)
        {
            yield return row;
        }
    }

    /// <summary>In words: <c>messages[3]</c>, <c>statuses[0..499]</c>, <c>account_update</c>.</summary>
    public static string Name(IReadOnlyList<WebhookPart> row) => row[0].List is not { } list ? row[0].Change.Field
        : row.Count == 1 ? FormattableString.Invariant($"{list}[{row[0].Nth}]")
        : FormattableString.Invariant($"{list}[{row[0].Nth}..{row[^1].Nth}]");

    /// <summary>An envelope that says these parts and nothing else.</summary>
    public static byte[] Body(IReadOnlyList<WebhookPart> row)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("entry");
            for (var from = 0; from < row.Count;)
            {
                var to = from + 1;
                while (to < row.Count && row[to].Follows(row[to - 1]))
                {
                    to++;
                }

                WriteEntry(writer, [.. row.Skip(from).Take(to - from)]);
                from = to;
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private bool Follows(WebhookPart last) =>
        List is not null && last.List == List && ReferenceEquals(last.Change, Change) && Nth == last.Nth + 1;

    private static void WriteEntry(Utf8JsonWriter writer, IReadOnlyList<WebhookPart> items)
    {
        var (change, list) = (items[0].Change, items[0].List);
        writer.WriteStartObject();
        writer.WriteString("id", change.EntryId);
        writer.WriteStartArray("changes");
        writer.WriteStartObject();
        writer.WriteString("field", change.Field);
        writer.WriteNumber(MetaEnvelope.FirstName, items[0].Nth);
        writer.WritePropertyName("value");
        if (list is null)
        {
            change.Value.WriteTo(writer);
        }
        else
        {
            WriteValue(writer, items, list);
        }

        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    // Only what decides on the items, bounded: what surrounds them is written once for each row.
    private static void WriteValue(Utf8JsonWriter writer, IReadOnlyList<WebhookPart> items, string list)
    {
        writer.WriteStartObject();
        if (MetaEnvelope.Child(items[0].Change.Value, "metadata") is { } metadata
            && MetaEnvelope.Id(metadata, "phone_number_id") is { } number)
        {
            writer.WriteStartObject("metadata");
            writer.WriteString("phone_number_id", number);
            writer.WriteEndObject();
        }

        if (list == "messages")
        {
            WriteContacts(writer, items);
        }

        writer.WriteStartArray(list);
        foreach (var item in items)
        {
            item.Item.WriteTo(writer);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    // Those whom these items name. A person who stands alone is the sender of what names nobody: so they do not stand alone here unless
    // they did before.
    private static void WriteContacts(Utf8JsonWriter writer, IReadOnlyList<WebhookPart> items)
    {
        var people = items[0].People.Value;
        writer.WriteStartArray("contacts");
        foreach (var person in items.Select(item => people.Find(item.Item)).OfType<JsonElement>().DistinctBy(person => person.GetRawText()))
        {
            BoundedJson.Of(person, PersonTextUnitsMax, PersonBytesMax).WriteTo(writer);
        }

        for (var i = 0; people.Count > 1 && i < 2; i++)
        {
            writer.WriteStartObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}

/// <summary>The contacts of a value by their ids; the first of two with one id.</summary>
internal sealed class People
{
    private readonly Dictionary<string, JsonElement> byPhone = [];
    private readonly Dictionary<string, JsonElement> byUser = [];
    private JsonElement? first;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    public static People Of(JsonElement value)
    {
        var people = new People();
        foreach (var person in MetaEnvelope.Items(value, "contacts"))
        {
            people.first ??= person;
            people.Count++;
            if (MetaEnvelope.Text(person, "wa_id") is { } phone)
            {
                people.byPhone.TryAdd(phone, person);
            }

            if (MetaEnvelope.Text(person, "user_id") is { } user)
            {
                people.byUser.TryAdd(user, person);
            }
        }

        return people;
    }

    /// <summary>Who sent a message: whom it names, else the only one there is. Null: nobody here.</summary>
    public JsonElement? Find(JsonElement message) =>
        MetaEnvelope.Text(message, "from") is { } phone && byPhone.TryGetValue(phone, out var person) ? person
        : MetaEnvelope.Text(message, "from_user_id") is { } user && byUser.TryGetValue(user, out person) ? person
        : Count == 1 ? first : null;
}
