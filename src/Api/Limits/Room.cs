using Bsp.Api.Common;
using Bsp.Application.Common;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Bsp.Api.Limits;

/// <summary>
/// What one caller may occupy at once. Ordinary requests of an organization take turns; its long answers are counted; whoever has not shown
/// who they are takes turns by address. Bodies must come at a <see cref="Pace"/>. So whoever
/// sends or reads slowly, or asks for very much, waits for themselves. What is refused here is answered, not thrown: a refusal costs as
/// little as it can, because whoever is refused comes again.
/// </summary>
public sealed class Room(RequestDelegate next, BspOptions options, FairShare share, TimeProvider clock)
{
    private const int StreamsOfOrganization = 5; // times those of one caller
    private const int DownloadsOfOrganization = 2;
    private const int FilesAtOnce = 6; // as many as browsers ask of one host
    private const int FilesWaiting = 64;
    private const int FilesOfOrganization = 4;
    private const int StrangersAtOnce = 8;
    private const int StrangersWaiting = 64;

    // What a request costs before a store is asked, and a byte of its body, which is judged and read; about.
    private static readonly TimeSpan RequestWork = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan WorkOfByte = TimeSpan.FromMicroseconds(0.05);

    private readonly Turns organizations = new(options.Limits.OrganizationAtOnce, LimitOptions.WaitingMax);
    private readonly Turns strangers = new(StrangersAtOnce, StrangersWaiting);
    private readonly Turns documents = new(1, StrangersWaiting);
    private readonly Turns streamsOfCaller = new(options.Limits.StreamsPerCaller, 0);
    private readonly Turns streamsOfOrganization = new(options.Limits.StreamsPerCaller * StreamsOfOrganization, 0);
    private readonly Turns downloadsOfCaller = new(options.Limits.DownloadsPerCaller, 0);
    private readonly Turns filesOfCaller = new(FilesAtOnce, FilesWaiting);
    private readonly Turns filesOfOrganization = new(FilesAtOnce * FilesOfOrganization, FilesWaiting * FilesOfOrganization);
    private readonly Turns downloadsOfOrganization = new(options.Limits.DownloadsPerCaller * DownloadsOfOrganization, 0);
    private readonly Pace uploads =
        new(TimeSpan.FromSeconds(10), options.Uploads.BytesPerSecondMin, TimeSpan.FromSeconds(options.Uploads.Seconds));

    public async Task InvokeAsync(HttpContext context)
    {
        var caller = Caller.Of(context);
        var route = context.GetEndpoint()?.Metadata;
        Slow(context, route?.GetMetadata<StreamedBody>() is not null ? uploads : caller.Role == Role.Anonymous ? Pace.OfStrangers
            : Pace.OfCallers);
        if (caller.Role == Role.Anonymous)
        {
            await AsStrangerAsync(context);
        }
        else if (route?.GetMetadata<LongAnswer>() is { } answer)
        {
            await LongAsync(context, caller, answer.Kind);
        }
        else if (caller.OrganizationId == Guid.Empty || caller.Role == Role.Platform || route?.GetMetadata<StreamedBody>() is not null)
        {
            await next(context); // uploads are counted where they are taken in
        }
        else
        {
            await InTurnAsync(context, caller.OrganizationId);
        }
    }

    // Whoever used more than their share rests in their turn, so that what they ask for next waits behind it.
    private async Task InTurnAsync(HttpContext context, Guid organizationId)
    {
        using var turn = await organizations.EnterAsync(organizationId.ToString(), context.RequestAborted);
        if (turn is null)
        {
            await Problems.WriteAsync(context, new(429, "request.too_many_at_once",
                $"More than {options.Limits.OrganizationAtOnce} requests of the organization are being carried out, and {LimitOptions.WaitingMax} wait.", retryAfterSeconds: 1));
            return;
        }

        var rest = share.Rest(organizationId);
        if (rest > TimeSpan.Zero)
        {
            await Task.Delay(rest, clock, context.RequestAborted);
        }

        try
        {
            await next(context);
        }
        finally
        {
            share.Used(organizationId,
                RequestWork + (WorkOfByte * (context.Request.ContentLength ?? 0)) + (context.Features.Get<CurrentRequest>()?.Work
                    ?? TimeSpan.Zero));
        }
    }

    // Webhooks have a room of their own, which counts bytes; the other open routes that cost something are below /v1, and the description
    // of all routes, which is made anew for everybody who asks.
    private async Task AsStrangerAsync(HttpContext context)
    {
        if (context.Request.Path.StartsWithSegments("/openapi"))
        {
            using var page = await documents.EnterAsync("", context.RequestAborted);
            await (page is null ? Problems.WriteAsync(context, Problems.From(new Busy("Too many ask for this at once: try again.")))
                : next(context));
            return;
        }

        if (context.GetEndpoint() is null || !context.Request.Path.StartsWithSegments("/v1"))
        {
            await next(context);
            return;
        }

        using var turn = await strangers.EnterAsync(context.Connection.RemoteIpAddress?.ToString() ?? "", context.RequestAborted);
        var code = context.Request.Path.StartsWithSegments("/v1/auth/login") ? "login.throttled" : "request.too_many_at_once";
        await (turn is null ? Problems.WriteAsync(context, new(429, code, "Too many ask from this address at once.", retryAfterSeconds: 1))
            : next(context));
    }

    private async Task LongAsync(HttpContext context, Caller caller, LongAnswers kind)
    {
        var (ofCaller, ofOrganization, code, what) = kind == LongAnswers.Stream
            ? (streamsOfCaller, streamsOfOrganization, "request.too_many_streams",
                $"event streams: {options.Limits.StreamsPerCaller} a key or session, {options.Limits.StreamsPerCaller * StreamsOfOrganization} an organization")
            : kind == LongAnswers.File ? (filesOfCaller, filesOfOrganization, "request.too_many_downloads",
                $"files: {FilesAtOnce} a key or session at once, and {FilesWaiting} wait")
            : (downloadsOfCaller, downloadsOfOrganization, "request.too_many_downloads",
                $"downloads: {options.Limits.DownloadsPerCaller} a key or session, {options.Limits.DownloadsPerCaller * DownloadsOfOrganization} an organization");
        using var one = await ofCaller.EnterAsync(caller.Id, context.RequestAborted);
        using var all = one is null ? null : await ofOrganization.EnterAsync(caller.OrganizationId.ToString(), context.RequestAborted);
        await (all is null
            ? Problems.WriteAsync(context, new(429, code, $"Too many open {what}. Close one, then ask again.", retryAfterSeconds: 1))
            : next(context));
    }

    private void Slow(HttpContext context, Pace pace)
    {
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true })
        {
            if (context.GetEndpoint()?.Metadata.GetMetadata<PacesItself>() is null)
            {
                context.Request.Body = new PacedBody(context.Request.Body, pace, clock);
            }

            if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            {
                rate.MinDataRate = null; // one of the two must rule, and Kestrel's answers without a word
            }
        }
    }

    /// <summary>Says what kind of work the request is, before anything is asked of a store.</summary>
    public static async Task NameWorkAsync(HttpContext context, RequestDelegate next)
    {
        Work.Is(context.GetEndpoint()?.Metadata.GetMetadata<RunsAs>()?.Kind ?? WorkKind.People);
        await next(context);
    }
}
