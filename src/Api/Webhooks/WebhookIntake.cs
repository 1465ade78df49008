using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Application.Common;
using Bsp.Application.Webhooks;
using Microsoft.AspNetCore.Http.Features;

namespace Bsp.Api.Webhooks;

/// <summary>
/// A webhook's way from its head to the journal. What is refused is answered with a value: strangers are refused by the hundred a second.
/// </summary>
public sealed class WebhookIntake(IWebhookJournal journal, BodyRoom room, FairShare share, BspOptions options, TimeProvider clock)
{
    /// <summary>Bytes of one webhook, at most: what every body may have. Meta sends up to 3 MB.</summary>
    private const int BodyBytesMax = 10 * 1024 * 1024;

    private const string SignatureHeader = "X-Hub-Signature-256";
    private const string SignaturePrefix = "sha256=";
    private const int SignatureHexCharacters = 64;
    private const int RetrySeconds = 2;

    // Signed webhooks of one organization's own app at once: it signs what it likes, and its neighbours' are to be committed, too.
    private const int OwnAtOnce = 8;
    private const int OwnWaiting = 256;
    private const int OwnRateSeconds = 10;

    // What a byte costs to be kept, replicated and read again, about.
    private static readonly TimeSpan WorkOfByte = TimeSpan.FromMicroseconds(0.02);

    // A caller that waits for longer for the room of signed bodies gets 503 and comes again.
    private static readonly TimeSpan RoomWithin = TimeSpan.FromSeconds(8);

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    // As long as bodies that are being read take no more than a quarter of the connections, it is cheaper to wait for slow ones than to
    // turn them away.
    private const int FewOfConnections = 4;

    private int reading;
    private readonly Turns own = new(OwnAtOnce, OwnWaiting);
    private readonly ByteRate ownRate = new(options.Limits.OwnWebhookKbPerSecond * 1024L, OwnRateSeconds, clock);

    /// <param name="organizationId">Whose own app it is; null: the platform's.</param>
    /// <param name="secrets">Any of them may have signed it; asked for once the head is in order.</param>
    public async Task<IResult> TakeAsync(HttpContext context, Guid? organizationId, Func<ValueTask<IReadOnlyList<string>>> secrets,
        string app, CancellationToken ct)
    {
        if (FaultOfHead(context.Request) is { } fault)
        {
            return Answers.Refused(fault);
        }

        var known = await secrets();
        using var held = room.Enter(context.Connection.RemoteIpAddress?.ToString());
        using var body = new StrangersBody(context.Request, held, BodyBytesMax, clock);
        var (end, pace) = await ReadAsync(body, ct);
        if (end != BodyEnd.Whole)
        {
            return Answers.Refused(end == BodyEnd.TooSlow ? PacedBody.TooSlow(pace, status: 503, RetrySeconds) : Full());
        }

        if (Verify(context.Request.Headers[SignatureHeader].ToString(), body.Bytes.Span, known, app) is not { } verdict)
        {
            return Answers.Refused(new(401, "webhook.signature",
                $"{SignatureHeader} is not the HMAC of these bytes under our app secret. Nothing was stored."));
        }

        return organizationId is { } id ? await KeepOwnAsync(context, id, body, held, verdict, ct)
            : await KeepAsync(context, null, body, held, verdict, ct);
    }

    private async Task<(BodyEnd End, Pace Pace)> ReadAsync(StrangersBody body, CancellationToken ct)
    {
        try
        {
            var pace = Interlocked.Increment(ref reading) <= options.Limits.Connections / FewOfConnections ? Pace.OfFewStrangers
                : Pace.OfStrangers;
            return (await body.ReadAsync(pace, ct), pace);
        }
        finally
        {
            Interlocked.Decrement(ref reading);
        }
    }

