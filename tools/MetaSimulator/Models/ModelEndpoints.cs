using System.Text.Json;

namespace Bsp.MetaSimulator.Models;

/// <summary>
/// OpenAI's <c>/chat/completions</c> and Anthropic's <c>/v1/messages</c>, as their clients speak them, so that answers by machines can be
/// tried without a key and a network. The end of the model's name chooses how it goes: <c>…-good</c> (or anything else), <c>fenced</c>,
/// <c>extra</c>, <c>badenum</c>, <c>range</c>, <c>nonsense</c>, <c>empty</c>, <c>refusal</c>, <c>cut</c>, <c>filter</c>, <c>tool</c>,
/// <c>400</c>, <c>401</c>, <c>429</c>, <c>500</c>, <c>529</c>, <c>html</c>, <c>hang</c> (no answer), <c>drip</c> (a blank every 200 ms),
/// <c>huge</c>, <c>once429</c> (the first question only).
/// </summary>
internal static class ModelEndpoints
{
    private const int HugeBytes = 4 * 1024 * 1024;
    private const int InputTokens = 56;
    private const int CachedTokens = 64;
    private const int OutputTokens = 21;

    public static void Map(WebApplication app, SimulatorState state)
    {
        app.MapPost("/ai/openai/chat/completions", http => AnswerAsync(http, state.Models, openAi: true));
        app.MapPost("/ai/anthropic/v1/messages", http => AnswerAsync(http, state.Models, openAi: false));
    }

    private static async Task AnswerAsync(HttpContext http, ModelAnswers models, bool openAi)
    {
        var body = await JsonSerializer.DeserializeAsync<JsonElement>(http.Request.Body, cancellationToken: http.RequestAborted);
        var request = new ModelRequest(http.Request.Path.Value!, KeyOf(http), body);
        models.Keep(request);
        var model = body.GetProperty("model").GetString()!;
        var fault = model[(model.LastIndexOf('-') + 1)..];
        if (fault == "once429")
        {
            fault = models.Requests.Count(r => r.Body.GetProperty("model").GetString() == model) == 1 ? "429" : "good";
        }

        if (models.Thinks > TimeSpan.Zero)
        {
            await Task.Delay(models.Thinks, http.RequestAborted);
        }

        if (int.TryParse(fault, out var status))
        {
            await ErrorAsync(http, status, openAi);
        }
        else if (fault is "html")
        {
            http.Response.StatusCode = 502;
            http.Response.ContentType = "text/html";
            await http.Response.WriteAsync("<html><body>Bad gateway</body></html>");
        }
        else if (fault is "hang" or "drip")
        {
            await HangAsync(http, fault == "drip");
        }
        else if (fault is "huge")
        {
            http.Response.ContentType = "application/json";
            await http.Response.WriteAsync("{\"x\":\"" + new string('x', HugeBytes) + "\"}");
        }
        else
        {
            var (text, reason) = Text(fault, models.Answer(request));
            await http.Response.WriteAsJsonAsync(openAi ? OpenAi(model, text, reason) : Anthropic(model, text, reason));
        }
    }

    private static (string? Text, string Reason) Text(string fault, string good) => fault switch
    {
        "fenced" => ($"```json\n{good}\n```", "stop"),
        "extra" => (good.Insert(1, "\"mood\":\"fine\","), "stop"),
        "badenum" => (good.Replace("store_info", "world_peace", StringComparison.Ordinal), "stop"),
        "range" => (good.Replace("\"confidence\":0.9", "\"confidence\":9", StringComparison.Ordinal)
            .Replace("\"sentiment\":0", "\"sentiment\":9", StringComparison.Ordinal), "stop"),
        "nonsense" => ("purple monkey dishwasher", "stop"),
        "empty" => ("", "stop"),
        "refusal" => (null, "refusal"),
        "cut" => (good, "length"),
        "filter" => (good, "content_filter"),
        "tool" => (null, "tool_calls"),
        _ => (good, "stop"),
    };

    private static object OpenAi(string model, string? text, string reason) => new
    {
        id = "chatcmpl-1", @object = "chat.completion", created = DateTimeOffset.UtcNow.ToUnixTimeSeconds(), model,
        choices = new[]
        {
            new
            {
                index = 0,
                message = reason == "tool_calls"
                    ? (object)new
                    {
                        role = "assistant", content = (string?)null,
                        tool_calls = new[] { new { id = "call_1", type = "function",
                            function = new { name = "send_message", arguments = "{\"to\":\"+919000015001\"}" } } },
                    }
                    : new { role = "assistant", content = text, refusal = reason == "refusal" ? "I cannot help with that." : null },
                finish_reason = reason == "refusal" ? "stop" : reason,
            },
        },
        usage = new
        {
            prompt_tokens = InputTokens + CachedTokens, completion_tokens = OutputTokens,
            total_tokens = InputTokens + CachedTokens + OutputTokens,
            prompt_tokens_details = new { cached_tokens = CachedTokens }, completion_tokens_details = new { reasoning_tokens = 0 },
        },
    };

    private static object Anthropic(string model, string? text, string reason) => new
    {
        id = "msg_1", type = "message", role = "assistant", model,
        content = reason == "tool_calls"
            ? new object[] { new { type = "tool_use", id = "toolu_1", name = "send_message", input = new { to = "+919000015001" } } }
            : text is null ? [] : [new { type = "text", text }],
        stop_reason = reason switch
        {
            "stop" => "end_turn", "length" => "max_tokens", "tool_calls" => "tool_use", _ => "refusal",
        },
        stop_sequence = (string?)null,
        usage = new
        {
            input_tokens = InputTokens, cache_creation_input_tokens = 0, cache_read_input_tokens = CachedTokens,
            output_tokens = OutputTokens,
        },
    };

    private static async Task ErrorAsync(HttpContext http, int status, bool openAi)
    {
        http.Response.StatusCode = status;
        if (status == 429)
        {
            http.Response.Headers.RetryAfter = "1";
        }

        await http.Response.WriteAsJsonAsync(openAi
            ? new { error = new { message = "Played here.", type = "error", param = (string?)null, code = $"{status}" } }
            : (object)new
            {
                type = "error", error = new { type = status == 529 ? "overloaded_error" : "api_error", message = "Played here." },
            });
    }

    private static async Task HangAsync(HttpContext http, bool drips)
    {
        http.Response.ContentType = "application/json";
        while (!http.RequestAborted.IsCancellationRequested)
        {
            if (drips)
            {
                await http.Response.WriteAsync(" ", http.RequestAborted);
                await http.Response.Body.FlushAsync(http.RequestAborted);
            }

            await Task.Delay(200, http.RequestAborted);
        }
    }

    private static string? KeyOf(HttpContext http) => http.Request.Headers["x-api-key"].FirstOrDefault()
        ?? http.Request.Headers.Authorization.FirstOrDefault()?.Replace("Bearer ", "", StringComparison.Ordinal);
}
