using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Application.Webhooks;

namespace Bsp.Infrastructure.Meta;

/// <summary>Meta's error envelope, read as far as it is one.</summary>
/// <param name="Code">Null when the body is not an envelope.</param>
internal readonly record struct GraphError(int? Code, string? Message, string? Details)
{
    private const int MessageUnitsMax = 500;
    private const int DetailsUnitsMax = 1_000;

    public static GraphError Read(JsonElement body)
    {
        if (body.ValueKind == JsonValueKind.Undefined)
        {
            return new(null, "an answer that is not JSON", null);
        }

        if (GraphText.Child(body, "error", JsonValueKind.Object) is not { } error)
        {
            return new(null, "an answer that is not an error envelope", null);
        }

        var details = GraphText.Child(error, "error_data", JsonValueKind.Object) is { } data
            ? GraphText.Told(data, "details", DetailsUnitsMax) : null;
        details ??= GraphText.Told(error, "error_user_msg", DetailsUnitsMax); // what is wrong with a template stands only there
        return new(GraphText.Number(error, "code"), GraphText.Told(error, "message", MessageUnitsMax), details);
    }
}

/// <summary>What one answer to a send proves.</summary>
internal static class SendAnswer
{
    private static readonly TimeSpan AnyPause = TimeSpan.FromSeconds(1);

    public static SendOutcome Read(int status, byte[] bytes)
    {
        var body = GraphText.Parse(bytes);
        var error = GraphError.Read(body);
        return error.Code switch
        {
            // Codes first: Meta asks to key on them, not on the HTTP status.
            { } code when MetaErrors.IsSafeToRepeat(code) =>
                new(SendResult.Refused, null, false, code, error.Message, error.Details, MetaErrors.PauseAfter(code, 1)),
            { } code when MetaErrors.IsAmbiguous(code) =>
                new(SendResult.Unknown, null, false, code, error.Message, error.Details, TimeSpan.Zero),
            { } code => new(SendResult.Rejected, null, false, code, error.Message, error.Details, TimeSpan.Zero),
            null when status is >= 200 and < 300 => Accepted(body),
            // A gateway's 429 never reached Meta's application; any other answer without an envelope proves nothing.
            null when status == 429 => new(SendResult.Refused, null, false, null, "HTTP 429", error.Message, AnyPause),
            null => new(SendResult.Unknown, null, false, null, $"HTTP {status}", error.Message, TimeSpan.Zero),
        };
    }

    // Nothing of it decides whether the message was taken, so whatever is odd in it is no recipient.
    private static (string Sent, string Known)? Recipient(JsonElement answer)
    {
        var contacts = MetaEnvelope.Items(answer, "contacts").Take(2).ToList();
        return contacts is [var only] && E164.OfMeta(MetaEnvelope.Text(only, "input")) is { } sent
            && E164.OfMeta(MetaEnvelope.Text(only, "wa_id")) is { } known && sent != known ? (sent, known) : null;
    }

    private static SendOutcome Accepted(JsonElement body)
    {
        var first = GraphText.Child(body, "messages", JsonValueKind.Array) is { } all && all.GetArrayLength() > 0 ? all[0] : default;
        return GraphText.Child(first, "id", JsonValueKind.String) is not null
            && GraphText.Text(first, "id", GraphText.MessageIdMax) is { } wamid
            ? new(SendResult.Accepted, wamid, GraphText.Text(first, "message_status", 64) == "held_for_quality_assessment", null, null,
                null, TimeSpan.Zero) { Recipient = Recipient(body) }
            : new(SendResult.Unknown, null, false, null, "accepted without a readable id",
                "Meta's answer names no message by an id of 1 to 512 characters.", TimeSpan.Zero);
    }
}
