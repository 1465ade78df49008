using System.Collections.Concurrent;
using System.Text.Json;

namespace Bsp.MetaSimulator.Models;

/// <summary>A question as it came over the wire.</summary>
/// <param name="Path"><c>/ai/openai/chat/completions</c> or <c>/ai/anthropic/v1/messages</c>.</param>
/// <param name="Key">What it was authorized with; null: nothing.</param>
public sealed record ModelRequest(string Path, string? Key, JsonElement Body)
{
    /// <summary>The instructions.</summary>
    public string System => Body.TryGetProperty("system", out var system)
        ? system.ValueKind == JsonValueKind.String ? system.GetString()! : string.Concat(system.EnumerateArray().Select(TextOf))
        : Said("system");

    /// <summary>What the customer's words are in.</summary>
    public string User => Said("user");

    private string Said(string role) => string.Concat(Body.GetProperty("messages").EnumerateArray()
        .Where(m => m.GetProperty("role").GetString() == role).Select(m => TextOf(m.GetProperty("content"))));

    private static string TextOf(JsonElement content) => content.ValueKind switch
    {
        JsonValueKind.String => content.GetString()!,
        JsonValueKind.Array => string.Concat(content.EnumerateArray().Select(TextOf)),
        _ => content.TryGetProperty("text", out var text) ? text.GetString()! : "",
    };
}

/// <summary>What the models that are played here were asked, and what they answer.</summary>
public sealed class ModelAnswers
{
    private const int RequestsKept = 2_000;
    private readonly ConcurrentQueue<ModelRequest> requests = new();
    private int asked;

    /// <summary>What was asked, the latest 2,000.</summary>
    public IReadOnlyCollection<ModelRequest> Requests => requests;

    /// <summary>How often anything was asked.</summary>
    public int Asked => Volatile.Read(ref asked);

    /// <summary>The text of a whole answer; null: one that fits the form that was asked for.</summary>
    public Func<ModelRequest, string>? Says { get; set; }

    /// <summary>How long an answer is thought about.</summary>
    public TimeSpan Thinks { get; set; }

    internal void Keep(ModelRequest request)
    {
        Interlocked.Increment(ref asked);
        requests.Enqueue(request);
        while (requests.Count > RequestsKept)
        {
            requests.TryDequeue(out _);
        }
    }

    internal string Answer(ModelRequest request) => (Says?.Invoke(request)
        ?? (request.Body.GetRawText().Contains("suggested_replies", StringComparison.Ordinal)
        ? """
            {"language":"en","sentiment":0,"intent":"store_info","confidence":0.9,"summary":"They ask something.","suggested_replies":[]}
            """
        : """
            {"action":"reply","text":"Happy to help: a colleague knows more.","intent":"store_info","confidence":0.9,"summary":"They ask."}
            """)).Trim();
}
