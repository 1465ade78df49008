using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Common;

namespace Bsp.Api.Common;

/// <summary>The answer of this route holds a secret: it is not kept for repeats, which get the resource without it.</summary>
public sealed class AnswersWithSecret;

/// <summary>
/// The body is streamed and may be large: the size limit is lifted, and an Idempotency-Key binds to its bytes when they have been read,
/// not before.
/// </summary>
public sealed class StreamedBody;

/// <summary>
/// Idempotency-Key on POST under /v1: a claim is committed before the work, the work's transaction marks it done, the answer is kept for 24
/// hours.
/// A repeat of finished work gets the same answer; of running work 409; of failed work does the work.
/// </summary>
public sealed partial class Idempotency(RequestDelegate next, IIdempotencyKeys keys, ILogger<Idempotency> log)
{
    public const string KeyHeader = "Idempotency-Key";
    public const string ReplayedHeader = "Idempotency-Replayed";
    private const int KeyCharsMax = 255;
    private const int KeptBytesMax = 1_048_576;
    // Of a kept answer, not of the wire: the SHA-256 of the streamed body that it answers.
    private const string BodyHeader = "Bsp-Body-Sha256";

    private static readonly string[] KeptHeaders = ["Content-Type", "Location", "ETag", "Bsp-Position"];

    public async Task InvokeAsync(HttpContext context)
    {
        // Callers who have not said who they are have no scope of their own: their routes (signing in, one-time tokens) are safe to repeat
        // by themselves.
        if (Caller.Of(context).Role == Role.Anonymous || context.Request.Method != "POST" || context.GetEndpoint() is null
            || !context.Request.Path.StartsWithSegments("/v1") || !context.Request.Headers.TryGetValue(KeyHeader, out var given))
        {
            await next(context);
            return;
        }

        var key = given is [{ Length: > 0 and <= KeyCharsMax } one] ? one
            : throw Problem.Field("request.idempotency_key", KeyHeader, $"must be 1–{KeyCharsMax} characters, once.");
        var caller = Caller.Of(context);
        var request = new ClaimRequest(caller.OrganizationId, caller.Id, $"POST {context.Request.Path}", key, await HashAsync(context));
        var attempt = await keys.ClaimAsync(request, context.RequestAborted);
        switch (attempt.State)
        {
            case ClaimState.InFlight:
                throw new Problem(409, "idempotency.in_flight", "A request with this Idempotency-Key is being carried out: ask again.",
                    retryAfterSeconds: 1);
            case ClaimState.OtherBody:
                throw OtherBody();
            case ClaimState.Answered:
                await RequireSameFileAsync(context, attempt.Answer!);
                await ReplayAsync(context, attempt.Answer!);
                return;
            default:
                await CarryOutAsync(context, caller.OrganizationId, attempt.Claim!);
                return;
        }
    }

    private async Task CarryOutAsync(HttpContext context, Guid organizationId, IdempotencyClaim claim)
    {
        CurrentRequest.Value!.Claim = claim;
        if (claim.WorkDone)
        {
            context.Response.Headers[ReplayedHeader] = "true";
        }

        if (IsStreamed(context))
        {
            context.Request.Body = new HashedStream(context.Request.Body);
        }

        var wire = context.Response.Body;
        using var answer = new MemoryStream();
        context.Response.Body = answer;
        try
        {
            using (new Lease(keys, organizationId, claim, log))
            {
                await next(context);
            }
        }
        catch (Exception fault)
        {
            await keys.ReleaseAsync(organizationId, claim, refused: Refuses(Problems.From(fault).Status));
            throw;
        }
        finally
        {
            context.Response.Body = wire;
        }

        if (context.Response.StatusCode is >= 200 and < 300)
        {
            await FinishAsync(context, organizationId, claim, answer);
        }
        else
        {
            await keys.ReleaseAsync(organizationId, claim, refused: Refuses(context.Response.StatusCode));
        }

        answer.Position = 0;
        await answer.CopyToAsync(wire, context.RequestAborted);
    }

