using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Application.Common;
using Bsp.Application.Webhooks;
using Carter;
using Microsoft.AspNetCore.Http.Features;

namespace Bsp.Api.Webhooks;

/// <summary>Meta's side door: the handshake, and the signed webhooks. Journal first, 200 second, everything else later.</summary>
public sealed class MetaWebhookEndpoints : ICarterModule
{
    /// <summary>Bytes of one webhook, at most: what every body may have. Meta sends up to 3 MB.</summary>
    private const int BodyBytesMax = 10 * 1024 * 1024;

    private const string SignatureHeader = "X-Hub-Signature-256";
    private const string SignaturePrefix = "sha256=";
    private const int SignatureHexCharacters = 64;

    // Signed webhooks of one organization's own app at once: it signs what it likes, and its neighbours' are to be committed, too.
    private const int OwnAtOnce = 8;
    private const int OwnWaiting = 256;

    // Of most webhooks that is all.
    private const int FirstBytes = 4_096;

    // A caller that waits for longer for the room of signed bodies gets 503 and comes again.
    private static readonly TimeSpan RoomWithin = TimeSpan.FromSeconds(8);

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    private readonly Turns own = new(OwnAtOnce, OwnWaiting);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapGet("/webhooks/meta", Handshake).WithTags("Meta").Describe("Meta's subscription handshake.", "webhook.verify_token");
        app.MapPost("/webhooks/meta", Receive).WithTags("Meta").WithMetadata(new RunsAs(WorkKind.Webhooks)).Describe("Meta's signed webhooks of the platform's app.", "webhook.signature");
        app.MapGet("/webhooks/meta/{organizationId:guid}", OwnHandshake).WithTags("Meta").WithMetadata(new RunsAs(WorkKind.Webhooks)).Describe("The handshake of an organization's own Meta app.", "webhook.verify_token", "organization.unknown");
        app.MapPost("/webhooks/meta/{organizationId:guid}", OwnReceive).WithTags("Meta").WithMetadata(new RunsAs(WorkKind.Webhooks)).Describe("Webhooks of an organization's own Meta app: its secret is good for its own numbers only.", "webhook.signature", "organization.unknown");
    }

    private static IResult Handshake(HttpContext context, BspOptions options) => Answer(context.Request.Query, options.Meta.VerifyToken);

    private static async Task<IResult> OwnHandshake(Guid organizationId, HttpContext context, IOrganizationApps apps, CancellationToken ct) =>
        Answer(context.Request.Query, (await apps.FindAsync(organizationId, ct)).VerifyToken);

    private Task<IResult> Receive(HttpContext context, BspOptions options, IWebhookJournal journal, BodyRoom room, CancellationToken ct)
    {
        Judge(context.Request);
        return KeepAsync(context, null, options.Meta.AppSecrets, "app", journal, room, ct);
    }

    private async Task<IResult> OwnReceive(Guid organizationId, HttpContext context, IOrganizationApps apps, IWebhookJournal journal, BodyRoom room, CancellationToken ct)
    {
        Judge(context.Request);
        var secret = (await apps.FindAsync(organizationId, ct)).Secret;
        return await KeepAsync(context, organizationId, secret is null ? [] : [secret], "organization", journal, room, ct);
    }

    private static IResult Answer(IQueryCollection query, string? verifyToken)
    {
        var token = query["hub.verify_token"].ToString();
        return query["hub.mode"] == "subscribe" && verifyToken is { } expected && SecretText.IsShared(expected) && Same(token, expected)
            ? TypedResults.Text(query["hub.challenge"].ToString())
            : throw new Problem(403, "webhook.verify_token", "hub.mode must be subscribe and hub.verify_token the configured token.");
    }

    private async Task<IResult> KeepAsync(HttpContext context, Guid? organizationId, IReadOnlyList<string> secrets, string app, IWebhookJournal journal, BodyRoom room, CancellationToken ct)
    {
        var address = context.Connection.RemoteIpAddress?.ToString();
        using var held = room.Enter(address);
        var body = await ReadAsync(context.Request, held, ct);
        var signature = context.Request.Headers[SignatureHeader].ToString();
        var verdict = Verify(signature, body, secrets, app)
            ?? throw new Problem(401, "webhook.signature", $"{SignatureHeader} is not the HMAC of these bytes under our app secret. Nothing was stored.");
        using var turn = organizationId is { } id ? await own.EnterAsync(id.ToString(), ct) ?? throw Full() : null;
        using var kept = await RoomAsync(body.Length, journal, ct);
        held.Dispose(); // counted as signed from here on
        await journal.WriteAsync(new(organizationId, address, context.Request.Headers.UserAgent.ToString(), Headers(context.Request), verdict, body), ct);
        return TypedResults.Ok();
    }

    // What can be told from the head is told before the body is asked for.
    private static void Judge(HttpRequest request)
    {
        if (request.Headers[SignatureHeader] is not [{ } signature] || !signature.StartsWith(SignaturePrefix, StringComparison.Ordinal)
            || signature.Length != SignaturePrefix.Length + SignatureHexCharacters || signature.AsSpan(SignaturePrefix.Length).ContainsAnyExcept(HexDigits))
        {
            throw new Problem(401, "webhook.signature", $"{SignatureHeader} must be {SignaturePrefix} and {SignatureHexCharacters} hex digits, once. Nothing was read or stored.");
        }

        if (request.ContentType is { } type && !type.AsSpan().TrimStart().StartsWith("application/json", StringComparison.OrdinalIgnoreCase))
        {
            throw new Problem(415, "request.content_type", "Meta sends application/json. Nothing was read or stored.");
        }

        if (request.ContentLength > BodyBytesMax)
        {
            throw new Problem(413, "request.too_large", $"A webhook has at most {BodyBytesMax} bytes. Nothing was read or stored.");
        }

        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = BodyBytesMax;
        }
    }

    private static async Task<IDisposable> RoomAsync(int bytes, IWebhookJournal journal, CancellationToken ct)
    {
        using var within = CancellationTokenSource.CreateLinkedTokenSource(ct);
        within.CancelAfter(RoomWithin);
        try
        {
            return await journal.RoomAsync(bytes, within.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw Full();
        }
    }

    // The pace of the body is the request's (Limits/PacedBody); whose room went to others, or comes too slowly, is told so: Meta repeats.
    private static async Task<byte[]> ReadAsync(HttpRequest request, BodyRoom.Holder held, CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, held.Evicted);
        try
        {
            return await ReadWholeAsync(request, held, either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw Full();
        }
        catch (Problem slow) when (slow.Status == 408)
        {
            throw new Problem(503, "request.too_slow", slow.Message, retryAfterSeconds: 2);
        }
    }

    // A buffer is made only when there are bytes to put into it, and grows by fours.
    private static async Task<byte[]> ReadWholeAsync(HttpRequest request, BodyRoom.Holder held, CancellationToken ct)
    {
        var most = request.ContentLength ?? BodyBytesMax + 1;
        var body = Array.Empty<byte>();
        for (var used = 0; used < most;)
        {
            if (used == body.Length)
            {
                await MoreAsync(request, ct);
                var wanted = (int)Math.Min(most, Math.Max(FirstBytes, 4L * body.Length));
                await held.GrowToAsync(wanted, ct);
                Array.Resize(ref body, wanted);
            }

            var read = await request.Body.ReadAsync(body.AsMemory(used), ct);
            if (read == 0)
            {
                return body[..used];
            }

            used += read;
            held.Progressed();
        }

        return body;
    }

    // A read of nothing returns when there is something, or the end.
    private static ValueTask<int> MoreAsync(HttpRequest request, CancellationToken ct) => request.Body.ReadAsync(Memory<byte>.Empty, ct);

    private static Busy Full() => new("There is no room for this webhook at the moment: send it again.");

    // Over the raw bytes, in constant time; several secrets during a rotation. The header's form was judged before.
    private static string? Verify(string header, byte[] body, IReadOnlyList<string> secrets, string app)
    {
        Span<byte> claimed = stackalloc byte[SignatureHexCharacters / 2];
        if (Convert.FromHexString(header.AsSpan(SignaturePrefix.Length), claimed, out _, out var written) != OperationStatus.Done || written != claimed.Length)
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
        JsonSerializer.Serialize(new Dictionary<string, string> { ["content-type"] = request.ContentType ?? "", ["x-hub-signature-256"] = request.Headers["X-Hub-Signature-256"].ToString() });

    private static bool Same(string a, string b) => CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(a)), SHA256.HashData(Encoding.UTF8.GetBytes(b)));
}
