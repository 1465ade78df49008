using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Application.Common;
using Bsp.Application.Imports;
using Bsp.Domain.Common;
using Carter;
using MediatR;
using Microsoft.AspNetCore.Http.Features;

namespace Bsp.Api.Imports;

/// <summary>Answer of POST /v1/contacts/import.</summary>
/// <param name="Url">Where its progress is.</param>
public sealed record ImportStarted(Guid Id, string Status, int Total, string Url);

/// <summary>POST /v1/contacts/import and /v1/imports.</summary>
public sealed class ImportEndpoints : ICarterModule
{
    private const int RejectedPage = 1000;
    private const int MapCharactersMax = 8_000;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(300);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/contacts/import", StartAsync).WithTags("Imports").WithMetadata(new StreamedBody(), new RunsAs(WorkKind.Bulk))
            .Accepts<string>("text/csv", "application/csv").Produces<ImportStarted>(202)
            .Describe("Takes in a CSV file of contacts of any size: phone_number, wa_user_id, first_name, last_name, email, consent_status, tags (; or |), custom.<key>, custom_fields (JSON). map={\"Telefon\":\"phone_number\",\"Notiz\":\"ignore\"} names the columns of other files; unknown=refuse|custom|ignore says what becomes of the rest.",
                "import.empty", "import.header_missing_identity", "import.header_unknown_column", "import.header_duplicate_column",
                "import.unclosed_quote", "import.row_too_long", "import.too_large", "import.too_many_at_once", "request.too_slow",
                "request.busy");
        app.MapGet("/v1/imports/{id:guid}", GetAsync).WithTags("Imports").Describe("How far an import is.", "import.unknown")
            .Produces<ImportView>();
        app.MapGet("/v1/imports/{id:guid}/stream", Stream).WithTags("Imports").WithMetadata(new LongAnswer(LongAnswers.Stream))
            .Describe("The same as server-sent events, one whenever it changes, until the import ends.", "import.unknown")
            .Produces(200, contentType: "text/event-stream");
        app.MapGet("/v1/imports/{id:guid}/rejected", RejectedAsync).WithTags("Imports")
            .WithMetadata(new LongAnswer(LongAnswers.Download), new RunsAs(WorkKind.Bulk))
            .Describe($"The bad rows with line, column and reason, as CSV; kept for {ImportView.RejectsKeptDays} days.", "import.unknown",
                "import_rejects.unknown").Produces<string>(200, "text/csv");
    }

    private static async Task<IResult> StartAsync(Call call)
    {
        var request = call.Context.Request;
        if (call.Context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        try
        {
            var source = Given(request, "Bsp-Consent-Source", "consent_source") ?? "import";
            var csv = await CsvBody.OpenAsync(call.Context, call.Aborted);
            var done = await call.Send(new ImportContacts(call.OrganizationId, csv, source,
                Given(request, "Bsp-Consent-Proof", "consent_proof"), Delimiter(request)) { Mapping = Mapping(request) });
            var import = await call.Send(new GetImport(call.OrganizationId, done.Id));
            if (CurrentRequest.Value?.Claim?.WorkDone is true
                && await new HashedStream(csv).Sha256OfAllAsync(call.Aborted) != import.FileSha256)
            {
                throw Idempotency.OtherBody();
            }

            var url = $"/v1/imports/{import.Id}";
            return TypedResults.Accepted(url, new ImportStarted(import.Id, import.Status, import.Total, url));
        }
        catch (Refusal refusal) when (refusal.Code.StartsWith("import.", StringComparison.Ordinal))
        {
            throw refusal.Code switch
            {
                "import.too_large" => new Problem(413, refusal.Code, refusal.Message),
                "import.too_many_at_once" => new Problem(429, refusal.Code, refusal.Message, retryAfterSeconds: 5),
                _ => new Problem(400, refusal.Code, refusal.Message),
            };
        }
    }

    private static async Task<IResult> GetAsync(Guid id, Call call) =>
        call.Ok(await call.Send(new GetImport(call.OrganizationId, id)));

    private static async Task<IResult> Stream(Guid id, Call call)
    {
        await call.Send(new GetImport(call.OrganizationId, id));
        var lastSeen = call.Context.Request.Headers["Last-Event-ID"] is [{ } seen] ? seen : null;
        return new EventItems<ImportView>(Follow(call.OrganizationId, id, call.Mediator, Permission.Of(call.Context), lastSeen,
            call.Aborted));
    }

    // Ids name states, so that a client that comes back gets none twice.
    private static async IAsyncEnumerable<SseItem<ImportView>> Follow(Guid organizationId, Guid id, IMediator mediator,
        Permission permission, string? lastSeen, [EnumeratorCancellation] CancellationToken ct)
    {
        while (await permission.HoldsAsync())
        {
            var import = await mediator.Send(new GetImport(organizationId, id), ct);
            var state = $"{import.Status}.{import.Done}";
            if (state != lastSeen)
            {
                lastSeen = state;
                yield return new(import, "import") { EventId = state };
            }

            if (import.Status is "completed" or "failed")
            {
                yield break;
            }

            await Task.Delay(LookEvery, ct);
        }
    }

    // In pages, so that a million bad rows need no more memory than a thousand.
    private static async Task RejectedAsync(Guid id, Call call)
    {
        var page = await call.Send(new ListRejectedRows(call.OrganizationId, id, 0, RejectedPage));
        call.Context.Response.ContentType = "text/csv; charset=utf-8";
        call.Context.Response.Headers.ContentDisposition = $"attachment; filename=\"rejected-{id}.csv\"";
        await using var writer = new StreamWriter(call.Context.Response.Body, new UTF8Encoding(false), leaveOpen: true);
        await writer.WriteAsync(CsvCell.Line(["line", "column", "reason", .. page.Columns]));
        var permission = Permission.Of(call.Context);
        while (page.Rows.Count > 0)
        {
            if (!await permission.HoldsAsync())
            {
                call.Context.Abort();
                return;
            }

            foreach (var row in page.Rows)
            {
                await writer.WriteAsync(CsvCell.Line([$"{row.Line}", row.Column ?? "", row.Reason, .. row.Fields]));
            }

            await writer.FlushAsync(call.Aborted);
            page = await call.Send(new ListRejectedRows(call.OrganizationId, id, page.Rows[^1].Row, RejectedPage));
        }
    }

    private static string? Given(HttpRequest request, string header, string query) =>
        request.Headers[header].ToString() is { Length: > 0 } fromHeader ? fromHeader
        : request.Query[query].ToString() is { Length: > 0 } fromQuery ? fromQuery : null;

    private static bool IsName(string? text) => !string.IsNullOrWhiteSpace(text) && Text.IsStorable(text);

    private static ImportMapping Mapping(HttpRequest request)
    {
        var unknown = request.Query["unknown"].ToString() switch
        {
            "" or "refuse" => UnknownColumns.Refuse,
            "custom" => UnknownColumns.Custom,
            "ignore" => UnknownColumns.Ignore,
            _ => throw Problem.Field("request.unknown", "unknown", "must be refuse, custom or ignore."),
        };
        var text = request.Query["map"].ToString();
        try
        {
            var map = text.Length == 0 ? [] : text.Length <= MapCharactersMax
                ? JsonSerializer.Deserialize<Dictionary<string, string>>(text) : null;
            return map is not null && map.All(p => IsName(p.Key) && IsName(p.Value))
                && map.Keys.Select(k => k.Trim().ToLowerInvariant()).Distinct().Count() == map.Count
                ? new(map, unknown) : throw Problem.Field("request.map", "map", "must name, for columns of the file, columns of ours.");
        }
        catch (JsonException)
        {
            throw Problem.Field("request.map", "map", "must be a JSON object: column of the file → column of ours.");
        }
    }

    private static char Delimiter(HttpRequest request) => request.Query["delimiter"].ToString() switch
    {
        "" or "," or "comma" => ',',
        ";" or "semicolon" => ';',
        "\t" or "tab" => '\t',
        _ => throw Problem.Field("request.delimiter", "delimiter", "must be comma, semicolon or tab."),
    };
}
