using System.Buffers;
using System.Text.Json;
using Bsp.MetaSimulator.Accounts;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Templates;

namespace Bsp.MetaSimulator.Messages;

/// <summary><c>POST /{phone_number_id}/messages</c>.</summary>
internal static class MessageEndpoints
{
    private static readonly byte[] BareError =
        """{"error":{"message":"An unknown error has occurred.","type":"OAuthException","code":1,"is_transient":true,"fbtrace_id":"A"}}"""u8.ToArray();

    public static void Map(IEndpointRouteBuilder app, SimulatorState state) =>
        app.MapPost("/{id}/messages", http => Post(http, state));

    private static async Task Post(HttpContext http, SimulatorState state)
    {
        var options = state.Options;
        using var body = await RequestBody.Read(http);
        if (options.LatencyMs > 0)
        {
            await Task.Delay(options.LatencyMs, http.RequestAborted);
        }

        var id = (string)http.Request.RouteValues["id"]!;
        var token = Bearer.Of(http);
        if (Bearer.Check(token, options) is { } noEntry)
        {
            await Refuse(http, state, noEntry);
            return;
        }

        if (state.Accounts.Phone(id, token, options.Strict) is not { } phone)
        {
            await Refuse(http, state, GraphError.NoObject("post", id));
            return;
        }

        using var document = body.Parse();
        if (document is null)
        {
            await Refuse(http, state, GraphError.Parameter("Invalid parameter: the body is not a JSON object"));
            return;
        }

        await (document.RootElement.Text("status") == "read"
            ? MarkRead(http, state, document.RootElement)
            : Send(http, state, phone, document.RootElement, body.Bytes));
    }

    private static Task MarkRead(HttpContext http, SimulatorState state, JsonElement message)
    {
        if (message.Text("messaging_product") != "whatsapp")
        {
            return Refuse(http, state, GraphError.Parameter("The parameter messaging_product is required."));
        }

        if (message.Text("message_id") is not { Length: > 0 })
        {
            return Refuse(http, state, GraphError.Parameter("The parameter message_id is required."));
        }

        if (message.Object("typing_indicator") is { } typing && typing.Text("type") != "text")
        {
            return Refuse(http, state, GraphError.Parameter("Param typing_indicator['type'] must be one of {TEXT}."));
        }

        state.Counters.NoteMarkedRead();
        return GraphAnswer.Success(http);
    }

    private static Task Send(HttpContext http, SimulatorState state, PhoneNumber phone, JsonElement message, ReadOnlyMemory<byte> bytes)
    {
        state.Counters.NoteAttempt();
        var fault = Sending.Read(message, phone, out var send);
        if (fault is not null)
        {
            return Refuse(http, state, fault);
        }

        var template = send.Type == "template" ? Template(state, phone, message) : null;
        fault = Sending.Check(message, send, phone, template, state);
        var fate = fault is null ? Sending.FateOf(send, phone, state, out fault) : null;
        if (fault is not null)
        {
            state.Received.Add(DateTimeOffset.UtcNow, phone.Id, send.To.Key, send.Type, null, send.Callback, fault.Code, bytes.Span);
            return Refuse(http, state, fault);
        }

        if (fate!.Answer == Answer.ErrorNotAccepted)
        {
            state.Received.Add(DateTimeOffset.UtcNow, phone.Id, send.To.Key, send.Type, null, send.Callback, 500, bytes.Span);
            state.Counters.NoteRefused(500);
            return GraphAnswer.Bytes(http, 500, BareError);
        }

        return Reply(http, state, fate.Answer, Sending.Accept(send, phone, template, fate, state, bytes.Span), send);
    }

    private static Template? Template(SimulatorState state, PhoneNumber phone, JsonElement message) =>
        message.Object("template") is { } content && content.Text("name") is { } name
        && content.Object("language")?.Text("code") is { } language
            ? state.Accounts.TemplateFor(phone, name, language)
            : null;

    private static async Task Reply(HttpContext http, SimulatorState state, Answer answer, OutboundMessage message, Send send)
    {
        state.Webhooks.Follow(message, answer == Answer.AcceptEarly ? await state.Webhooks.TellEarly(message) : 0);
        switch (answer)
        {
            case Answer.AcceptAndHang:
                state.Counters.NoteHung();
                await Hang(http, state.Options.HangMs);
                return;
            case Answer.AcceptAndReset:
                state.Counters.NoteCut();
                http.Abort();
                return;
            case Answer.ErrorAccepted:
                state.Counters.NoteServerErrorAccepted();
                await GraphAnswer.Bytes(http, 500, BareError);
                return;
            default:
                var body = AcceptedBody(message, send);
                await GraphAnswer.Bytes(http, 200, answer == Answer.AcceptGarbled ? body[..(body.Length / 2)] : body);
                return;
        }
    }

    private static async Task Hang(HttpContext http, int hangMs)
    {
        var stopping = http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        await Task.Delay(hangMs, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        http.Abort();
    }

    // As WhatsApp has it: outside of the states that had the ninth digit first, Brazilian accounts are known without it.
    private static string WaId(string digits) =>
        digits is ['5', '5', >= '3', _, '9', ..] && digits.Length == 13 ? digits.Remove(4, 1) : digits;

    private static ReadOnlyMemory<byte> AcceptedBody(OutboundMessage message, Send send)
    {
        var buffer = new ArrayBufferWriter<byte>(320);
        using var json = new Utf8JsonWriter(buffer, MetaEncoder.WriterOptions);
        json.WriteStartObject();
        json.WriteString("messaging_product"u8, "whatsapp"u8);
        json.WriteStartArray("contacts"u8);
        json.WriteStartObject();
        json.WriteString("input"u8, send.To.Input);
        json.WriteString(message.Number is null ? "user_id"u8 : "wa_id"u8, message.Number is null ? message.Recipient
            : WaId(message.Recipient));
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteStartArray("messages"u8);
        json.WriteStartObject();
        json.WriteString("id"u8, message.Wamid);
        if (send.Type == "template")
        {
            json.WriteString("message_status"u8, message.Held ? "held_for_quality_assessment"u8 : "accepted"u8);
        }

        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    private static Task Refuse(HttpContext http, SimulatorState state, GraphError error)
    {
        state.Counters.NoteRefused(error.Code);
        return GraphAnswer.Error(http, error);
    }
}
