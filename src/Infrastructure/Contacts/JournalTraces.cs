using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <summary>A person's parts of the raw webhooks: shown to him, or cut out. What other people wrote in the same webhook stays and can be replayed.</summary>
public sealed class JournalTraces(Shards shards)
{
    private static readonly string[] Parts = ["contacts", "messages", "statuses", "user_preferences", "user_id_update", "message_echoes", "errors"];
    private static readonly string[] Names = ["wa_id", "user_id", "from", "from_user_id", "to", "to_user_id", "recipient_id", "recipient_user_id", "new_wa_id", "previous", "current"];

    /// <summary>The journal's row behind a fact; null: none.</summary>
    internal static long? Row(object? body) => body switch
    {
        MessageReceived e => e.Evidence?.JournalId,
        MessageSent e => e.Evidence?.JournalId,
        MessageDelivered e => e.Evidence?.JournalId,
        MessageRead e => e.Evidence?.JournalId,
        MessageFailed e => e.Evidence?.JournalId,
        MessageStatusNoted e => e.Evidence?.JournalId,
        _ => null,
    };

    /// <summary>Cuts the person out of these rows. One that is not worked off yet is left: its news is carried out first and is then a stranger's.</summary>
    internal async Task EraseAsync(IReadOnlyCollection<long> rows, ErasedIdentities identities, CancellationToken ct)
    {
        foreach (var (id, receivedAt, body) in await ReadAsync(rows, "AND NOT EXISTS (SELECT FROM bsp.webhook_inbox i WHERE i.journal_id = j.id)", ct))
        {
            if (Without(body, identities) is { } rest)
            {
                await using var command = shards.Directory.CreateCommand("SELECT bsp.journal_redact($1, $2, $3)");
                command.Parameters.Add(new() { Value = id });
                command.Parameters.Add(new() { Value = receivedAt });
                command.Parameters.Add(new() { Value = rest });
                await command.ExecuteNonQueryAsync(ct);
            }
        }
    }

    /// <summary>What these rows say of the person, each with its row.</summary>
    internal async Task<IReadOnlyList<(long Id, DateTimeOffset ReceivedAt, JsonElement Items)>> OfAsync(IReadOnlyCollection<long> rows, ErasedIdentities identities, CancellationToken ct) =>
        [.. (await ReadAsync(rows, "", ct)).Select(r => (r.Id, new DateTimeOffset(r.ReceivedAt, TimeSpan.Zero), JsonSerializer.SerializeToElement(Items(r.Body, identities))))];

    /// <summary>The body without the person; null: he is not in it.</summary>
    internal static byte[]? Without(byte[] body, ErasedIdentities identities)
    {
        var text = Encoding.UTF8.GetString(body);
        if (!Mentions(text, identities))
        {
            return null;
        }

        if (Parse(text) is not { } root)
        {
            return "{}"u8.ToArray();
        }

        foreach (var (list, item) in Mine(root, identities).ToList())
        {
            list.Remove(item);
        }

        // Left somewhere that we do not know: then nothing of it is kept.
        var rest = root.ToJsonString();
        return Mentions(rest, identities) ? "{}"u8.ToArray() : Encoding.UTF8.GetBytes(rest);
    }

    private static List<JsonNode> Items(byte[] body, ErasedIdentities identities) =>
        Parse(Encoding.UTF8.GetString(body)) is { } root ? [.. Mine(root, identities).Select(m => m.Item.DeepClone())] : [];

    private static IEnumerable<(JsonArray List, JsonNode Item)> Mine(JsonNode root, ErasedIdentities identities) =>
        from entry in Objects(root["entry"])
        from change in Objects(entry["changes"])
        let value = change["value"] as JsonObject
        where value is not null
        from part in Parts
        let list = value[part] as JsonArray
        where list is not null
        from item in list.OfType<JsonObject>()
        where Is(item, identities)
        select (list, (JsonNode)item);

    private static bool Is(JsonObject item, ErasedIdentities identities) => item.Any(p => p.Value switch
    {
        JsonValue own when Names.Contains(p.Key) && own.TryGetValue<string>(out var id) => identities.UserIds.Contains(id) || identities.Phones.Any(phone => phone.TrimStart('+') == id.TrimStart('+')),
        JsonObject nested when p.Key is "user_id" or "system" => Is(nested, identities),
        _ => false,
    });

    private static IEnumerable<JsonObject> Objects(JsonNode? array) => (array as JsonArray)?.OfType<JsonObject>() ?? [];

    private static JsonNode? Parse(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool Mentions(string text, ErasedIdentities identities) =>
        identities.Phones.Select(p => p.TrimStart('+')).Concat(identities.UserIds).Concat(identities.Emails).Any(trace => text.Contains(trace, StringComparison.OrdinalIgnoreCase));

    private async Task<List<(long Id, DateTime ReceivedAt, byte[] Body)>> ReadAsync(IReadOnlyCollection<long> rows, string further, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand($"SELECT j.id, j.received_at, j.body FROM bsp.webhook_journal j WHERE j.id = ANY ($1) {further} ORDER BY j.id");
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
