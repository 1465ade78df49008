using System.Text.Json;
using Bsp.MetaSimulator.Accounts;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Messages;

namespace Bsp.MetaSimulator.Control;

/// <summary><c>/_control</c>: steer the simulator and ask what it received. No token; it listens on loopback.</summary>
internal static class ControlEndpoints
{
    private const int PageSizeDefault = 100;
    private const int PageSizeMax = 1_000;

    public static void Map(IEndpointRouteBuilder app, SimulatorState state)
    {
        var control = app.MapGroup("/_control");
        control.MapGet("/settings", http => ControlJson.Answer(http, state.Options));
        control.MapPut("/settings", http => ChangeSettings(http, state));
        control.MapPost("/pause", http => Pause(http, state, true));
        control.MapPost("/resume", http => Pause(http, state, false));
        control.MapPost("/reset", http => Reset(http, state));
        control.MapGet("/counters", http => ControlJson.Answer(http, state.ReadCounters()));
        control.MapGet("/messages", http => Messages(http, state));
        control.MapGet("/duplicates", http => ControlJson.Answer(http, state.Duplicates()));
        control.MapGet("/reached", http => ControlJson.Answer(http, state.Reached(TimeSpan.FromMilliseconds(
            long.TryParse(http.Request.Query["window_ms"], out var ms) && ms > 0 ? Math.Min(ms, 7 * 86_400_000L) : 86_400_000))));
        control.MapGet("/recipients/{key}", http => Count(http, state.Received.Recipients));
        control.MapGet("/callbacks/{key}", http => Count(http, state.Received.Callbacks));
        control.MapGet("/accounts", http => ControlJson.Answer(http, Accounts(state)));
        control.MapPut("/accounts", http => AddAccount(http, state));
        control.MapPost("/media", http => AddMedia(http, state));
        control.MapDelete("/media/{id}", http => LoseMedia(http, state));
        control.MapPut("/media-faults", http => ChangeMediaFaults(http, state));
        control.MapPost("/idle", http => Idle(http, state));
        ControlWebhookEndpoints.Map(control, state);
        ControlTemplateEndpoints.Map(control, state);
    }

    private static Task ChangeSettings(HttpContext http, SimulatorState state) => ControlJson.WithBody(http, async changes =>
    {
        if (ControlJson.Merge(state.Options, changes, out var merged) is { } fault)
        {
            await ControlJson.Fault(http, fault);
            return;
        }

        state.Options = merged!;
        await ControlJson.Answer(http, merged!);
    });

    private static Task Pause(HttpContext http, SimulatorState state, bool paused)
    {
        state.WebhooksPaused = paused;
        return ControlJson.Answer(http, new { Paused = paused, state.ReadCounters().UpdatesPending });
    }

    private static Task Reset(HttpContext http, SimulatorState state)
    {
        state.Reset();
        return ControlJson.Answer(http, state.ReadCounters());
    }

    /// <summary>Waits until every webhook is accepted, for at most <c>?timeout_ms=</c> (10 s); 504 after that.</summary>
    private static async Task Idle(HttpContext http, SimulatorState state)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        limit.CancelAfter(int.TryParse(http.Request.Query["timeout_ms"], out var ms) ? Math.Clamp(ms, 1, 600_000) : 10_000);
        try
        {
            await state.WhenWebhooksAccepted(limit.Token);
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested)
        {
            http.Response.StatusCode = 504;
        }

        await ControlJson.Answer(http, state.ReadCounters());
    }

    private static Task Messages(HttpContext http, SimulatorState state)
    {
        var query = http.Request.Query;
        var after = long.TryParse(query["after"], out var from) ? from : 0;
        var limit = int.TryParse(query["limit"], out var wanted) ? Math.Clamp(wanted, 1, PageSizeMax) : PageSizeDefault;
        var (to, callback, phone, accepted) =
            ((string?)query["to"], (string?)query["callback_data"], (string?)query["phone_number_id"], (string?)query["accepted"]);
        var page = state.Received.Page(after, limit, m =>
            (to is null || m.To == to) && (callback is null || m.CallbackData == callback) && (phone is null || m.PhoneNumberId == phone)
            && (accepted is null || (m.RefusedWith is null) == (accepted == "true")));
        var shown = page.Select(m => new
        {
            m.Number,
            m.At,
            m.PhoneNumberId,
            m.To,
            m.Type,
            m.Wamid,
            m.CallbackData,
            m.RefusedWith,
            RecipientAccepted = state.Received.Recipients.Of(m.To).Accepted,
            Body = ControlJson.Element(m.Body),
        });
        return ControlJson.Answer(http, new { Data = shown.ToArray(), NextAfter = page.Count == limit ? page[^1].Number : (long?)null });
    }

    private static Task Count(HttpContext http, Tally tally)
    {
        var (tried, accepted) = tally.Of((string)http.Request.RouteValues["key"]!);
        return ControlJson.Answer(http, new { Tried = tried, Accepted = accepted });
    }

    private static object Accounts(SimulatorState state) => new
    {
        Data = state.Accounts.Phones.Select(p =>
            new AccountSeed(p.WabaId, p.Id, p.Display, p.VerifiedName, p.MpsLimit, [.. state.Accounts.FindWaba(p.WabaId)?.Tokens ?? []]))
            .ToArray(),
    };

    /// <summary>The body is the file, its type Content-Type; the answer's id goes into an inbound message.</summary>
    private static async Task AddMedia(HttpContext http, SimulatorState state)
    {
        using var bytes = new MemoryStream();
        await http.Request.Body.CopyToAsync(bytes, http.RequestAborted);
        await ControlJson.Answer(http,
            new { Id = state.AddMedia(http.Request.ContentType ?? "application/octet-stream", bytes.ToArray()) });
    }

    private static Task LoseMedia(HttpContext http, SimulatorState state) =>
        state.LoseMedia((string)http.Request.RouteValues["id"]!) ? ControlJson.Answer(http, new { Lost = true })
        : ControlJson.Fault(http, "There is no such file.", 404);

    private static Task ChangeMediaFaults(HttpContext http, SimulatorState state) => ControlJson.WithBody(http, async body =>
    {
        var faults = state.MediaFaults;
        faults.Describe = body.Integer("describe") ?? faults.Describe;
        faults.Download = body.Integer("download") ?? faults.Download;
        faults.WrongBytes = body.Integer("wrong_bytes") ?? faults.WrongBytes;
        faults.Upload = body.Integer("upload") ?? faults.Upload;
        await ControlJson.Answer(http, faults);
    });

    private static Task AddAccount(HttpContext http, SimulatorState state) => ControlJson.WithBody(http, async body =>
    {
        try
        {
            var seed = body.Deserialize<AccountSeed>(ControlJson.Options);
            if (seed is not { WabaId: not null, PhoneNumberId: not null })
            {
                await ControlJson.Fault(http, "waba_id and phone_number_id are required.");
                return;
            }

            state.AddAccount(seed);
            await ControlJson.Answer(http, seed);
        }
        catch (Exception e) when (e is ArgumentException or JsonException)
        {
            await ControlJson.Fault(http, e.Message);
        }
    });
}
