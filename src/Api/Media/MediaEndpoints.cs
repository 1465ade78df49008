using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Application.Common;
using Bsp.Application.Media;
using Bsp.Domain.Common;
using Carter;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Bsp.Api.Media;

/// <param name="Link">Of the public Internet, by https.</param>
/// <param name="Filename">Null: as its server calls it.</param>
public sealed record FetchMediaRequest(string Link, string? Filename);

/// <summary>A file as the contract shows it.</summary>
/// <param name="Url">Where its bytes are; null: they are not there (yet).</param>
public sealed record MediaResponse(Guid Id, string Source, string Status, string Kind, string? MimeType, long FileSize, string? Sha256,
    string? Filename, Guid? AccountId, Guid? ContactId, Guid? MessageId, string? Url, string? Error, DateTimeOffset CreatedAt,
    DateTimeOffset? StoredAt)
{
    public static MediaResponse Of(MediaView m) => new(m.Id, m.Source, m.Status, m.Kind, m.MimeType, m.FileSize, m.Sha256, m.Filename,
        m.AccountId, m.ContactId, m.MessageId, m.Status == "ready" ? MediaPaths.Content(m.Id) : null, m.Error, m.CreatedAt, m.StoredAt);
}

/// <summary>Files to send, and files that customers sent.</summary>
public sealed class MediaEndpoints : ICarterModule
{
    // What a form has beside its file.
    private const int FormBytesMax = 256 * 1024;

    // Nothing of a file runs, whoever opens it where.
    private const string Nothing = "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/media", Upload).WithTags("Media").WithMetadata(new StreamedBody(), new RunsAs(WorkKind.Bulk))
            .Accepts<IFormFile>("multipart/form-data").Produces<MediaResponse>(201)
            .Describe("Uploads one file to be sent: a form with the part file, and type where the part does not say it. "
                + "What it is is judged by its first bytes, and how large it may be by Meta's table.",
                "media.empty", "media.type_not_supported", "media.type_mismatch", "media.too_large", "media.quota_reached",
                "media.too_many_at_once", "request.too_slow", "request.busy", "request.malformed", "store.unavailable");
        app.MapPost("/v1/media/fetch", Fetch).WithTags("Media").WithMetadata(new RunsAs(WorkKind.Bulk)).Produces<MediaResponse>(201)
            .Describe("Fetches one file from an address of the public Internet and keeps it to be sent.", "media.link_refused",
                "media.link_failed", "media.empty", "media.type_not_supported", "media.type_mismatch", "media.too_large",
                "media.quota_reached", "media.too_many_at_once", "request.busy", "store.unavailable");
        app.MapGet("/v1/media", List).WithTags("Media").Produces<ListResponse<MediaResponse>>()
            .Describe("Files in the order of their ids; kind= and source= (upload, link, message) narrow.", "request.cursor");
        app.MapGet("/v1/media/{id:guid}", Get).WithTags("Media").Produces<MediaResponse>()
            .Describe("What is known of a file.", "media.unknown");
        app.MapGet("/v1/media/{id:guid}/content", Content).WithTags("Media")
            .WithMetadata(new LongAnswer(LongAnswers.File), new RunsAs(WorkKind.Bulk))
            .Produces(200, contentType: "application/octet-stream")
            .Describe("The file's bytes, as an attachment; ranges are served. Files that could run in a browser come as bytes.",
                "media.unknown", "media.not_ready", "request.too_many_downloads", "store.unavailable");
        app.MapDelete("/v1/media/{id:guid}", Delete).WithTags("Media").Produces(204)
            .Describe("Removes a file and its bytes. What was sent with it stays with Meta.", "media.unknown");
    }

    private static async Task<IResult> Upload(Call call, IMediaFiles files)
    {
        if (call.Context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = MediaRules.BytesMax + FormBytesMax;
        }

        var body = BodyForm.Unpacked(call.Context.Request, MediaRules.BytesMax + FormBytesMax);
        var form = await MultipartFile.ReadAsync(call.Context, body, (part, type) => files.SpoolAsync(call.OrganizationId, part,
            MediaRules.Of(MediaRules.Plain(type))?.BytesMax ?? MediaRules.BytesMax, call.Aborted), call.Aborted);
        await using var file = form.File;
        return await Created(call.Context, () => call.Send(new StoreMedia(call.OrganizationId, CurrentRequest.NewId(), file, form.Type,
            form.Name, "upload")));
    }

    private static Task<IResult> Fetch(FetchMediaRequest body, Call call) => Created(call.Context, () =>
            call.Send(new FetchMedia(call.OrganizationId, CurrentRequest.NewId(), body.Link, body.Filename)));

    private static async Task<IResult> Created(HttpContext context, Func<Task<MediaView>> store)
    {
        try
        {
            var media = await store();
            return Answers.Created(context, $"/v1/media/{media.Id}", MediaResponse.Of(media));
        }
        catch (Refusal other) when (other.Code == "media.exists") // the key's work was done with another file
        {
            throw Idempotency.OtherBody();
        }
    }

    private static async Task<IResult> List(Paging paging, Call call, string? kind = null, string? source = null)
    {
        var page = await call.Send(new ListMedia(call.OrganizationId, kind, source, paging.Cursor, paging.Limit));
        return call.Page(new Page<MediaResponse>([.. page.Data.Select(MediaResponse.Of)], page.NextCursor));
    }

    private static async Task<IResult> Get(Guid id, Call call) =>
        call.Ok(MediaResponse.Of(await call.Send(new GetMedia(call.OrganizationId, id))));

    private static async Task<IResult> Content(Guid id, Call call)
    {
        var (media, content) = await call.Send(new OpenMedia(call.OrganizationId, id));
        call.Context.Response.Headers.ContentSecurityPolicy = Nothing;
        return TypedResults.Stream(content, MediaRules.ServedType(media.MimeType!),
            media.Filename ?? MediaRules.NameFor(id, media.Kind, media.MimeType),
            entityTag: new EntityTagHeaderValue($"\"{media.Sha256}\""), enableRangeProcessing: true);
    }

    private static async Task<IResult> Delete(Guid id, Call call)
    {
        await call.Send(new DeleteMedia(call.OrganizationId, id));
        return TypedResults.NoContent();
    }
}
