using System.Text.Json;
using System.Text.Json.Serialization;

namespace Bsp.Application.Conversations;

/// <summary>
/// What went to a model and what came of it, as it is sealed in events: the customer's words never stand there in the clear.
/// </summary>
/// <param name="Questions">The burst, oldest first.</param>
/// <param name="Reply">What was answered; null: nothing.</param>
/// <param name="Summary">Of the conversation so far; null: none was made.</param>
/// <param name="ContactInfo">What of the contact was told; null: nothing.</param>
public sealed record AiExchange(IReadOnlyList<AiQuestion> Questions, string? Reply, string? Summary, JsonElement? ContactInfo)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>As it is sealed.</summary>
    public string Write() => JsonSerializer.Serialize(this, Json);

    /// <summary>Null: erased, or of another form.</summary>
    public static AiExchange? Read(string? json)
    {
        try
        {
            return json is null ? null : JsonSerializer.Deserialize<AiExchange>(json, Json);
        }
        catch (JsonException)
        {
            return null; // of another build: shown without words, like an erased one
        }
    }
}

/// <param name="Text">At most 1,000 characters.</param>
/// <param name="At">When it was received.</param>
public sealed record AiQuestion(string Text, DateTimeOffset At);

/// <summary>What of an analysis quotes the customer, as it is sealed.</summary>
/// <param name="Summary">One sentence.</param>
/// <param name="SuggestedReplies">At most three.</param>
public sealed record AiWords(string? Summary, IReadOnlyList<string>? SuggestedReplies)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>As it is sealed.</summary>
    public string Write() => JsonSerializer.Serialize(this, Json);

    /// <summary>Null: erased, or of another form.</summary>
    public static AiWords? Read(string? json)
    {
        try
        {
            return json is null ? null : JsonSerializer.Deserialize<AiWords>(json, Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>Instructions that models were given, by their hash: events name the hash alone.</summary>
public interface IPromptTexts
{
    /// <summary>Those of the hashes that are kept.</summary>
    Task<IReadOnlyDictionary<string, string>> OfAsync(Guid organizationId, IReadOnlyCollection<string> hashes, CancellationToken ct);
}
