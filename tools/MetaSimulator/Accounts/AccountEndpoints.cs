using System.Text.Json;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Media;
using Bsp.MetaSimulator.Templates;

namespace Bsp.MetaSimulator.Accounts;

/// <summary>Numbers, WABAs, subscriptions, and what <c>/{id}</c> alone means.</summary>
internal static class AccountEndpoints
{
    private static readonly string[] PhoneFields =
        ["display_phone_number", "verified_name", "quality_rating", "throughput", "name_status", "code_verification_status",
            "platform_type", "whatsapp_business_manager_messaging_limit", "messaging_limit_tier", "health_status", "webhook_configuration"];

    private static readonly string[] WabaFields =
        ["message_template_namespace", "timezone_id", "currency", "owner_business_info", "account_review_status",
            "business_verification_status"];

    public static void Map(IEndpointRouteBuilder app, SimulatorState state)
    {
        app.MapGet("/{id}", http => state.Authorized(http, token => Get(http, state, token)));
        app.MapPost("/{id}", http => state.Authorized(http, token => Post(http, state, token)));
        app.MapDelete("/{id}", http => state.Authorized(http, _ => Delete(http, state)));
        app.MapGet("/{id}/phone_numbers", http => state.AsWaba(http, waba => ListPhones(http, state, waba)));
        app.MapPost("/{id}/register", http => state.AsPhone(http, phone => Register(http, phone)));
        app.MapPost("/{id}/deregister", http => state.AsPhone(http, phone => Deregister(http, phone)));
        app.MapGet("/{id}/whatsapp_business_profile", http => state.AsPhone(http, phone => ShowProfile(http, phone)));
        app.MapPost("/{id}/whatsapp_business_profile", http => state.AsPhone(http, phone => ChangeProfile(http, phone)));
        app.MapPost("/{id}/smb_app_data", http => state.AsPhone(http, phone => Synchronize(http, phone)));
        SubscriptionEndpoints.Map(app, state);
        SignupEndpoints.Map(app, state);
    }

    /// <summary>An id is what it is known as; an unknown one is a number or a WABA when fields of one are asked for.</summary>
    private static Task Get(HttpContext http, SimulatorState state, string token)
    {
        var id = SimulatorState.RouteId(http);
        var fields = ((string?)http.Request.Query["fields"] ?? "")
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (state.Media.Find(id) is { } media)
        {
            return MediaEndpoints.Describe(http, state, media);
        }

        if (state.TemplateOf(http, token) is { } template)
        {
            return GraphAnswer.Json(http, json => TemplateJson.Write(json, template, string.Join(',', fields)));
        }

        var waba = state.Accounts.FindWaba(id)
            ?? (fields.Intersect(WabaFields).Any() ? state.Accounts.Waba(id, token, state.Options.Strict) : null);
        if (waba is not null && waba.Admits(token))
        {
            return GraphAnswer.Json(http, json => WriteWaba(json, waba));
        }

        var phone = state.Accounts.FindPhone(id)
            ?? (fields.Intersect(PhoneFields).Any() ? state.Accounts.Phone(id, token, state.Options.Strict) : null);
        return phone is null || !state.Accounts.Admits(phone, token)
            ? GraphAnswer.Error(http, SimulatorState.NoObject(http))
            : GraphAnswer.Json(http, json => PhoneJson.Write(json, phone, fields, state.Options));
    }

    private static async Task Post(HttpContext http, SimulatorState state, string token)
    {
        var id = SimulatorState.RouteId(http);
        if (id.StartsWith("upload:", StringComparison.Ordinal))
        {
            await MediaEndpoints.FinishHandle(http, state, id);
        }
        else if (state.TemplateOf(http, token) is { } template)
        {
            await TemplateEndpoints.Edit(http, state, template);
        }
        else if (state.Accounts.FindWaba(id) is null && state.Media.Find(id) is null
            && state.Accounts.Phone(id, token, state.Options.Strict) is { } phone && state.Accounts.Admits(phone, token))
        {
            await ChangePin(http, phone);
        }
        else
        {
            await GraphAnswer.Error(http, SimulatorState.NoObject(http));
        }
    }

