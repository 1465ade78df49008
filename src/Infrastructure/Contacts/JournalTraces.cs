using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Bsp.Infrastructure.Webhooks;

namespace Bsp.Infrastructure.Contacts;

/// <summary>What of a webhook is an organization's: Meta's ids of its numbers and of their WABAs.</summary>
internal sealed record OwnIds(IReadOnlySet<string> PhoneNumberIds, IReadOnlySet<string> WabaIds)
{
    /// <summary>
    /// A change names the number it is about, else it concerns the whole WABA of its entry (which may have numbers of several
    /// organizations).
    /// </summary>
    public bool Has(JsonObject entry, JsonObject change) =>
        Text((change["value"] as JsonObject)?["metadata"] is JsonObject metadata ? metadata["phone_number_id"] : null) is { } number
        ? PhoneNumberIds.Contains(number)
        : Text(entry["id"]) is { } waba && WabaIds.Contains(waba);

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}

/// <summary>
/// A person's parts of the raw webhooks: shown to them, or cut out. What other people wrote in the same webhook stays and can be replayed.
/// One body may hold entries of several
/// organizations, to which the same person may write: only the asking organization's own changes are looked into.
/// </summary>
public sealed class JournalTraces(Shards shards)
{
    private static readonly string[] Parts =
        ["contacts", "messages", "statuses", "user_preferences", "user_id_update", "message_echoes", "errors"];
    private static readonly string[] Names =
        ["wa_id", "user_id", "from", "from_user_id", "to", "to_user_id", "recipient_id", "recipient_user_id", "new_wa_id", "previous",
            "current"];

    /// <summary>The journal's row behind a fact; null: none.</summary>
    internal static long? Row(object? body) => body switch
    {
        MessageReceived e => e.Evidence?.JournalId,
        MessageEchoed e => e.Evidence?.JournalId,
        MessageImported e => e.Evidence?.JournalId,
        MessageSent e => e.Evidence?.JournalId,
        MessageDelivered e => e.Evidence?.JournalId,
        MessageRead e => e.Evidence?.JournalId,
        MessageFailed e => e.Evidence?.JournalId,
        MessageStatusNoted e => e.Evidence?.JournalId,
        _ => null,
    };

    /// <summary>
    /// Cuts the person out of these rows. One that is not worked off yet is left: its news is carried out first and is then a stranger's.
    /// </summary>
    internal async Task EraseAsync(Guid organizationId, IReadOnlyCollection<long> rows, ErasedIdentities identities, CancellationToken ct)
    {
        var own = await OwnAsync(organizationId, ct);
        foreach (var (id, receivedAt, body) in await ReadAsync(rows,
            "AND NOT EXISTS (SELECT FROM bsp.webhook_inbox i WHERE i.journal_id = j.id)", ct))
        {
            if (Without(body, own, identities) is { } rest)
            {
                await using var command = shards.Directory.CreateCommand("SELECT bsp.journal_redact($1, $2, $3)");
                command.Parameters.Add(new() { Value = id });
                command.Parameters.Add(new() { Value = receivedAt });
                command.Parameters.Add(new() { Value = rest });
                await command.ExecuteNonQueryAsync(ct);
            }
        }

        await EraseAsideAsync(organizationId, own, identities, ct);
    }

    // What was set aside names no fact yet by which it could be found: all of the organization's is looked through.
    private async Task EraseAsideAsync(Guid organizationId, OwnIds own, ErasedIdentities identities, CancellationToken ct)
    {
        var changed = new List<(long Id, byte[] Body)>();
        await using (var read = shards.Directory.CreateCommand("SELECT id, body FROM bsp.webhook_set_aside WHERE lane = $1"))
        {
            read.Parameters.Add(new() { Value = organizationId });
            await using var reader = await read.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                if (Without(reader.GetFieldValue<byte[]>(1), own, identities) is { } rest)
                {
                    changed.Add((reader.GetInt64(0), rest));
                }
            }
        }