    // So many at once and so many bytes a second; then the others' are kept first.
    private async Task<IResult> KeepOwnAsync(HttpContext context, Guid organizationId, StrangersBody body, BodyRoom.Holder held,
        string verdict, CancellationToken ct)
    {
        if (!ownRate.Take(organizationId, body.Bytes.Length))
        {
            return Answers.Refused(new(503, "webhook.too_fast",
                $"This organization's app signs more than {options.Limits.OwnWebhookKbPerSecond} KB of webhooks a second. Nothing was stored: send it again.", retryAfterSeconds: RetrySeconds));
        }

        using var turn = await own.EnterAsync(organizationId.ToString(), ct);
        if (turn is null)
        {
            return Answers.Refused(Full());
        }

        share.Used(organizationId, WorkOfByte * body.Bytes.Length);
        return await KeepAsync(context, organizationId, body, held, verdict, ct);
    }

    private async Task<IResult> KeepAsync(HttpContext context, Guid? organizationId, StrangersBody body, BodyRoom.Holder held,
        string verdict, CancellationToken ct)
    {
        using var kept = await RoomAsync(body.Bytes.Length, ct);
        if (kept is null)
        {
            return Answers.Refused(Full());
        }

        held.Dispose(); // counted as signed from here on
        await journal.WriteAsync(new(organizationId, context.Connection.RemoteIpAddress?.ToString(),
            context.Request.Headers.UserAgent.ToString(), Headers(context.Request), verdict, body.Bytes), ct);
        return TypedResults.Ok();
    }

    // What can be told from the head is told before the body is asked for.
    private static Problem? FaultOfHead(HttpRequest request)
    {
        if (request.Headers[SignatureHeader] is not [{ } signature] || !signature.StartsWith(SignaturePrefix, StringComparison.Ordinal)
            || signature.Length != SignaturePrefix.Length + SignatureHexCharacters
            || signature.AsSpan(SignaturePrefix.Length).ContainsAnyExcept(HexDigits))
        {
            return new(401, "webhook.signature",
                $"{SignatureHeader} must be {SignaturePrefix} and {SignatureHexCharacters} hex digits, once. Nothing was read or stored.");
        }

        if (request.ContentType is { } type
            && !type.AsSpan().TrimStart().StartsWith("application/json", StringComparison.OrdinalIgnoreCase))
        {
            return new(415, "request.content_type", "Meta sends application/json. Nothing was read or stored.");
        }

        if (request.ContentLength > BodyBytesMax)
        {
            return new(413, "request.too_large", $"A webhook has at most {BodyBytesMax} bytes. Nothing was read or stored.");
        }

        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = BodyBytesMax;
        }

        return null;
    }

    private async Task<IDisposable?> RoomAsync(int bytes, CancellationToken ct)
    {
        using var within = CancellationTokenSource.CreateLinkedTokenSource(ct);
        within.CancelAfter(RoomWithin);
        try
        {
            return await journal.RoomAsync(bytes, within.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return null;
        }
    }

    private static Problem Full() => Problems.From(new Busy("There is no room for this webhook at the moment: send it again."));

    // Over the raw bytes, in constant time; several secrets during a rotation. The header's form was judged before.
    private static string? Verify(string header, ReadOnlySpan<byte> body, IReadOnlyList<string> secrets, string app)
    {
        Span<byte> claimed = stackalloc byte[SignatureHexCharacters / 2];
        if (Convert.FromHexString(header.AsSpan(SignaturePrefix.Length), claimed, out _, out var written) != OperationStatus.Done
            || written != claimed.Length)
        {
            return null;
        }

        Span<byte> computed = stackalloc byte[32];
        for (var i = 0; i < secrets.Count; i++)
        {
            if (!SecretText.IsShared(secrets[i]))
            {
                continue; // whoever can guess it can sign
            }

            HMACSHA256.HashData(Encoding.UTF8.GetBytes(secrets[i]), body, computed);
            if (CryptographicOperations.FixedTimeEquals(computed, claimed))
            {
                return i == 0 ? app : $"{app}#{i + 1}";
            }
        }

        return null;
    }

    private static string Headers(HttpRequest request) =>
        JsonSerializer.Serialize(new Dictionary<string, string> { ["content-type"] = request.ContentType
            ?? "", ["x-hub-signature-256"] = request.Headers[SignatureHeader].ToString() });
}
