using System.Text.Json;
using Bsp.MetaSimulator.Accounts;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Messages;

namespace Bsp.MetaSimulator.Webhooks;

/// <summary>The parts of a <c>messages</c> value.</summary>
internal static class StatusJson
{
    private const string ErrorsPage = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/";

    public static void Metadata(Utf8JsonWriter json, PhoneNumber phone)
    {
        json.WriteStartObject("metadata"u8);
        json.WriteString("display_phone_number"u8, phone.Display);
        json.WriteString("phone_number_id"u8, phone.Id);
        json.WriteEndObject();
    }

    /// <param name="number">Null leaves <c>wa_id</c> out, as for a customer with a username.</param>
    public static void Contact(Utf8JsonWriter json, string? number, string userId, string name)
    {
        json.WriteStartObject();
        json.WriteStartObject("profile"u8);
        json.WriteString("name"u8, name);
        json.WriteEndObject();
        if (number is not null)
        {
            json.WriteString("wa_id"u8, number);
        }

        json.WriteString("user_id"u8, userId);
        json.WriteEndObject();
    }

    public static void Status(Utf8JsonWriter json, OutboundMessage message, StepKind kind, SimulatorOptions options)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, message.Wamid);
        json.WriteString("status"u8, NameOf(kind));
        Timestamp(json, message.AcceptedAtMs + OffsetMs(kind, options));
        if (message.Number is not null)
        {
            json.WriteString("recipient_id"u8, message.Number);
        }

        if (kind != StepKind.Failed || message.Number is null)
        {
            json.WriteString("recipient_user_id"u8, message.UserId);
        }

        if (message.Callback is not null)
        {
            json.WriteString("biz_opaque_callback_data"u8, message.Callback);
        }

        if (kind is StepKind.Sent or StepKind.Delivered)
        {
            Pricing(json, message.PricingCategory);
        }

        if (kind == StepKind.Failed)
        {
            Errors(json, message.Script.Failure!);
        }

        json.WriteEndObject();
    }

    public static void Timestamp(Utf8JsonWriter json, long unixMs)
    {
        Span<byte> digits = stackalloc byte[20];
        (unixMs / 1000).TryFormat(digits, out var written);
        json.WriteString("timestamp"u8, digits[..written]);
    }

    private static void Pricing(Utf8JsonWriter json, string category)
    {
        json.WriteStartObject("pricing"u8);
        json.WriteBoolean("billable"u8, true);
        json.WriteString("pricing_model"u8, "PMP"u8);
        json.WriteString("type"u8, "regular"u8);
        json.WriteString("category"u8, category);
        json.WriteEndObject();
    }

    private static void Errors(Utf8JsonWriter json, GraphError error)
    {
        json.WriteStartArray("errors"u8);
        json.WriteStartObject();
        json.WriteNumber("code"u8, error.Code);
        json.WriteString("title"u8, error.Message);
        json.WriteString("message"u8, error.Message);
        json.WriteStartObject("error_data"u8);
        json.WriteString("details"u8, error.Details);
        json.WriteEndObject();
        json.WriteString("href"u8, ErrorsPage);
        json.WriteEndObject();
        json.WriteEndArray();
    }

    /// <summary>The time a status tells is when it happened, in whatever order the statuses arrive.</summary>
    private static int OffsetMs(StepKind kind, SimulatorOptions options) => kind switch
    {
        StepKind.Sent => options.SentDelayMs,
        StepKind.Read => options.SentDelayMs + options.DeliveredDelayMs + options.ReadDelayMs,
        _ => options.SentDelayMs + options.DeliveredDelayMs,
    };

    private static ReadOnlySpan<byte> NameOf(StepKind kind) => kind switch
    {
        StepKind.Sent => "sent"u8,
        StepKind.Delivered => "delivered"u8,
        StepKind.Read => "read"u8,
        StepKind.Failed => "failed"u8,
        _ => throw new InvalidOperationException($"{kind} is not a status."),
    };
}
