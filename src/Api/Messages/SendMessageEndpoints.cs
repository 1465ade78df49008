using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Messages;
using Bsp.Domain.Messages;
using Carter;

namespace Bsp.Api.Messages;

/// <summary>What a message says, in Meta's own shape: <c>type</c> and the object of that name.</summary>
public abstract record MessageParts
{
    public required string Type { get; init; }

    public JsonElement? Text { get; init; }

    public JsonElement? Image { get; init; }

    public JsonElement? Video { get; init; }

    public JsonElement? Audio { get; init; }

    public JsonElement? Document { get; init; }

    public JsonElement? Sticker { get; init; }

    public JsonElement? Location { get; init; }

    public JsonElement? Contacts { get; init; }

    public JsonElement? Reaction { get; init; }

    public JsonElement? Interactive { get; init; }

    public JsonElement? Template { get; init; }

    /// <summary>Answers this message, named by our id or Meta's; null: none.</summary>
    public string? ContextMessageId { get; init; }

    /// <summary>The object of the type; undefined when it is missing.</summary>
    public JsonElement Body() => (Type switch
    {
        "text" => Text,
        "image" => Image,
        "video" => Video,
        "audio" => Audio,
        "document" => Document,
        "sticker" => Sticker,
        "location" => Location,
        "contacts" => Contacts,
        "reaction" => Reaction,
        "interactive" => Interactive,
        "template" => Template,
        _ => null,
    }) ?? default;
}

/// <summary>One message to somebody.</summary>
/// <param name="To">E.164, or a business-scoped user id.</param>
public sealed record SendMessageRequest(Guid AccountId, string To) : MessageParts;

/// <param name="Status">Always <c>pending</c>: what becomes of it shows GET.</param>
public sealed record QueuedMessageResponse(Guid Id, string Status, Guid AccountId, string Type);

public sealed class SendMessageEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app) =>
        app.MapPost("/v1/messages", Send).WithTags("Messages").Produces<QueuedMessageResponse>(201)
            .Describe("Sends one message. Anything but a template needs an open customer-service window.", "account.unknown",
                "template.unknown", "message.account_not_connected", "message.template_not_approved", "message.no_consent",
                "message.recipient_invalid", "message.template_parameters", "message.target_unknown",
                "media.unknown", "media.not_ready", "media.kind_mismatch", "conversation.window_closed",
                "organization.suspended", "wallet.insufficient",
                "rate_card.missing");

    private static async Task<IResult> Send(SendMessageRequest body, Call call)
    {
        var done = await call.Send(new SendMessage(call.OrganizationId, body.AccountId, body.To, body.Type, body.Body(),
            body.ContextMessageId, call.Caller.Sends("api", automated: call.Caller.Session is null)));
        return call.Created($"/v1/messages/{done.Id}",
            new QueuedMessageResponse(done.Id, "pending", body.AccountId, body.Type));
    }
}
