using System.Text.Json;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Media;

/// <summary>Upload, look up, download and delete files; and the resumable upload whose handle template headers need.</summary>
internal static class MediaEndpoints
{

    public static void Map(IEndpointRouteBuilder app, SimulatorState state)
    {
        app.MapPost("/{id}/media", http => state.AsPhone(http, _ => Upload(http, state)));
        app.MapGet("/_media/{key}", http => Download(http, state));
        app.MapPost("/{id}/uploads", http => state.Authorized(http, _ => BeginHandle(http, state)));
    }

    public static Task Describe(HttpContext http, SimulatorState state, MediaItem item) =>
        state.MediaFaults.TakeDescribe() ? GraphAnswer.Error(http, GraphError.Unknown) : GraphAnswer.Json(http, json =>
    {
        json.WriteStartObject();
        json.WriteString("url", $"{http.Request.Scheme}://{http.Request.Host}/_media/{state.Media.Publish(item)}");
        json.WriteString("mime_type", item.MimeType);
        json.WriteString("sha256", item.Sha256);
        json.WriteNumber("file_size", item.Bytes.Length);
        json.WriteString("id", item.Id);
        json.WriteString("messaging_product", "whatsapp");
        json.WriteEndObject();
    });

    /// <summary>Takes the bytes of a resumable upload and answers with their handle.</summary>
    public static async Task FinishHandle(HttpContext http, SimulatorState state, string uploadId)
    {
        using var bytes = new MemoryStream();
        await http.Request.Body.CopyToAsync(bytes, http.RequestAborted);
        var item = state.Media.Add("application/octet-stream", bytes.ToArray(), null);
        var handle = $"4::{Convert.ToBase64String(Convert.FromHexString(item.Sha256))}:{uploadId["upload:".Length..]}:{item.Id}";
        await GraphAnswer.Json(http, json => Single(json, "h", handle));
    }

    private static Task BeginHandle(HttpContext http, SimulatorState state)
    {
        var (type, length) = ((string?)http.Request.Query["file_type"], (string?)http.Request.Query["file_length"]);
        return string.IsNullOrEmpty(type) || !long.TryParse(length, out var bytes) || bytes <= 0
            ? GraphAnswer.Error(http, GraphError.Parameter("The parameters file_length and file_type are required."))
            : GraphAnswer.Json(http, json => Single(json, "id", "upload:" + state.Ids.NextNumeric()));
    }

    private static async Task Upload(HttpContext http, SimulatorState state)
    {
        if (!http.Request.HasFormContentType)
        {
            await GraphAnswer.Error(http, GraphError.Parameter("The parameter file is required."));
            return;
        }

        var form = await http.Request.ReadFormAsync(http.RequestAborted);
        if (form["messaging_product"] != "whatsapp")
        {
            await GraphAnswer.Error(http, GraphError.Parameter("The parameter messaging_product is required."));
            return;
        }

        if (form.Files.GetFile("file") is not { } file)
        {
            await GraphAnswer.Error(http, GraphError.Parameter("The parameter file is required."));
            return;
        }

        var mimeType = file.ContentType is { Length: > 0 } and not "application/octet-stream" ? file.ContentType : form["type"].ToString();
        if (MediaStore.Check(mimeType, file.Length) is { } fault)
        {
            await GraphAnswer.Error(http, fault);
            return;
        }

        if (state.MediaFaults.TakeUpload())
        {
            await GraphAnswer.Error(http, GraphError.Unknown);
            return;
        }

        using var bytes = new MemoryStream();
        await file.CopyToAsync(bytes, http.RequestAborted);
        state.Media.NoteUpload();
        var item = state.Media.Add(mimeType, bytes.ToArray(), file.FileName);
        await GraphAnswer.Json(http, json => Single(json, "id", item.Id));
    }

    private static Task Download(HttpContext http, SimulatorState state) => state.Authorized(http, async _ =>
    {
        if (state.Media.Fetch((string)http.Request.RouteValues["key"]!) is not { } item || state.MediaFaults.TakeDownload())
        {
            http.Response.StatusCode = 404;
            return;
        }

        http.Response.ContentType = item.MimeType;
        http.Response.ContentLength = item.Bytes.Length;
        var bytes = state.MediaFaults.TakeWrongBytes() ? [.. item.Bytes.Select(b => (byte)~b)] : item.Bytes;
        await http.Response.BodyWriter.WriteAsync(bytes, http.RequestAborted);
    });

    private static void Single(Utf8JsonWriter json, string name, string value)
    {
        json.WriteStartObject();
        json.WriteString(name, value);
        json.WriteEndObject();
    }
}
