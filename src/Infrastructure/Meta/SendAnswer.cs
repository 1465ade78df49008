using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Application.Webhooks;

namespace Bsp.Infrastructure.Meta;

/// <summary>Meta's error envelope, read as far as it is one.</summary>
/// <param name="Code">Null when the body is not an envelope.</param>
internal readonly record struct GraphError(int? Code, string? Message, string? Details)
{
    public static GraphError Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("error", out var error) || error.ValueKind != JsonValueKind.Object)
            {
                return new(null, "an answer that is not an error envelope", null);
            }

            var details = error.TryGetProperty("error_data", out var data) && data.ValueKind == JsonValueKind.Object && data.TryGetProperty("details", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
            details ??= error.TryGetProperty("error_user_msg", out var told) && told.ValueKind == JsonValueKind.String ? told.GetString() : null; // what is wrong with a template stands only there
            return new(error.TryGetProperty("code", out var code) && code.TryGetInt32(out var number) ? number : null,
                error.TryGetProperty("message", out var message) && message.ValueKind == JsonValueKind.String ? message.GetString() : null, details);
        }
        catch (JsonException)
        {
            return new(null, "an answer that is not JSON", null);
        }
    }
}

/// <summary>What one answer to a send proves.</summary>
internal static class SendAnswer
{
    private static readonly TimeSpan AnyPause = TimeSpan.FromSeconds(1);

    public static SendOutcome Read(int status, ReadOnlyMemory<byte> body)
    {
        if (status is >= 200 and < 300)
        {
            return Accepted(body);
        }

        var error = GraphError.Read(body);
        return error.Code switch
        {
            { } code when MetaErrors.IsSafeToRepeat(code) => new(SendResult.Refused, null, false, code, error.Message, error.Details, MetaErrors.PauseAfter(code, 1)),
            { } code when MetaErrors.IsAmbiguous(code) => new(SendResult.Unknown, null, false, code, error.Message, error.Details, TimeSpan.Zero),
            { } code => new(SendResult.Rejected, null, false, code, error.Message, error.Details, TimeSpan.Zero),
            // A gateway's 429 never reached Meta's application; any other answer without an envelope proves nothing.
            null when status == 429 => new(SendResult.Refused, null, false, null, "HTTP 429", error.Message, AnyPause),
            null => new(SendResult.Unknown, null, false, null, $"HTTP {status}", error.Message, TimeSpan.Zero),
        };
    }

    // Nothing of it decides whether the message was taken, so whatever is odd in it is no recipient.
    private static (string Sent, string Known)? Recipient(JsonElement answer)
    {
        var contacts = MetaEnvelope.Items(answer, "contacts").Take(2).ToList();
        return contacts is [var only] && E164.OfMeta(MetaEnvelope.Text(only, "input")) is { } sent && E164.OfMeta(MetaEnvelope.Text(only, "wa_id")) is { } known && sent != known ? (sent, known) : null;
    }

    private static SendOutcome Accepted(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            var message = json.RootElement.GetProperty("messages")[0];
            var held = message.TryGetProperty("message_status", out var word) && word.ValueKind == JsonValueKind.String && word.GetString() == "held_for_quality_assessment";
            return new(SendResult.Accepted, message.GetProperty("id").GetString(), held, null, null, null, TimeSpan.Zero) { Recipient = Recipient(json.RootElement) };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException)
        {
            return new(SendResult.Unknown, null, false, null, "accepted without a readable id", e.Message, TimeSpan.Zero);
        }
    }
}
