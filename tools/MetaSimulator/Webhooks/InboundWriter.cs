using System.Text.Json;
using Bsp.MetaSimulator.Accounts;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Messages;

namespace Bsp.MetaSimulator.Webhooks;

/// <summary>Writes what customers do: their messages, and their choice about marketing.</summary>
internal sealed class InboundWriter(Ids ids)
{
    /// <summary>What a customer does of their own accord after a message. Null: nothing.</summary>
    public WebhookChange? Consequence(OutboundMessage message, StepKind kind) => kind switch
    {
        StepKind.Reply => Reply(message),
        StepKind.MarketingStop => MarketingStop(message),
        _ => null,
    };

    /// <param name="number">Digits; null leaves <c>from</c> and <c>wa_id</c> out.</param>
    /// <param name="wamid">Null makes one.</param>
    /// <param name="content">Writes <c>type</c>, the object of that type and what else the message has.</param>
    public WebhookChange Message(PhoneNumber phone, string? number, string userId, string name, string? wamid, long unixMs,
        Action<Utf8JsonWriter> content)
    {
        var id = wamid ?? ids.NextWamid(number ?? userId, outbound: false);
        phone.CustomerWrote(number ?? userId, DateTimeOffset.UtcNow);
        return WebhookChange.Write(phone.WabaId, "messages", id, json =>
        {
            json.WriteStartObject();
            json.WriteString("messaging_product", "whatsapp");
            StatusJson.Metadata(json, phone);
            json.WriteStartArray("contacts");
            StatusJson.Contact(json, number, userId, name);
            json.WriteEndArray();
            json.WriteStartArray("messages");
            json.WriteStartObject();
            if (number is not null)
            {
                json.WriteString("from", number);
            }

            json.WriteString("from_user_id", userId);
            json.WriteString("id", id);
            StatusJson.Timestamp(json, unixMs);
            content(json);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private WebhookChange Reply(OutboundMessage message) =>
        Message(message.Phone, message.Number, message.UserId, "Simulated customer", null, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            json =>
        {
            json.WriteStartObject("context");
            json.WriteString("from", message.Phone.Display);
            json.WriteString("id", message.Wamid);
            json.WriteEndObject();
            json.WriteString("type", "text");
            json.WriteStartObject("text");
            json.WriteString("body", message.Script.Reply);
            json.WriteEndObject();
        });

    private static WebhookChange MarketingStop(OutboundMessage message) =>
        WebhookChange.Write(message.Phone.WabaId, "user_preferences", message.Wamid, json =>
        {
            json.WriteStartObject();
            json.WriteString("messaging_product", "whatsapp");
            StatusJson.Metadata(json, message.Phone);
            json.WriteStartArray("contacts");
            StatusJson.Contact(json, message.Number, message.UserId, "Simulated customer");
            json.WriteEndArray();
            json.WriteStartArray("user_preferences");
            json.WriteStartObject();
            if (message.Number is not null)
            {
                json.WriteString("wa_id", message.Number);
            }

            json.WriteString("user_id", message.UserId);
            json.WriteString("detail", "User requested to stop marketing messages");
            json.WriteString("category", "marketing_messages");
            json.WriteString("value", "stop");
            json.WriteNumber("timestamp", DateTimeOffset.UtcNow.ToUnixTimeSeconds());
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        });
}
