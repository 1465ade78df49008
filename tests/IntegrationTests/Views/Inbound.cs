using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;

namespace Bsp.IntegrationTests.Views;

/// <summary>What customers write, as Meta sends it and as it is stored.</summary>
internal static class Inbound
{
    public static readonly DateTimeOffset Noon = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>A received message, as the webhook's reader appends it.</summary>
    /// <param name="item">Meta's message item without id, from and timestamp.</param>
    public static MessageReceived Message(string wamid, string item, int seconds = 0, string from = "919000000001", string name = "Ann")
    {
        var raw = JsonNode.Parse(item)!.AsObject();
        (raw["id"], raw["from"]) = (wamid, from);
        var element = JsonSerializer.SerializeToElement(raw);
        var type = raw["type"]!.GetValue<string>();
        var (account, contact, group) = (Uuid.Of("account"), Uuid.Of("contact " + from), InboundContent.GroupOf(element));
        var conversation = group is null ? Uuid.Conversation(account, contact) : Uuid.GroupConversation(account, group);
        var content = JsonSerializer.Serialize(new { message = element, profile = new { name }, wa_id = "+" + from });
        return new(new(Uuid.InboundMessage("1", wamid), account, contact, conversation, null, type, "inbound"), wamid, Plain.Seal(content),
            false, null, Noon.AddSeconds(seconds), group,
            InboundContent.TargetOf(type, element) is { } target ? MessageKey.Of(target) : null);
    }

    public static StoredEvent Stored(Guid organization, object body, Guid stream, long sequence, long version = 1) =>
        new(sequence, Uuid.Of($"event {stream} {version}"), organization, stream, version, EventTypes.NameOf(body), body, Noon.AddHours(1),
            EventMetadata.None);

    public static StoredEvent Stored(Guid organization, MessageReceived body, long sequence) =>
        Stored(organization, body, body.Ref.MessageId, sequence);
}
