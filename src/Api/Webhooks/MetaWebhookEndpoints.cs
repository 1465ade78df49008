using System.Security.Cryptography;
using System.Text;
using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Application.Common;
using Bsp.Application.Webhooks;
using Carter;

namespace Bsp.Api.Webhooks;

/// <summary>Meta's side door: the handshake, and the signed webhooks. Journal first, 200 second, everything else later.</summary>
public sealed class MetaWebhookEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapGet("/webhooks/meta", Handshake).WithTags("Meta").Describe("Meta's subscription handshake.", "webhook.verify_token");
        app.MapPost("/webhooks/meta", Receive).WithTags("Meta").WithMetadata(new RunsAs(WorkKind.Webhooks), new PacesItself())
            .Describe("Meta's signed webhooks of the platform's app.", "webhook.signature");
        app.MapGet("/webhooks/meta/{organizationId:guid}", OwnHandshake).WithTags("Meta").WithMetadata(new RunsAs(WorkKind.Webhooks))
            .Describe("The handshake of an organization's own Meta app.", "webhook.verify_token", "organization.unknown");
        app.MapPost("/webhooks/meta/{organizationId:guid}", OwnReceive).WithTags("Meta")
            .WithMetadata(new RunsAs(WorkKind.Webhooks), new PacesItself())
            .Describe("Webhooks of an organization's own Meta app: its secret is good for its own numbers only.", "webhook.signature",
                "organization.unknown", "webhook.too_fast");
    }

    private static IResult Handshake(HttpContext context, BspOptions options) => Answer(context.Request.Query, options.Meta.VerifyToken);

    private static async Task<IResult> OwnHandshake(Guid organizationId, HttpContext context, IOrganizationApps apps,
        CancellationToken ct) =>
        Answer(context.Request.Query, (await apps.FindAsync(organizationId, ct)).VerifyToken);

    private Task<IResult> Receive(HttpContext context, BspOptions options, WebhookIntake intake, CancellationToken ct) =>
        intake.TakeAsync(context, null, () => new(options.Meta.AppSecrets), "app", ct);

    private Task<IResult> OwnReceive(Guid organizationId, HttpContext context, IOrganizationApps apps, WebhookIntake intake,
        CancellationToken ct) =>
        intake.TakeAsync(context, organizationId, async () =>
            (await apps.FindAsync(organizationId, ct)).Secret is { } secret ? [secret] : [], "organization", ct);

    private static IResult Answer(IQueryCollection query, string? verifyToken)
    {
        var token = query["hub.verify_token"].ToString();
        return query["hub.mode"] == "subscribe" && verifyToken is { } expected && SecretText.IsShared(expected) && Same(token, expected)
            ? TypedResults.Text(query["hub.challenge"].ToString())
            : throw new Problem(403, "webhook.verify_token", "hub.mode must be subscribe and hub.verify_token the configured token.");
    }

    private static bool Same(string a, string b) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(a)), SHA256.HashData(Encoding.UTF8.GetBytes(b)));
}
