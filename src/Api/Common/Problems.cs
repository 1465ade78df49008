using System.Data.Common;
using System.Diagnostics;
using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using FluentValidation;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.WebUtilities;

namespace Bsp.Api.Common;

/// <summary>Every error → one problem+json. The only place that knows which exception is which status.</summary>
public static partial class Problems
{
    private const int RetrySoonSeconds = 2;
    private const int LoggedCharactersMax = 200;

    // Refusals that are neither 404 (….unknown) nor 409.
    private static readonly Dictionary<string, int> Special = new()
    {
        ["campaign.template_parameters"] = 400,
        ["message.template_parameters"] = 400,
        ["message.target_unknown"] = 400,
        ["media.empty"] = 400,
        ["media.kind_mismatch"] = 400,
        ["media.link_refused"] = 400,
        ["media.link_failed"] = 502,
        ["media.too_large"] = 413,
        ["media.too_many_at_once"] = 429,
        ["media.type_mismatch"] = 415,
        ["media.type_not_supported"] = 415,
        ["search.no_words"] = 400,
        ["stream.last_event_id"] = 400,
        ["conversation.snooze_time"] = 400,
        ["wallet.insufficient"] = 402,
        ["wallet.empty"] = 402,
        ["rate_card.too_large"] = 413,
        ["retention.above_maximum"] = 400,
        ["retention.below_minimum"] = 400,
        ["rate_card.missing"] = 402,
        ["rate_card.exists"] = 409,
        ["rate_card.moment_taken"] = 409,
        ["subscription.suspended"] = 402,
        ["subscription.past_due"] = 402,
        ["subscription.missing"] = 402,
        ["plan.limit_reached"] = 402,
        ["plan.feature_missing"] = 403,
        ["payment_method.card_number"] = 400,
        ["event.too_large"] = 413,
        ["idempotency.other_body"] = 422,
        ["version.mismatch"] = 412,
        ["view.behind"] = 504,
        ["analytics.too_large"] = 422,
        ["analytics.zone"] = 400,
        ["store.unavailable"] = 503,
        ["release.older"] = 503,
        ["login.invalid"] = 401,
        ["login.user_not_active"] = 403,
        ["login.organization_inactive"] = 403,
        ["login.throttled"] = 429,
        ["auth.csrf"] = 403,
        ["auth.two_credentials"] = 400,
        ["auth.second_factor_required"] = 401,
        ["auth.second_factor_wrong"] = 401,
        ["auth.second_factor_enrol"] = 403,
        ["auth.challenge_unknown"] = 401,
        ["mail.too_many"] = 429,
        ["user.role_above_own"] = 403,
        ["access.account_restricted"] = 403,
        ["request.too_slow"] = 408,
        ["request.busy"] = 503,
        ["request.too_many_at_once"] = 429,
        ["request.too_many_streams"] = 429,
        ["request.too_many_downloads"] = 429,
        ["import.too_large"] = 413,
        ["import.too_many_at_once"] = 429,
        ["webhook.busy"] = 429,
        ["webhook.signature"] = 401,
        ["webhook.too_fast"] = 503,
        ["webhook.verify_token"] = 403,
    };

    /// <summary>Status of a code, for answers and for the documentation.</summary>
    public static int StatusOf(string code) => Special.TryGetValue(code, out var status) ? status
        : code.EndsWith(".unknown", StringComparison.Ordinal) ? 404
        : code.StartsWith("request.", StringComparison.Ordinal) || code.StartsWith("rate_card.", StringComparison.Ordinal) ? 400
        : code.StartsWith("meta.", StringComparison.Ordinal) ? code == "meta.timeout" ? 504 : 502
        : 409;

    /// <summary>What the caller is told. Pure; anything not known here is a 500 that says nothing.</summary>
    public static Problem From(Exception thrown) => thrown switch
    {
        Problem problem => problem,
        { InnerException: DbException { SqlState: "BM001" } } => Moving(),
        { InnerException: DbException { SqlState: ['5', '3', ..] } } => From(new StoreUnavailable("postgres")), // as Marten wraps it
        Refusal refusal => new(StatusOf(refusal.Code), refusal.Code, refusal.Message,
            retryAfterSeconds: StatusOf(refusal.Code) == 429 ? RetrySoonSeconds : null),
        RefusedFields refused => new(StatusOf(refused.Code), refused.Code, refused.Message, refused.Errors),
        ValidationException invalid =>
            new(400, "request.invalid", "The request is not well-formed: see errors.", invalid.Errors.GroupBy(e => e.PropertyName)
                .ToDictionary(g => g.Key, g => g.Select(e => e.ErrorMessage).ToArray())),
        UnreadableStream unreadable => new(409, "stream.unreadable", unreadable.Message),
        VersionConflict { Named: true } =>
            new(412, "version.mismatch", "It was changed since the version named in If-Match: read it again."),
        VersionConflict => new(409, "version.conflict", "Others keep changing it: try again.", retryAfterSeconds: 1),
        StoreUnavailable down =>
            new(503, "store.unavailable", $"{down.Store} cannot be reached: try again. Nothing was acknowledged.",
                retryAfterSeconds: RetrySoonSeconds),
        Busy busy => new(503, "request.busy", busy.Message, retryAfterSeconds: RetrySoonSeconds),
        NewerRelease =>
            new(503, "release.older", "This process is older than what was stored by another one: try again.",
                retryAfterSeconds: RetrySoonSeconds),
        LoginThrottled many =>
            new(429, "login.throttled", many.Message, retryAfterSeconds: (int)Math.Ceiling(many.RetryAfter.TotalSeconds)),
        SecondFactorRequired second =>
            new(401, "auth.second_factor_required", second.Message) { Challenge = second.Challenge },
        PasswordsBusy many =>
            new(429, "request.rate_limited", many.Message, retryAfterSeconds: (int)Math.Ceiling(many.RetryAfter.TotalSeconds)),
        ViewBehind behind => new(504, "view.behind", behind.Message, retryAfterSeconds: 1),
        MetaRefused { TimedOut: true } => new(504, "meta.timeout", "Meta did not answer in time.", retryAfterSeconds: RetrySoonSeconds),
        MetaRefused meta =>
            new(502, "meta.refused", $"Meta refused{(meta.Code is { } code ? $" ({code})" : "")}: {meta.Message}",
                retryAfterSeconds: meta.Retryable ? RetrySoonSeconds : null),
        BadHttpRequestException bad => JsonProblems.From(bad),
        ConnectionResetException or ConnectionAbortedException => From(new OperationCanceledException()),
        EndOfStreamException => new(400, "request.malformed", "The body ended before all of it had come."),
        DbException database => From(database),
        OperationCanceledException => new(499, "request.cancelled", "The client went away."),
        _ => new(500, "internal", "Something went wrong here. The trace id names the request in our logs."),
    };

