using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace Bsp.MetaSimulator.Templates;

/// <summary>How templates are shown.</summary>
internal static class TemplateJson
{
    private static readonly string[] FieldsByDefault = ["name", "parameter_format", "components", "language", "status", "category"];

    /// <param name="all">From the cursor on; one page of it is written.</param>
    public static void Page(Utf8JsonWriter json, HttpContext http, Template[] all, int limit)
    {
        var page = all.Take(limit).ToArray();
        json.WriteStartObject();
        json.WriteStartArray("data");
        foreach (var template in page)
        {
            Write(json, template, http.Request.Query["fields"]);
        }

        json.WriteEndArray();
        if (page.Length > 0)
        {
            json.WriteStartObject("paging");
            json.WriteStartObject("cursors");
            json.WriteString("before", Cursor.Of(page[0].Id));
            json.WriteString("after", Cursor.Of(page[^1].Id));
            json.WriteEndObject();
            if (all.Length > page.Length)
            {
                json.WriteString("next", NextOf(http, page[^1].Id));
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    /// <param name="fields">Comma-separated; null or empty shows Graph's own choice.</param>
    public static void Write(Utf8JsonWriter json, Template template, string? fields)
    {
        var wanted = string.IsNullOrEmpty(fields) ? FieldsByDefault : fields.Split(',', StringSplitOptions.TrimEntries);
        lock (template)
        {
            json.WriteStartObject();
            foreach (var field in wanted)
            {
                Field(json, template, field);
            }

            json.WriteString("id", template.Id);
            json.WriteEndObject();
        }
    }

    private static void Field(Utf8JsonWriter json, Template template, string field)
    {
        switch (field)
        {
            case "name": json.WriteString(field, template.Name); break;
            case "language": json.WriteString(field, template.Language); break;
            case "status": json.WriteString(field, template.Status); break;
            case "category": json.WriteString(field, template.Category); break;
            case "parameter_format": json.WriteString(field, template.ParameterFormat); break;
            case "rejected_reason": json.WriteString(field, template.RejectedReason); break;
            case "previous_category" when template.PreviousCategory is not null: json.WriteString(field, template.PreviousCategory); break;
            case "message_send_ttl_seconds" when template.MessageSendTtlSeconds is { } seconds: json.WriteNumber(field, seconds); break;
            case "components":
                json.WritePropertyName(field);
                template.Components.WriteTo(json);
                break;
            case "quality_score":
                json.WriteStartObject(field);
                json.WriteString("score", template.Quality);
                json.WriteNumber("date", DateTimeOffset.UtcNow.ToUnixTimeSeconds());
                json.WriteEndObject();
                break;
        }
    }

    private static string NextOf(HttpContext http, string lastId)
    {
        var query = http.Request.Query.Where(q => q.Key is not ("after" or "access_token"))
            .Select(q => $"{q.Key}={Uri.EscapeDataString(q.Value.ToString())}");
        var version = (string?)http.Response.Headers["facebook-api-version"] is { } v ? "/" + v : "";
        return $"{http.Request.Scheme}://{http.Request.Host}{version}{http.Request.Path}?{string.Join('&', query.Append("after=" + Cursor.Of(lastId)))}";
    }
}

/// <summary>An opaque place in a list.</summary>
internal static class Cursor
{
    public static string Of(string id) => Base64Url.EncodeToString(Encoding.ASCII.GetBytes(id));

    /// <summary>Null without a cursor, or with one that is not ours: the list begins at its beginning.</summary>
    public static string? Read(string? cursor) =>
        !string.IsNullOrEmpty(cursor) && Base64Url.IsValid(cursor) ? Encoding.ASCII.GetString(Base64Url.DecodeFromChars(cursor)) : null;
}
