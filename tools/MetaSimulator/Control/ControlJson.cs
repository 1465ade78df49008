using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Control;

/// <summary>The control API's own JSON: snake_case, faults as <c>{"fault":"…"}</c> with 400 or 404.</summary>
internal static class ControlJson
{
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    private static readonly string[] FixedAtStart = ["url", "state_file", "accounts", "webhook_concurrency"];

    public static Task Answer(HttpContext http, object value) =>
        GraphAnswer.Bytes(http, http.Response.StatusCode, JsonSerializer.SerializeToUtf8Bytes(value, value.GetType(), Options));

    public static Task Fault(HttpContext http, string fault, int status = 400)
    {
        http.Response.StatusCode = status;
        return Answer(http, new { Fault = fault });
    }

    /// <summary>Runs the call with the body, or answers 400 when it is not a JSON object.</summary>
    public static async Task WithBody(HttpContext http, Func<JsonElement, Task> call)
    {
        using var body = await RequestBody.Read(http);
        using var document = body.Parse();
        await (document is null ? Fault(http, "The body must be a JSON object.") : call(document.RootElement));
    }

    /// <summary>The options with some changed. Returns what is wrong with the changes, null when nothing.</summary>
    public static string? Merge(SimulatorOptions current, JsonElement changes, out SimulatorOptions? merged)
    {
        merged = null;
        var all = JsonSerializer.SerializeToNode(current, Options)!.AsObject();
        foreach (var change in changes.EnumerateObject())
        {
            if (!all.ContainsKey(change.Name) || FixedAtStart.Contains(change.Name))
            {
                return $"{change.Name} is not a setting that can be changed.";
            }

            all[change.Name] = JsonNode.Parse(change.Value.GetRawText());
        }

        try
        {
            merged = all.Deserialize<SimulatorOptions>(Options)!;
            return Wrong(merged);
        }
        catch (JsonException e)
        {
            return e.Message;
        }
    }

    /// <summary>Bytes that were accepted as JSON before; a JSON string of them when they are not.</summary>
    public static JsonElement Element(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    /// <summary>What is wrong with the options; null when nothing.</summary>
    public static string? Wrong(SimulatorOptions options)
    {
        if (options.WebhookUrl is { } url && !(Uri.TryCreate(url, UriKind.Absolute, out var parsed) && parsed.Scheme is "http" or "https"))
        {
            return "webhook_url must be an http or https address, or null.";
        }

        foreach (var (name, value) in JsonSerializer.SerializeToNode(options, Options)!.AsObject())
        {
            if (value?.GetValueKind() == JsonValueKind.Number && name != "seed"
                && (value.GetValue<double>() < 0 || (name.EndsWith("_rate", StringComparison.Ordinal) && value.GetValue<double>() > 1)))
            {
                return $"{name} is out of range.";
            }
        }

        return null;
    }
}