    // By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
    private static Problem From(DbException fault) => fault.SqlState switch
    {
        "BM001" => Moving(),
        "23505" => new(409, "resource.exists", "There is one like it already."),
        "22021" or "22P05" => new(400, "request.invalid", "A text contains a character that cannot be stored (U+0000 or broken UTF-8)."),
        ['5', '7', 'P', '0', _] or ['5', '3', ..] or ['0', '8', ..] => From(new StoreUnavailable("postgres")),
        _ when fault.IsTransient => From(new StoreUnavailable("postgres")),
        _ => From(new InvalidOperationException()),
    };

    private static Problem Moving() =>
        new(503, "store.unavailable", "The organization moves to another shard at this moment: try again.", retryAfterSeconds: 1);

    /// <summary>Writes the body; status line and body say the same.</summary>
    public static async Task WriteAsync(HttpContext context, Problem problem)
    {
        context.Response.StatusCode = problem.Status;
        if (problem.RetryAfterSeconds is { } seconds)
        {
            context.Response.Headers.RetryAfter = seconds.ToString();
        }

        if (problem.Status == 401)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
        }

        var title = ReasonPhrases.GetReasonPhrase(problem.Status) is { Length: > 0 } phrase ? phrase : "Error";
        var body = new ProblemBody($"urn:bsp:problem:{problem.Code}", title, problem.Status, problem.Message, problem.Code, problem.Errors,
            TraceOf(context), problem.Challenge);
        await context.Response.WriteAsJsonAsync(body, WireJson.Options, "application/problem+json", CancellationToken.None);
    }

    /// <summary>Names the request in logs and problems.</summary>
    public static string TraceOf(HttpContext context) => Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier;

    /// <summary>Turns exceptions and bare statuses (404, 405, 415 of the routing) into problems. The outermost middleware.</summary>
    public static void UseProblems(this WebApplication app)
    {
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Bsp.Api.Problems");
        app.Use(async (context, next) =>
        {
            try
            {
                await next(context);
                if (!context.Response.HasStarted && context.Response is { StatusCode: >= 400, ContentLength: null, ContentType: null })
                {
                    await Methods.AnswerAsync(context, status =>
                        WriteAsync(context, status == 415 ? BodyForm.NotTaken(Methods.TakenHere(context)) : OfStatus(status)));
                }
            }
            catch (Exception thrown)
            {
                var problem = From(thrown);
                if (thrown is OperationCanceledException && !context.RequestAborted.IsCancellationRequested)
                {
                    problem = new(503, "request.timeout", "It took too long here: try again.", retryAfterSeconds: RetrySoonSeconds);
                }

                if (problem.Status >= 500 && thrown is not (Busy or Problem)) // what was said on purpose needs no trace
                {
                    LogFailed(log, problem.Status >= 502 ? LogLevel.Warning : LogLevel.Error, thrown, Short(context.Request.Method),
                        Short(context.Request.Path.Value), problem.Code, TraceOf(context));
                }

                if (context.Response.HasStarted)
                {
                    context.Abort(); // half an answer must not look like a whole one
                    return;
                }

                var kept = context.Response.Headers
                    .Where(h => h.Key.StartsWith("RateLimit", StringComparison.OrdinalIgnoreCase) || h.Key == "Accept-Encoding").ToList();
                context.Response.Clear();
                kept.ForEach(h => context.Response.Headers[h.Key] = h.Value);
                await WriteAsync(context, problem);
            }
        });
    }

    private static Problem OfStatus(int status) => status switch
    {
        404 => new(404, "route.unknown", "There is nothing at this address: see /openapi/v1.json."),
        405 => new(405, "request.method", "This address does not take that method: see the Allow header."),
        413 => new(413, "request.too_large", "The body is too large."),
        _ => new(status, "request.failed", ReasonPhrases.GetReasonPhrase(status)),
    };

    [LoggerMessage(Message = "{Method} {Path} → {Code}, trace {Trace}")]
    private static partial void LogFailed(ILogger log, LogLevel level, Exception thrown, string method, string path, string code,
        string trace);

    // Of what strangers wrote.
    private static string Short(string? text) =>
        text is null ? "" : text.Length <= LoggedCharactersMax ? text : Text.Cut(text, LoggedCharactersMax) + "…";
}