    private static Task Delete(HttpContext http, SimulatorState state) =>
        state.Media.Remove(SimulatorState.RouteId(http)) ? GraphAnswer.Success(http)
        : GraphAnswer.Error(http, SimulatorState.NoObject(http));

    private static Task ListPhones(HttpContext http, SimulatorState state, Waba waba)
    {
        var fields = ((string?)http.Request.Query["fields"] ?? "")
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        state.Accounts.LinkLoose(waba, Bearer.Of(http)!);
        return GraphAnswer.Json(http, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("data");
            foreach (var phone in state.Accounts.PhonesOf(waba).OrderBy(p => p.Id, StringComparer.Ordinal))
            {
                PhoneJson.Write(json, phone, fields, state.Options);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static async Task Register(HttpContext http, PhoneNumber phone)
    {
        using var body = await RequestBody.Read(http);
        using var document = body.Parse();
        var fault = document?.RootElement.Text("messaging_product") != "whatsapp"
            ? GraphError.Parameter("The parameter messaging_product is required.")
            : phone.Register(document.RootElement.TextOrNumber("pin"), DateTimeOffset.UtcNow);
        await (fault is null ? GraphAnswer.Success(http) : GraphAnswer.Error(http, fault));
    }

    /// <summary>Contacts and history of the business app; one answer each, and only for a number that is on it.</summary>
    private static async Task Synchronize(HttpContext http, PhoneNumber phone)
    {
        using var body = await RequestBody.Read(http);
        using var document = body.Parse();
        await (!phone.OnBusinessApp || document?.RootElement.Text("sync_type") is not ("smb_app_state_sync" or "history")
            ? GraphAnswer.Error(http,
                GraphError.Parameter("Param sync_type must be one of {SMB_APP_STATE_SYNC, HISTORY}, of a number on the app."))
            : GraphAnswer.Success(http));
    }

    private static Task Deregister(HttpContext http, PhoneNumber phone)
    {
        phone.Deregister();
        return GraphAnswer.Success(http);
    }

    private static async Task ChangePin(HttpContext http, PhoneNumber phone)
    {
        using var body = await RequestBody.Read(http);
        using var document = body.Parse();
        var pin = document?.RootElement.TextOrNumber("pin");
        if (pin is not { Length: 6 } || !pin.All(char.IsAsciiDigit))
        {
            await GraphAnswer.Error(http, GraphError.Parameter("Param pin must be a 6-digit string"));
            return;
        }

        phone.ChangePin(pin);
        await GraphAnswer.Success(http);
    }

    private static Task ShowProfile(HttpContext http, PhoneNumber phone) => GraphAnswer.Json(http, json =>
    {
        json.WriteStartObject();
        json.WriteStartArray("data");
        json.WriteStartObject();
        lock (phone.Profile)
        {
            foreach (var (name, value) in phone.Profile)
            {
                json.WritePropertyName(name);
                json.WriteRawValue(value, skipInputValidation: true);
            }
        }

        json.WriteString("messaging_product", "whatsapp");
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    });

    private static async Task ChangeProfile(HttpContext http, PhoneNumber phone)
    {
        using var body = await RequestBody.Read(http);
        using var document = body.Parse();
        if (document?.RootElement.Text("messaging_product") != "whatsapp")
        {
            await GraphAnswer.Error(http, GraphError.Parameter("The parameter messaging_product is required."));
            return;
        }

        lock (phone.Profile)
        {
            foreach (var property in document.RootElement.EnumerateObject().Where(p => p.Name != "messaging_product"))
            {
                phone.Profile[property.Name] = property.Value.GetRawText();
            }
        }

        await GraphAnswer.Success(http);
    }

    private static void WriteWaba(Utf8JsonWriter json, Waba waba)
    {
        json.WriteStartObject();
        json.WriteString("id", waba.Id);
        json.WriteString("name", "Simulated account " + waba.Id);
        json.WriteStartObject("owner_business_info");
        json.WriteString("name", "Simulated portfolio");
        json.WriteString("id", waba.BusinessId);
        json.WriteEndObject();
        json.WriteString("timezone_id", "1");
        json.WriteString("currency", "USD");
        json.WriteString("account_review_status", "APPROVED");
        json.WriteString("business_verification_status", "verified");
        json.WriteString("message_template_namespace", "simulator_" + waba.Id);
        json.WriteEndObject();
    }
}
