using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Bsp.IntegrationTests.Common;

/// <summary>An answer, read whole.</summary>
public sealed record Answer(int Status, JsonElement Body, HttpResponseHeaders Headers, string Text, string? ContentType)
{
    /// <summary><c>code</c> of a problem.</summary>
    public string? Code => Body.ValueKind == JsonValueKind.Object && Body.TryGetProperty("code", out var code) ? code.GetString() : null;

    public string? Header(string name) => Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

    public JsonElement this[string name] => Body.GetProperty(name);

    /// <summary>A problem of this status and code, whose body agrees with its status line.</summary>
    public Answer ShouldBeProblem(int status, string code)
    {
        Status.ShouldBe(status, Text);
        ContentType.ShouldBe("application/problem+json");
        Body.GetProperty("status").GetInt32().ShouldBe(status);
        Code.ShouldBe(code);
        Body.GetProperty("trace_id").GetString().ShouldNotBeNullOrEmpty();
        return this;
    }
}

/// <summary>Requests as a client writes them.</summary>
public static class Wire
{
    /// <param name="body">Null: none; a string: as it is; anything else: as JSON.</param>
    public static async Task<Answer> SendAsync(this HttpClient client, string method, string path, object? body = null,
        params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (body is not null)
        {
            request.Content = new StringContent(body as string ?? JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        }

        foreach (var (name, value) in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content!.Headers.Remove(name);
                request.Content.Headers.TryAddWithoutValidation(name, value);
            }
        }

        using var response = await client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var type = response.Content.Headers.ContentType?.MediaType;
        var json = text.Length > 0 && type?.EndsWith("json", StringComparison.Ordinal) == true
            ? JsonSerializer.Deserialize<JsonElement>(text) : default;
        return new((int)response.StatusCode, json, response.Headers, text, type);
    }
}
