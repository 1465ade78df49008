using System.Text.Json;
using Bsp.MetaSimulator.Accounts;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Templates;

namespace Bsp.MetaSimulator.Messages;

/// <summary>A send request's envelope.</summary>
internal readonly record struct Send(Recipient To, string Type, string? Callback)
{
    /// <summary>What chance is drawn for.</summary>
    public string Key => Callback ?? To.Key;
}

/// <summary>Decides what becomes of a send.</summary>
internal static class Sending
{
    private const int NumberDigitsMin = 7;
    private const int NumberDigitsMax = 15;

    public static GraphError? Read(JsonElement message, PhoneNumber phone, out Send send)
    {
        send = default;
        if (message.Text("messaging_product") is not { } product)
        {
            return GraphError.Parameter("The parameter messaging_product is required.");
        }

        if (product != "whatsapp")
        {
            return GraphError.Parameter("Param messaging_product must be one of {WHATSAPP} - got \"" + product + "\".");
        }

        if (message.Text("recipient_type") is { } kind && kind is not ("individual" or "group"))
        {
            return GraphError.Parameter("Param recipient_type must be one of {INDIVIDUAL, GROUP}.");
        }

        if (message.Text("biz_opaque_callback_data") is { Length: > MessageRules.CallbackLengthMax })
        {
            return GraphError.Parameter(
                $"Param biz_opaque_callback_data must be at most {MessageRules.CallbackLengthMax} characters long.");
        }

        return RecipientOf(message, out var to) ?? Finish(message, to, phone, out send);
    }

    /// <summary>Everything that makes Meta refuse at once.</summary>
    public static GraphError? Check(JsonElement message, Send send, PhoneNumber phone, Template? template, SimulatorState state)
    {
        var options = state.Options;
        if (MessageRules.Check(message, send.Type) is { } malformed)
        {
            return malformed;
        }

        if (!phone.Registered)
        {
            return GraphError.NotRegistered;
        }

        if (send.Type == "template" && TemplateSendRules.Check(template, message.Object("template")!.Value) is { } unfit)
        {
            return unfit;
        }

        if (send.Type is not ("template" or "text") && message.Object(send.Type)?.TextOrNumber("id") is { } media
            && state.Media.Find(media) is null)
        {
            return GraphError.Parameter($"Param {send.Type}['id'] is not a valid whatsapp business account media attachment ID");
        }

        return state.Webhooks.IsFull || !phone.Throughput.TryTake(phone.MpsLimit ?? options.MpsLimit) ? GraphError.Throughput : null;
    }

    /// <summary>What the recipient's number or the rates make of it; <paramref name="refusal"/> when that is an error.</summary>
    public static Fate FateOf(Send send, PhoneNumber phone, SimulatorState state, out GraphError? refusal)
    {
        var options = state.Options;
        var tried = state.Received.Recipients.Try(send.To.Key);
        var attempt = send.Callback is { } callback ? state.Received.Callbacks.Try(callback) : tried;
        var fate = options.MagicNumbers ? MagicNumbers.Of(send.To.Key) : Fate.Normal;
        refusal = null;
        if (fate.Answer == Answer.Refuse)
        {
            refusal = fate.RefuseTimes == 0 || (tried - 1) % (fate.RefuseTimes + 1) < fate.RefuseTimes ? fate.Refusal : null;
            return fate with { Answer = Answer.Accept };
        }

        if (ReferenceEquals(fate, Fate.Normal))
        {
            fate = Rates.FateOf(send.Key, attempt, options, out refusal);
        }

        return options.EnforceWindow && send.Type != "template" && !phone.WindowIsOpen(send.To.Key, DateTimeOffset.UtcNow)
            ? fate with { Script = Script.Fails(GraphError.WindowClosed) }
            : fate;
    }

    public static OutboundMessage Accept(Send send, PhoneNumber phone, Template? template, Fate fate, SimulatorState state,
        ReadOnlySpan<byte> bytes)
    {
        var now = DateTimeOffset.UtcNow;
        var message = new OutboundMessage
        {
            Phone = phone,
            Wamid = state.Ids.NextWamid(send.To.Number ?? send.To.UserId, outbound: true),
            Number = send.To.Number,
            UserId = send.To.UserId,
            Callback = send.Callback,
            PricingCategory = template is null ? "service" : template.Category.ToLowerInvariant(),
            AcceptedAtMs = now.ToUnixTimeMilliseconds(),
            Script = ReplyOnce(send, fate.Script, state),
            Held = fate.Answer == Answer.Hold,
        };
        state.Counters.NoteMessage();
        state.Received.Recipients.Accept(send.To.Key);
        if (send.Callback is not null)
        {
            state.Received.Callbacks.Accept(send.Callback);
        }

        state.Received.Add(now, phone.Id, send.To.Key, send.Type, message.Wamid, send.Callback, null, bytes);
        if (template is not null && fate.Script.Steps.Contains(StepKind.Delivered) && !phone.WindowIsOpen(send.To.Key, now))
        {
            var portfolio = state.Accounts.FindWaba(phone.WabaId)?.BusinessId ?? phone.WabaId;
            state.Received.Reach.Note(portfolio, send.To.Key, message.AcceptedAtMs);
        }

        return message;
    }

    /// <summary>
    /// A customer who answers does so to templates and to the first other message, lest two machines answer each other for ever.
    /// </summary>
    private static Script ReplyOnce(Send send, Script script, SimulatorState state) =>
        script.Reply is null || send.Type == "template" || state.Received.Recipients.Of(send.To.Key).Accepted == 0
            ? script
            : Script.Normal;

    private static GraphError? RecipientOf(JsonElement message, out Recipient to)
    {
        to = default;
        if (message.TextOrNumber("to") is { Length: > 0 } number)
        {
            Span<char> digits = stackalloc char[NumberDigitsMax + 1];
            var count = 0;
            foreach (var c in number)
            {
                if (char.IsAsciiDigit(c) && count < digits.Length)
                {
                    digits[count++] = c;
                }
                else if (!"+-() .".Contains(c))
                {
                    return GraphError.Parameter("Param to is not a phone number.");
                }
            }

            to = Recipient.OfNumber(number, new string(digits[..count]));
            return count is >= NumberDigitsMin and <= NumberDigitsMax ? null : GraphError.Parameter("Param to is not a phone number.");
        }

        if (message.Text("recipient") is not { Length: > 0 } userId)
        {
            return GraphError.Parameter("The parameter to is required.");
        }

        to = new(userId, null, userId);
        return userId.Length > 3 && userId[2] == '.' ? null : GraphError.Parameter("Param recipient is not a business-scoped user id.");
    }

    private static GraphError? Finish(JsonElement message, Recipient to, PhoneNumber phone, out Send send)
    {
        send = new(to, message.Text("type") ?? "text", message.Text("biz_opaque_callback_data"));
        return to.Number == phone.Display ? GraphError.SelfSend : null;
    }
}
