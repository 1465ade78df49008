using System.Collections.Concurrent;
using System.Security.Cryptography;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Control;

namespace Bsp.MetaSimulator.Accounts;

/// <summary>Codes that Embedded Signup has handed out: each is good once, for ten minutes.</summary>
internal sealed class SignupCodes
{
    private static readonly TimeSpan Lives = TimeSpan.FromMinutes(10);
    private const int Max = 10_000;
    private readonly ConcurrentDictionary<string, (string WabaId, DateTimeOffset At)> _codes = new();

    public string New(string wabaId)
    {
        if (_codes.Count >= Max)
        {
            _codes.Clear();
        }

        var code = "AQ" + Convert.ToHexString(RandomNumberGenerator.GetBytes(24));
        _codes[code] = (wabaId, DateTimeOffset.UtcNow);
        return code;
    }

    /// <summary>The WABA of a code that is still good; it is not any more.</summary>
    public string? Take(string code) =>
        _codes.TryRemove(code, out var found) && DateTimeOffset.UtcNow - found.At <= Lives ? found.WabaId : null;
}

/// <summary>The exchange of Embedded Signup's code for a business token. Source: Meta, "Onboarding business customers".</summary>
internal static class SignupEndpoints
{
    public static void Map(IEndpointRouteBuilder app, SimulatorState state)
    {
        app.MapGet("/oauth/access_token", http => Exchange(http, state));
        app.MapPost("/_control/signup-codes", http => ControlJson.WithBody(http, body => NewCode(http, state, body)));
    }

    private static Task Exchange(HttpContext http, SimulatorState state)
    {
        var query = http.Request.Query;
        if (query["client_id"] != state.Options.AppId)
        {
            return GraphAnswer.Error(http, new(400, 101,
                "Error validating application. Cannot get application info due to a system error."));
        }

        if (query["client_secret"] != state.Options.AppSecret)
        {
            return GraphAnswer.Error(http, new(400, 1, "Error validating client secret."));
        }

        if (state.SignupCodes.Take(query["code"].ToString()) is not { } wabaId)
        {
            return GraphAnswer.Error(http, new(400, 100, "This authorization code has been used, or has expired.", null, 36009));
        }

        var token = "EAAS" + Convert.ToHexString(RandomNumberGenerator.GetBytes(32));
        state.Accounts.Waba(wabaId, token, strict: false)?.Admit(token);
        return GraphAnswer.Json(http, json =>
        {
            json.WriteStartObject();
            json.WriteString("access_token", token);
            json.WriteString("token_type", "bearer");
            json.WriteEndObject();
        });
    }

    private static Task NewCode(HttpContext http, SimulatorState state, System.Text.Json.JsonElement body) =>
        body.TextOrNumber("waba_id") is { Length: > 0 } waba ? ControlJson.Answer(http, new { Code = state.NewSignupCode(waba) })
        : ControlJson.Fault(http, "waba_id is required.");
}
