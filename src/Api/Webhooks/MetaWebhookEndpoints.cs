using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Webhooks;
using Microsoft.AspNetCore.Http.Features;

namespace Bsp.Api.Webhooks;

/// <summary>Meta's side door: the handshake, and the signed webhooks. Journal first, 200 second, everything else later.</summary>
public sealed class MetaWebhookEndpoints : IEndpointModule
{
    /// <summary>Bytes of one webhook, at most: what every body may have. Meta sends up to 3 MB (facts/whatsapp-api.md §7).</summary>
    private const int BodyBytesMax = 10 * 1024 * 1024;

    // Whoever waits or sends for longer gets 503 and comes again, so that the room for bodies goes round. Who waits outlasts who sends.
    private static readonly TimeSpan RoomWithin = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan ReadWithin = TimeSpan.FromSeconds(5);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapGet("/webhooks/meta", Handshake).WithTags("Meta").Describe("Meta's subscription handshake.", "webhook.verify_token");
        app.MapPost("/webhooks/meta", Receive).WithTags("Meta").Describe("Meta's signed webhooks of the platform's app.", "webhook.signature");
        app.MapGet("/webhooks/meta/{organizationId:guid}", OwnHandshake).WithTags("Meta").Describe("The handshake of an organization's own Meta app.", "webhook.verify_token", "organization.unknown");
        app.MapPost("/webhooks/meta/{organizationId:guid}", OwnReceive).WithTags("Meta").Describe("Webhooks of an organization's own Meta app: its secret is good for its own numbers only.", "webhook.signature", "organization.unknown");
    }

    private static IResult Handshake(HttpContext context, BspOptions options) => Answer(context.Request.Query, options.Meta.VerifyToken);

    private static async Task<IResult> OwnHandshake(Guid organizationId, HttpContext context, IOrganizationApps apps, CancellationToken ct) =>
        Answer(context.Request.Query, (await apps.FindAsync(organizationId, ct)).VerifyToken);

    private static Task<IResult> Receive(HttpContext context, BspOptions options, IWebhookJournal journal, CancellationToken ct) =>
        KeepAsync(context, null, options.Meta.AppSecrets, "app", journal, ct);

    private static async Task<IResult> OwnReceive(Guid organizationId, HttpContext context, IOrganizationApps apps, IWebhookJournal journal, CancellationToken ct) =>
        await KeepAsync(context, organizationId, (await apps.FindAsync(organizationId, ct)).Secret is { } secret ? [secret] : [], "organization", journal, ct);

    private static IResult Answer(IQueryCollection query, string? verifyToken)
    {
        var token = query["hub.verify_token"].ToString();
        return query["hub.mode"] == "subscribe" && verifyToken is { } expected && SecretText.IsShared(expected) && Same(token, expected)
            ? TypedResults.Text(query["hub.challenge"].ToString())
            : throw new Problem(403, "webhook.verify_token", "hub.mode must be subscribe and hub.verify_token the configured token.");
    }

    private static async Task<IResult> KeepAsync(HttpContext context, Guid? organizationId, IReadOnlyList<string> secrets, string app, IWebhookJournal journal, CancellationToken ct)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = BodyBytesMax;
        }

        var signature = context.Request.Headers["X-Hub-Signature-256"].ToString();
        if (signature.Length == 0)
        {
            throw new Problem(401, "webhook.signature", "X-Hub-Signature-256 is missing. Nothing was read or stored."); // before it takes room from others
        }

        using var room = await RoomAsync(context.Request, journal, ct);
        var body = await ReadAsync(context.Request, ct);
        var verdict = Verify(signature, body, secrets, app)
            ?? throw new Problem(401, "webhook.signature", "X-Hub-Signature-256 is not the HMAC of these bytes under our app secret. Nothing was stored.");
        await journal.WriteAsync(new(organizationId, context.Connection.RemoteIpAddress?.ToString(), context.Request.Headers.UserAgent.ToString(), Headers(context.Request), verdict, body), ct);
        return TypedResults.Ok();
    }

    // Before the first byte is read: who posts has not shown yet that he is Meta.
    private static async Task<IDisposable> RoomAsync(HttpRequest request, IWebhookJournal journal, CancellationToken ct)
    {
        using var within = CancellationTokenSource.CreateLinkedTokenSource(ct);
        within.CancelAfter(RoomWithin);
        return await journal.RoomAsync(Math.Min(request.ContentLength ?? BodyBytesMax, BodyBytesMax), within.Token);
    }

    private static async Task<byte[]> ReadAsync(HttpRequest request, CancellationToken ct)
    {
        using var within = CancellationTokenSource.CreateLinkedTokenSource(ct);
        within.CancelAfter(ReadWithin);
        return await ReadWholeAsync(request, within.Token);
    }

    private static async Task<byte[]> ReadWholeAsync(HttpRequest request, CancellationToken ct)
    {
        if (request.ContentLength is { } length and <= BodyBytesMax)
        {
            var exact = new byte[length];
            await request.Body.ReadExactlyAsync(exact, ct);
            return exact;
        }

        using var buffer = new MemoryStream();
        await request.Body.CopyToAsync(buffer, ct);
        return buffer.ToArray();
    }

    // Over the raw bytes, in constant time; several secrets during a rotation.
    private static string? Verify(string header, byte[] body, IReadOnlyList<string> secrets, string app)
    {
        const string prefix = "sha256=";
        Span<byte> claimed = stackalloc byte[32];
        if (!header.StartsWith(prefix, StringComparison.Ordinal) || header.Length != prefix.Length + 64
            || Convert.FromHexString(header.AsSpan(prefix.Length), claimed, out _, out var written) != OperationStatus.Done || written != 32)
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
