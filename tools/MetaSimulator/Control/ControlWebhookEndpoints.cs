using System.Text.Json;
using Bsp.MetaSimulator.Accounts;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Messages;
using Bsp.MetaSimulator.Webhooks;

namespace Bsp.MetaSimulator.Control;

/// <summary>Makes things arrive at the receiver: a customer's message, any other change, and where to.</summary>
internal static class ControlWebhookEndpoints
{
    /// <summary>Fields of an inbound request that are not copied into the message.</summary>
    private static readonly string[] Own =
        ["phone_number_id", "from", "from_user_id", "name", "id", "timestamp", "context_id", "anonymous"];

    /// <summary>A 1×1 PNG, what a customer's media are unless another id is given.</summary>
    private static readonly byte[] Pixel =
        Convert.FromBase64String("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");

    private static readonly Dictionary<string, string> MediaTypes = new()
    {
        ["image"] = "image/png",
        ["audio"] = "audio/ogg; codecs=opus",
        ["video"] = "video/mp4",
        ["document"] = "application/pdf",
        ["sticker"] = "image/webp",
    };

    public static void Map(IEndpointRouteBuilder control, SimulatorState state)
    {
        control.MapPost("/inbound", http => Inbound(http, state));
        control.MapPost("/webhook", http => Raw(http, state));
        control.MapPut("/webhook-url", http => ChangeUrl(http, state));
        control.MapPost("/webhook-url/verify", http => Verify(http, state));
    }

    private static Task Inbound(HttpContext http, SimulatorState state) => ControlJson.WithBody(http, async body =>
    {
        var phone = body.TextOrNumber("phone_number_id") is { } id ? state.Accounts.Phone(id, null, state.Options.Strict) : null;
        var number = new string([.. (body.TextOrNumber("from") ?? "").Where(char.IsAsciiDigit)]);
        var userId = body.Text("from_user_id") ?? (number.Length > 0 ? Recipient.UserIdOf(number) : null);
        if (phone is null || userId is null || body.Text("type") is not { Length: > 0 } type)
        {
            await ControlJson.Fault(http,
                "phone_number_id (known, or digits unless strict), from (or from_user_id) and type are required.");
            return;
        }

        if (state.Webhooks.IsFull)
        {
            await ControlJson.Fault(http, "Too many webhooks are waiting.", 503);
            return;
        }

        var anonymous = number.Length == 0 || body.Member("anonymous") is { ValueKind: JsonValueKind.True };
        var wamid = body.Text("id") ?? state.Ids.NextWamid(number.Length > 0 ? number : userId, outbound: false);
        var at = long.TryParse(body.TextOrNumber("timestamp"), out var seconds) ? seconds * 1000
            : DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        state.Webhooks.Enqueue(
            state.Inbound.Message(phone, anonymous ? null : number, userId, body.Text("name") ?? "Simulated customer", wamid, at, json =>
                Content(json, state, phone, body, type)), 0);
        if (number.Length > 0)
        {
            phone.CustomerWrote(number, DateTimeOffset.UtcNow);
        }

        http.Response.StatusCode = 202;
        await ControlJson.Answer(http, new { Id = wamid, FromUserId = userId });
    });

    /// <summary>
    /// Everything of the request that is not ours goes into the message as it is; what a type cannot do without is filled in.
    /// </summary>
    private static void Content(Utf8JsonWriter json, SimulatorState state, PhoneNumber phone, JsonElement body, string type)
    {
        if (body.Text("context_id") is { } context)
        {
            json.WriteStartObject("context");
            json.WriteString("from", phone.Display);
            json.WriteString("id", context);
            json.WriteEndObject();
        }

        foreach (var property in body.EnumerateObject()
            .Where(p => !Own.Contains(p.Name) && !(p.Name == type && MediaTypes.ContainsKey(type))))
        {
            json.WritePropertyName(property.Name);
            if (property is { Name: "text", Value.ValueKind: JsonValueKind.String })
            {
                json.WriteStartObject();
                json.WriteString("body", property.Value.GetString());
                json.WriteEndObject();
            }
            else
            {
                property.Value.WriteTo(json);
            }
        }

        if (MediaTypes.TryGetValue(type, out var mimeType))
        {
            Media(json, state, type, mimeType, body.Object(type));
        }
    }

    private static void Media(Utf8JsonWriter json, SimulatorState state, string type, string mimeType, JsonElement? given)
    {
        json.WriteStartObject(type);
        var id = given?.TextOrNumber("id");
        if (id is null)
        {
            var item = state.Media.Add(given?.Text("mime_type") ?? mimeType, Pixel, given?.Text("filename"));
            json.WriteString("id", item.Id);
            json.WriteString("mime_type", item.MimeType);
            json.WriteString("sha256", Convert.ToBase64String(Convert.FromHexString(item.Sha256)));
        }

        foreach (var property in given?.EnumerateObject().ToArray() ?? [])
        {
            if (id is not null || property.Name is not ("mime_type" or "sha256"))
            {
                property.WriteTo(json);
            }
        }

        json.WriteEndObject();
    }

    /// <summary><c>{waba_id, field, value}</c>: any change, packed with what else is due.</summary>
    private static Task Raw(HttpContext http, SimulatorState state) => ControlJson.WithBody(http, async body =>
    {
        if (body.TextOrNumber("waba_id") is not { } wabaId || body.Text("field") is not { } field || body.Member("value") is not { } value)
        {
            await ControlJson.Fault(http, "waba_id, field and value are required.");
            return;
        }

        state.Webhooks.Enqueue(WebhookChange.Write(wabaId, field, value.GetRawText(), value.WriteTo), 0);
        http.Response.StatusCode = 202;
        await ControlJson.Answer(http, new { Accepted = true });
    });

    private static Task ChangeUrl(HttpContext http, SimulatorState state) => ControlJson.WithBody(http, async body =>
    {
        var changed = state.Options with { WebhookUrl = body.Text("url") };
        if (ControlJson.Wrong(changed) is { } fault)
        {
            await ControlJson.Fault(http, fault);
            return;
        }

        state.Options = changed;
        await ControlJson.Answer(http, new { Url = changed.WebhookUrl });
    });

    private static async Task Verify(HttpContext http, SimulatorState state)
    {
        var fault = state.Options.WebhookUrl is { } url
            ? await SubscriptionEndpoints.Handshake(url, state.Options.VerifyToken, http.RequestAborted)
            : "there is no webhook url";
        await ControlJson.Answer(http, new { Verified = fault is null, Fault = fault });
    }
}
