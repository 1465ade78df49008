using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Application.Common;
using Bsp.Application.Imports;
using Bsp.Application.Ledger;
using Carter;

namespace Bsp.Api.Ledger;

/// <summary>GET /v1/transactions/export: the whole chain as a file, holds, openings and closings included, so that whoever has it can
/// check it without us.</summary>
public sealed class LedgerExportEndpoints : ICarterModule
{
    private static readonly string[] Fields =
    [
        "organization_id", "currency", "month", "sequence", "id", "type", "amount", "balance_after", "held_after", "category",
            "reference_id", "description", "created_at", "metadata",
        "previous_hash", "hash",
    ];

    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public void AddRoutes(IEndpointRouteBuilder app) => app.MapGet("/v1/transactions/export", ExportAsync).WithTags("Transactions")
        .WithMetadata(new LongAnswer(LongAnswers.Download), new RunsAs(WorkKind.Bulk))
        .Describe(
            "Every entry of the ledger in the chain's order, also those that are no transactions (holds, openings, closings): "
            + "?format=jsonl (default) or csv; ?from= and ?to= (yyyy-mm) keep some months.",
            "request.format", "request.month").Produces<string>(200, "application/x-ndjson", "text/csv");

    private static async Task ExportAsync(string? format, string? from, string? to, Call call)
    {
        var csv = format switch
        {
            null or "jsonl" => false,
            "csv" => true,
            _ => throw Problem.Field("request.format", "format", "must be jsonl or csv."),
        };
        var pages = await call.Send(new ExportLedger(call.OrganizationId, Month("from", from), Month("to", to)));
        await WriteAsync(call.Context, pages, csv, call.Aborted);
    }

    private static string? Month(string name, string? text) => text is null || LedgerMonth.Is(text) ? text
        : throw Problem.Field("request.month", name, "must be a month such as 2026-10.");

    // A caller who may no longer read gets the rest not: the connection breaks, so that nobody takes the part for the whole.
    private static async Task WriteAsync(HttpContext context, IAsyncEnumerable<IReadOnlyList<JsonElement>> pages, bool csv,
        CancellationToken ct)
    {
        var (response, permission) = (context.Response, Permission.Of(context));
        await using var all = pages.GetAsyncEnumerator(ct);
        // before anything is written: what cannot be read at all is a problem, not the beginning of a file
        var more = await all.MoveNextAsync();
        response.ContentType = csv ? "text/csv; charset=utf-8" : "application/x-ndjson; charset=utf-8";
        response.Headers.ContentDisposition = $"attachment; filename=\"ledger.{(csv ? "csv" : "jsonl")}\"";
        var buffer = new ArrayBufferWriter<byte>(64 * 1024);
        if (csv)
        {
            WriteHeader(buffer);
        }

        for (; more; more = await all.MoveNextAsync())
        {
            if (!await permission.HoldsAsync())
            {
                context.Abort();
                return;
            }

            foreach (var entry in all.Current)
            {
                Write(buffer, entry, csv);
            }

            await response.Body.WriteAsync(buffer.WrittenMemory, ct);
            buffer.ResetWrittenCount();
        }

        await response.Body.WriteAsync(buffer.WrittenMemory, ct);
    }

    /// <summary>The first line of a CSV: the names of the fields.</summary>
    public static void WriteHeader(IBufferWriter<byte> buffer) => Encoding.UTF8.GetBytes(CsvCell.Line(Fields), buffer);

    /// <summary>An entry as one line (of CSV more than one, when it holds a text that has several).</summary>
    /// <param name="entry">As the log keeps it.</param>
    public static void Write(IBufferWriter<byte> buffer, JsonElement entry, bool csv)
    {
        if (csv)
        {
            Encoding.UTF8.GetBytes(string.Join(',', Fields.Select(f => Cell(entry, f))) + "\r\n", buffer);
            return;
        }

        using (var json = new Utf8JsonWriter(buffer, Plain))
        {
            json.WriteStartObject();
            foreach (var field in Fields)
            {
                json.WritePropertyName(field);
                if (entry.TryGetProperty(field, out var value))
                {
                    value.WriteTo(json);
                }
                else
                {
                    json.WriteNullValue(); // as it is hashed
                }
            }

            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
    }

    // Null is an empty cell, and an empty text a pair of quotes: they are hashed differently. Amounts are no formulas, whatever sign they
    // begin with.
    private static string Cell(JsonElement entry, string field) => !entry.TryGetProperty(field, out var value)
        || value.ValueKind == JsonValueKind.Null ? ""
        : value.ValueKind != JsonValueKind.String ? CsvCell.Write(value.GetRawText())
        : value.GetString() is not { Length: > 0 } text ? "\"\""
        : field is "amount" or "balance_after" or "held_after" && Bsp.Domain.Common.Money.TryParseSigned(text, out _) ? text
            : CsvCell.Write(text);
}
