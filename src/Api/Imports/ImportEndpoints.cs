using System.Text;
using Bsp.Api.Common;
using Bsp.Application.Imports;
using Bsp.Domain.Common;
using MediatR;
using Microsoft.AspNetCore.Http.Features;

namespace Bsp.Api.Imports;

/// <summary>Answer of POST /v1/contacts/import.</summary>
/// <param name="Url">Where its progress is.</param>
public sealed record ImportStarted(Guid Id, string Status, int Total, string Url);

/// <summary>POST /v1/contacts/import and /v1/imports.</summary>
public sealed class ImportEndpoints : IEndpointModule
{
    private const int RejectedPage = 1000;

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/contacts/import", StartAsync).WithTags("Imports").WithMetadata(new StreamedBody()).Accepts<string>("text/csv").Produces<ImportStarted>(202)
            .Describe("Takes in a CSV file of contacts of any size: phone_number, wa_user_id, first_name, last_name, email, consent_status, tags (; or |), custom.<key>.",
                "import.empty", "import.header_missing_identity", "import.header_unknown_column", "import.header_duplicate_column", "import.unclosed_quote", "import.row_too_long");
        app.MapGet("/v1/imports/{id:guid}", GetAsync).WithTags("Imports").Describe("How far an import is.", "import.unknown").Produces<ImportView>();
        app.MapGet("/v1/imports/{id:guid}/rejected", RejectedAsync).WithTags("Imports").Describe("The bad rows with line, column and reason, as CSV.", "import.unknown").Produces<string>(200, "text/csv");
    }

    private static async Task<IResult> StartAsync(Caller caller, HttpContext context, IMediator mediator, CancellationToken ct)
    {
        var request = context.Request;
        if (request.ContentType?.Split(';')[0].Trim().ToLowerInvariant() is not ("text/csv" or "application/csv"))
        {
            throw new Problem(415, "request.content_type", "Send text/csv.");
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        try
        {
            var source = Given(request, "Bsp-Consent-Source", "consent_source") ?? "import";
            var done = await mediator.Send(new ImportContacts(caller.OrganizationId, request.Body, source, Given(request, "Bsp-Consent-Proof", "consent_proof"), Delimiter(request)), ct);
            var import = await mediator.Send(new GetImport(caller.OrganizationId, done.Id), ct);
            var url = $"/v1/imports/{import.Id}";
            return TypedResults.Accepted(url, new ImportStarted(import.Id, import.Status, import.Total, url));
        }
        catch (Refusal refusal) when (refusal.Code.StartsWith("import.", StringComparison.Ordinal))
        {
            throw new Problem(400, refusal.Code, refusal.Message);
        }
    }

    private static async Task<IResult> GetAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct) =>
        Answers.Ok(context, await mediator.Send(new GetImport(caller.OrganizationId, id), ct));

    // In pages, so that a million bad rows need no more memory than a thousand.
    private static async Task RejectedAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct)
    {
        var page = await mediator.Send(new ListRejectedRows(caller.OrganizationId, id, 0, RejectedPage), ct);
        context.Response.ContentType = "text/csv; charset=utf-8";
        context.Response.Headers.ContentDisposition = $"attachment; filename=\"rejected-{id}.csv\"";
        await using var writer = new StreamWriter(context.Response.Body, new UTF8Encoding(false), leaveOpen: true);
        await writer.WriteAsync(CsvCells.Line(["line", "column", "reason", .. page.Columns]));
        while (page.Rows.Count > 0)
        {
            foreach (var row in page.Rows)
            {
                await writer.WriteAsync(CsvCells.Line([$"{row.Line}", row.Column ?? "", row.Reason, .. row.Fields]));
            }

            await writer.FlushAsync(ct);
            page = await mediator.Send(new ListRejectedRows(caller.OrganizationId, id, page.Rows[^1].Row, RejectedPage), ct);
        }
    }

    private static string? Given(HttpRequest request, string header, string query) =>
        request.Headers[header].ToString() is { Length: > 0 } fromHeader ? fromHeader : request.Query[query].ToString() is { Length: > 0 } fromQuery ? fromQuery : null;

    private static char Delimiter(HttpRequest request) => request.Query["delimiter"].ToString() switch
    {
        "" or "," or "comma" => ',',
        ";" or "semicolon" => ';',
        "\t" or "tab" => '\t',
        _ => throw Problem.Field("request.delimiter", "delimiter", "must be comma, semicolon or tab."),
    };
}

/// <summary>Cells that a spreadsheet shows and does not execute.</summary>
public static class CsvCells
{
    /// <summary>One line with its end. A cell that begins like a formula gets an apostrophe before it (OWASP: CSV injection), also a phone number's '+'.</summary>
    public static string Line(IEnumerable<string> cells) => $"{string.Join(',', cells.Select(Cell))}\r\n";

    private static string Cell(string text)
    {
        var safe = text.Length > 0 && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n' ? $"'{text}" : text;
        return safe.AsSpan().IndexOfAny(",\"\r\n;") >= 0 ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }
}
