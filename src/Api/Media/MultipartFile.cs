using System.Text;
using Bsp.Api.Common;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Bsp.Api.Media;

/// <summary>A form with one file, read as it comes: the file goes on at once, the other fields are short.</summary>
/// <param name="File">Taken in whole; the caller closes it.</param>
/// <param name="Type">Of the field <c>type</c>, else of the file's part; null: neither says anything.</param>
/// <param name="Name">As its sender calls it; null: they do not.</param>
internal sealed record MultipartFile(Stream File, string? Type, string? Name)
{
    private const int PartsMax = 16;
    private const int BoundaryMax = 70; // RFC 2046
    private const int HeadersMax = 16;
    private const int HeadersBytesMax = 8 * 1024;
    private const int FieldBytesMax = 1_024;

    /// <param name="take">Takes the file in; it is told what its part says that it is.</param>
    /// <exception cref="Problem">415 <c>request.content_type</c>, 400 <c>request.malformed</c>, <c>request.invalid</c> (no file, or
    /// two).</exception>
    public static async Task<MultipartFile> ReadAsync(HttpContext context, Stream body, Func<Stream, string?, Task<Stream>> take,
        CancellationToken ct)
    {
        var reader = new MultipartReader(BoundaryOf(context), body)
        {
            HeadersCountLimit = HeadersMax, HeadersLengthLimit = HeadersBytesMax,
        };
        Stream? file = null;
        try
        {
            string? type = null, partType = null, name = null;
            for (var part = 0; await NextAsync(reader, ct) is { } section; part++)
            {
                if (part == PartsMax)
                {
                    throw Malformed($"it has more than {PartsMax} parts");
                }

                var about = ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var parsed) ? parsed : null;
                var field = HeaderUtilities.RemoveQuotes(about?.Name ?? default).ToString();
                if (field != "file")
                {
                    var value = await FieldAsync(section.Body, ct);
                    (type, name) = (field == "type" ? value : type, field == "filename" ? value : name);
                    continue;
                }

                if (file is not null)
                {
                    throw Problem.Field("request.invalid", "file", "is there twice: send one file a request.");
                }

                partType = section.ContentType;
                name ??= about?.FileNameStar.Value ?? HeaderUtilities.RemoveQuotes(about?.FileName ?? default).Value;
                file = await WholeAsync(() => take(section.Body, type ?? partType));
            }

            return new(file ?? throw Problem.Field("request.invalid", "file", "is missing: a part of the form with this name."),
                Given(type) ?? Given(partType), Given(name));
        }
        catch
        {
            await (file?.DisposeAsync() ?? default);
            throw;
        }
    }

    private static string? Given(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;

    private static string BoundaryOf(HttpContext context)
    {
        if (!MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type)
            || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
        {
            throw BodyForm.NotTaken(BodyForm.Taken(context.GetEndpoint()));
        }

        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary).ToString();
        return boundary.Length is > 0 and <= BoundaryMax ? boundary
            : throw Malformed($"its boundary must have 1 to {BoundaryMax} characters");
    }

    private static Task<MultipartSection?> NextAsync(MultipartReader reader, CancellationToken ct) =>
        WholeAsync(() => reader.ReadNextSectionAsync(ct));

    private static async Task<T> WholeAsync<T>(Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception e) when (e is InvalidDataException || e.GetType() == typeof(IOException)) // the reader's own, of an end too soon
        {
            throw Malformed("a part of it cannot be read, or its end is missing");
        }
    }

    private static async Task<string> FieldAsync(Stream body, CancellationToken ct)
    {
        var bytes = new byte[FieldBytesMax + 1];
        var length = await WholeAsync(async () => await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct));
        return length <= FieldBytesMax ? Encoding.UTF8.GetString(bytes, 0, length)
            : throw Malformed($"a field beside the file has more than {FieldBytesMax} bytes");
    }

    private static Problem Malformed(string why) => new(400, "request.malformed", $"The form cannot be read: {why}.");
}