    // Certainly not done. After 499 (the client went away) and 5xx it may have been.
    private static bool Refuses(int status) => status is >= 400 and < 499;

    // The work is committed and marked by its own transaction; failing to keep the answer costs a repeat only a look at the resource.
    private async Task FinishAsync(HttpContext context, Guid organizationId, IdempotencyClaim claim, MemoryStream body)
    {
        try
        {
            var keep = body.Length <= KeptBytesMax && context.GetEndpoint()?.Metadata.GetMetadata<AnswersWithSecret>() is null;
            var headers = KeptHeaders.Where(context.Response.Headers.ContainsKey)
                .ToDictionary(h => h, h => context.Response.Headers[h].ToString());
            if (CurrentRequest.Value!.LastPosition > Application.Common.Position.Start)
            {
                headers["Bsp-Position"] = CurrentRequest.Value.LastPosition.ToToken();
            }

            if (context.Request.Body is HashedStream read)
            {
                headers[BodyHeader] = await read.Sha256OfAllAsync(CancellationToken.None);
            }

            await keys.FinishAsync(organizationId, claim.ClaimId, keep ? new(context.Response.StatusCode, body.ToArray(), headers)
                : null, CancellationToken.None);
        }
        catch (Exception fault)
        {
            LogNotKept(fault, claim.ClaimId);
        }
    }

    // A file is read to its end before its repeat is told apart from another: the client sends it anyway.
    private static async Task RequireSameFileAsync(HttpContext context, StoredAnswer answer)
    {
        if (IsStreamed(context) && answer.Headers.TryGetValue(BodyHeader, out var known)
            && await new HashedStream(context.Request.Body).Sha256OfAllAsync(context.RequestAborted) != known)
        {
            throw OtherBody();
        }
    }

    /// <summary>422 <c>idempotency.other_body</c>.</summary>
    internal static Problem OtherBody() => new(422, "idempotency.other_body", "This Idempotency-Key was used with another body.");

    private static bool IsStreamed(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<StreamedBody>() is not null;

    private static async Task ReplayAsync(HttpContext context, StoredAnswer answer)
    {
        context.Response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers.Where(h => h.Key != BodyHeader))
        {
            context.Response.Headers[name] = value;
        }

        context.Response.Headers[ReplayedHeader] = "true";
        if (answer.Body.Length > 0)
        {
            await context.Response.Body.WriteAsync(answer.Body, context.RequestAborted);
        }
    }

    private static async Task<string> HashAsync(HttpContext context)
    {
        var request = context.Request;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(request.QueryString.Value ?? ""));
        if (IsStreamed(context))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{request.ContentType} {request.Headers.ContentEncoding}"));
        }
        else
        {
            request.EnableBuffering(bufferThreshold: 65_536);
            var buffer = new byte[16_384];
            for (int read; (read = await request.Body.ReadAsync(buffer, context.RequestAborted)) > 0;)
            {
                hash.AppendData(buffer, 0, read);
            }

            request.Body.Position = 0;
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the answer of idempotency claim {Claim} was not kept")]
    private partial void LogNotKept(Exception fault, Guid claim);

    // Renews the lease while the request runs.
    private sealed class Lease : IDisposable
    {
        private readonly Timer timer;

        public Lease(IIdempotencyKeys keys, Guid organizationId, IdempotencyClaim claim, ILogger log)
        {
            var every = IIdempotencyKeys.Lease / 3;
            timer = new Timer(_ => _ = RenewAsync(keys, organizationId, claim, log), null, every, every);
        }

        public void Dispose() => timer.Dispose();

        private static async Task RenewAsync(IIdempotencyKeys keys, Guid organizationId, IdempotencyClaim claim, ILogger log)
        {
            try
            {
                await keys.RenewAsync(organizationId, claim, CancellationToken.None);
            }
            catch (Exception fault)
            {
                LogNotRenewed(log, fault, claim.ClaimId);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the lease of idempotency claim {Claim} was not renewed; trying again")]
    private static partial void LogNotRenewed(ILogger log, Exception fault, Guid claim);
}
