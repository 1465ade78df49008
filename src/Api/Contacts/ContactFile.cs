using System.Text;
using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Imports;

namespace Bsp.Api.Contacts;

/// <summary>
/// Contacts as CSV. Custom fields are one JSON column, so that numbers come back as numbers and the header does not depend on who is in the
/// file.
/// </summary>
internal static class ContactFile
{
    private const int FilterCharactersMax = 8_000;
    private static readonly string[] Header =
        ["phone_number", "wa_user_id", "first_name", "last_name", "email", "consent_status", "tags", "custom_fields"];

    /// <summary>The filter of a query string; null: none.</summary>
    public static JsonElement? Filter(string? text)
    {
        try
        {
            return text is not { Length: > 0 } ? null : text.Length <= FilterCharactersMax ? JsonSerializer.Deserialize<JsonElement>(text)
                : throw Problem.Field("request.filter", "filter", $"has at most {FilterCharactersMax} characters.");
        }
        catch (JsonException)
        {
            throw Problem.Field("request.filter", "filter", "must be JSON.");
        }
    }

    /// <summary>
    /// A caller who may no longer read contacts gets the rest of them not: the connection breaks, so that nobody takes the part for the
    /// whole.
    /// </summary>
    public static async Task WriteAsync(HttpContext context, IAsyncEnumerable<IReadOnlyList<ContactView>> pages, CancellationToken ct)
    {
        var (response, permission) = (context.Response, Permission.Of(context));
        await using var all = pages.GetAsyncEnumerator(ct);
        // before anything is written: what cannot be read at all is a problem, not the beginning of a file
        var more = await all.MoveNextAsync();
        response.ContentType = "text/csv; charset=utf-8";
        response.Headers.ContentDisposition = "attachment; filename=\"contacts.csv\"";
        await using var writer = new StreamWriter(response.Body, new UTF8Encoding(false), leaveOpen: true);
        await writer.WriteAsync(CsvCell.Line(Header));
        for (; more; more = await all.MoveNextAsync())
        {
            if (!await permission.HoldsAsync())
            {
                context.Abort();
                return;
            }

            foreach (var c in all.Current)
            {
                await writer.WriteAsync(
                    CsvCell.Line([c.PhoneNumber ?? "", c.WaUserId ?? "", c.FirstName ?? "", c.LastName ?? "", c.Email
                        ?? "", c.ConsentStatus, Tags(c.Tags), Custom(c.CustomFields)]));
            }

            await writer.FlushAsync(ct);
        }
    }

    // A list as JSON where a tag has a separator in it, or begins like JSON.
    private static string Tags(IReadOnlyList<string> tags) =>
        tags.Any(t => t.Contains(';') || t.Contains('|') || t.StartsWith('[')) ? JsonSerializer.Serialize(tags) : string.Join(';', tags);

    private static string Custom(JsonElement fields) => fields.EnumerateObject().Any() ? fields.GetRawText() : "";
}