        foreach (var (id, body) in changed)
        {
            await using var command =
                shards.Directory.CreateCommand("UPDATE bsp.webhook_set_aside SET body = $2, error = NULL WHERE id = $1");
            command.Parameters.Add(new() { Value = id });
            command.Parameters.Add(new() { Value = body });
            await command.ExecuteNonQueryAsync(ct);
        }
    }

    /// <summary>What these rows say of the person to this organization, each with its row.</summary>
    internal async Task<IReadOnlyList<(long Id, DateTimeOffset ReceivedAt, JsonElement Items)>> OfAsync(Guid organizationId,
        IReadOnlyCollection<long> rows, ErasedIdentities identities, CancellationToken ct)
    {
        var own = await OwnAsync(organizationId, ct);
        return [.. (await ReadAsync(rows, "", ct))
            .Select(r =>
                (r.Id, new DateTimeOffset(r.ReceivedAt, TimeSpan.Zero),
                    JsonSerializer.SerializeToElement(Items(r.Body, own, identities))))];
    }

    /// <summary>
    /// The item of this id as Meta sent it to this organization; null: the row is gone, is larger than <paramref name="bytesMax"/>, or
    /// holds none.
    /// </summary>
    internal async Task<JsonElement?> ItemAsync(Guid organizationId, long row, string wamid, int bytesMax, CancellationToken ct)
    {
        var own = await OwnAsync(organizationId, ct);
        return (await ReadAsync([row], $"AND octet_length(j.body) <= {bytesMax}", ct)).Select(r => Parse(r.Body)).OfType<JsonObject>()
            .SelectMany(root => Changes(root, own)).SelectMany(c => ItemsOf(c.Change["value"] as JsonObject))
            .FirstOrDefault(item => item["id"] is JsonValue id && id.TryGetValue<string>(out var text) && MetaId.Of(text) == wamid)
            is { } found ? JsonSerializer.SerializeToElement(found) : null;
    }

    private static IEnumerable<JsonObject> ItemsOf(JsonObject? value) => value is null ? []
        : Objects(value["messages"]).Concat(Objects(value["message_echoes"]))
            .Concat(Objects(value["history"]).SelectMany(h => Objects(h["threads"])).SelectMany(t => Objects(t["messages"])));

    /// <summary>The body without the person; null: they are in nothing of it that is this organization's.</summary>
    internal static byte[]? Without(byte[] body, OwnIds own, ErasedIdentities identities)
    {
        if (Parse(body) is not { } root || !Changes(root, own).Any(c => Mentions(c.Change, identities)))
        {
            return null;
        }

        foreach (var (list, item) in Mine(root, own, identities).ToList())
        {
            list.Remove(item);
        }

        // Left somewhere that we do not know: then nothing of that change is kept.
        foreach (var (list, change) in Changes(root, own).Where(c => Mentions(c.Change, identities)).ToList())
        {
            list.Remove(change);
        }

        return Encoding.UTF8.GetBytes(root.ToJsonString());
    }

    /// <summary>The person's items in this organization's changes.</summary>
    internal static List<JsonNode> Items(byte[] body, OwnIds own, ErasedIdentities identities) =>
        Parse(body) is { } root ? [.. Mine(root, own, identities).Select(m => m.Item.DeepClone())] : [];

    private static IEnumerable<(JsonArray List, JsonObject Change)> Changes(JsonNode root, OwnIds own) =>
        from entry in Objects(root["entry"])
        let list = entry["changes"] as JsonArray
        where list is not null
        from change in list.OfType<JsonObject>()
        where own.Has(entry, change)
        select (list, change);

    private static IEnumerable<(JsonArray List, JsonNode Item)> Mine(JsonNode root, OwnIds own, ErasedIdentities identities) =>
        from change in Changes(root, own)
        let value = change.Change["value"] as JsonObject
        where value is not null
        from part in Parts
        let list = value[part] as JsonArray
        where list is not null
        from item in list.OfType<JsonObject>()
        where Is(item, identities)
        select (list, (JsonNode)item);

    private static bool Is(JsonObject item, ErasedIdentities identities) => item.Any(p => p.Value switch
    {
        JsonValue own when Names.Contains(p.Key) && own.TryGetValue<string>(out var id) =>
            identities.UserIds.Contains(id) || identities.Phones.Any(phone => phone.TrimStart('+') == id.TrimStart('+')),
        JsonObject nested when p.Key is "user_id" or "system" => Is(nested, identities),
        _ => false,
    });

    private static IEnumerable<JsonObject> Objects(JsonNode? array) => (array as JsonArray)?.OfType<JsonObject>() ?? [];

    // As the reader reads it; null: no fact was read from it.
    private static JsonObject? Parse(byte[] body) => ReadableJson.ParseNode(body);

    // Whole values: an id may be as short as a letter.
    private static bool Mentions(JsonNode? node, ErasedIdentities identities) => node switch
    {
        JsonObject fields => fields.Any(f => Mentions(f.Value, identities)),
        JsonArray items => items.Any(i => Mentions(i, identities)),
        JsonValue value => value.ToString() is var text
        && (identities.Phones.Any(p => p.TrimStart('+') == text.TrimStart('+')) || identities.UserIds.Contains(text)
            || identities.Emails.Contains(text, StringComparer.OrdinalIgnoreCase)),
        _ => false,
    };

    private async Task<OwnIds> OwnAsync(Guid organizationId, CancellationToken ct)
    {
        var numbers = await (await shards.OfAsync(organizationId, ct))
            .QueryAsync(organizationId, "SELECT phone_number_id, meta_waba_id FROM whatsapp_accounts WHERE organization_id = $1",
            r => (Number: r.GetString(0), Waba: r.TextOrNull(1)), ct, organizationId);
        return new(numbers.Select(n => n.Number).ToHashSet(), numbers.Select(n => n.Waba).OfType<string>().ToHashSet());
    }

    private async Task<List<(long Id, DateTime ReceivedAt, byte[] Body)>> ReadAsync(IReadOnlyCollection<long> rows, string further,
        CancellationToken ct)
    {
        await using var command =
            shards.Directory.CreateCommand(
                $"SELECT j.id, j.received_at, j.body FROM bsp.webhook_journal j WHERE j.id = ANY ($1) {further} ORDER BY j.id");
        command.Parameters.Add(new() { Value = rows.ToArray() });
        var found = new List<(long, DateTime, byte[])>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            found.Add((reader.GetInt64(0), reader.GetDateTime(1), reader.GetFieldValue<byte[]>(2)));
        }

        return found;
    }
}
