using System.Security.Cryptography;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Accounts;

/// <summary><c>/{waba}/subscribed_apps</c>, with the callback of its own that a WABA may name.</summary>
internal static class SubscriptionEndpoints
{
    private const int UrlLengthMax = 200;
    private const int HandshakeMs = 5_000;

    public static void Map(IEndpointRouteBuilder app, SimulatorState state)
    {
        app.MapPost("/{id}/subscribed_apps", http => state.AsWaba(http, waba => Subscribe(http, state, waba)));
        app.MapGet("/{id}/subscribed_apps", http => state.AsWaba(http, waba => Show(http, waba)));
        app.MapDelete("/{id}/subscribed_apps", http => state.AsWaba(http, waba => Unsubscribe(http, state, waba)));
    }

    /// <summary>Meta's handshake: the receiver must answer 200 with the challenge. Null when it did, else what was wrong.</summary>
    public static async Task<string?> Handshake(string url, string verifyToken, CancellationToken ct)
    {
        var challenge = RandomNumberGenerator.GetInt32(int.MaxValue).ToString(null as IFormatProvider);
        var separator = url.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        using var http =
            new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout =
                TimeSpan.FromMilliseconds(HandshakeMs) };
        try
        {
            using var response =
                await http.GetAsync(
                    $"{url}{separator}hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token={Uri.EscapeDataString(verifyToken)}",
                    ct);
            var body = await response.Content.ReadAsStringAsync(ct);
            return (int)response.StatusCode == 200 && body == challenge ? null
                : $"answered {(int)response.StatusCode}, {(body == challenge ? "with" : "without")} the challenge";
        }
        catch (Exception e)
            when (e is HttpRequestException or InvalidOperationException or UriFormatException
                || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return e.Message;
        }
    }

    private static async Task Subscribe(HttpContext http, SimulatorState state, Waba waba)
    {
        using var body = await RequestBody.Read(http);
        using var document = body.Parse();
        var url = document?.RootElement.Text("override_callback_uri");
        if (url is { Length: > UrlLengthMax })
        {
            await GraphAnswer.Error(http,
                GraphError.Parameter($"Param override_callback_uri must be at most {UrlLengthMax} characters long."));
            return;
        }

        if (url is not null && await Handshake(url, document!.RootElement.Text("verify_token") ?? "", http.RequestAborted) is { } refused)
        {
            await GraphAnswer.Error(http, new(400, 2200, $"Callback verification failed: {refused}"));
            return;
        }

        (waba.Subscribed, waba.OverrideUrl) = (true, url);
        state.Accounts.NoteChange();
        await GraphAnswer.Success(http);
    }

    private static Task Show(HttpContext http, Waba waba) => GraphAnswer.Json(http, json =>
    {
        json.WriteStartObject();
        json.WriteStartArray("data");
        if (waba.Subscribed)
        {
            json.WriteStartObject();
            json.WriteStartObject("whatsapp_business_api_data");
            json.WriteString("id", "1000000000000001");
            json.WriteString("name", "Simulated app");
            json.WriteString("link", "https://www.facebook.com/games/?app_id=1000000000000001");
            json.WriteEndObject();
            if (waba.OverrideUrl is not null)
            {
                json.WriteString("override_callback_uri", waba.OverrideUrl);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });

    private static Task Unsubscribe(HttpContext http, SimulatorState state, Waba waba)
    {
        (waba.Subscribed, waba.OverrideUrl) = (false, null);
        state.Accounts.NoteChange();
        return GraphAnswer.Success(http);
    }
}
