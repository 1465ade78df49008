using Bsp.Api.Common;
using Bsp.Application.Ai;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Carter;

namespace Bsp.Api.Ai;

/// <param name="Active">False: people answer, no machine any more. True: a machine may answer again.</param>
public sealed record AiTurnRequest(bool Active);

/// <summary>What a model was asked in a conversation and what came of it.</summary>
/// <param name="SystemPrompt">The instructions of the latest question; null: the embedded reader takes none.</param>
/// <param name="Messages">The latest 200; tokens of a question stand with its last message.</param>
/// <param name="TotalCost">By the organization's own prices.</param>
public sealed record AiConversationResponse(Guid ConversationId, Guid OrganizationId, Guid ContactId, string Model, string? SystemPrompt,
    IReadOnlyList<AiMessage> Messages, AiContext? Context, long TotalTokens, decimal TotalCost, DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public static AiConversationResponse Of(AiConversationDocument d) => new(d.Uuid, d.OrganizationId, d.ContactId, d.Model,
        d.SystemPrompt, d.Messages, d.Context, d.TotalTokens, d.TotalCost, d.CreatedAt, d.UpdatedAt);
}

/// <summary>Machines in one conversation.</summary>
public sealed class AiConversationEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var conversations = app.MapGroup("/v1/conversations").WithTags("Conversations");
        conversations.MapGet("{id:guid}/ai", GetAsync).Produces<AiConversationResponse>()
            .Describe("What a model was asked in the conversation and what came of it.", "conversation.unknown",
                "ai_conversation.unknown", "view.behind");
        conversations.MapPost("{id:guid}/ai", TurnAsync).Produces(204)
            .Describe("Takes the conversation from machines, or gives it back to them.", "conversation.unknown");
    }

    private static async Task<IResult> GetAsync(Guid id, MinPosition min, Call call)
    {
        await min.ReachedAsync(call.Context.RequestServices, ViewNames.Conversations, call.OrganizationId, call.Aborted);
        _ = await call.Send(new GetConversation(call.OrganizationId, id)) ?? throw Problem.Unknown("conversation");
        return call.Ok(AiConversationResponse.Of(await call.Send(new GetAiConversation(call.OrganizationId, id))
            ?? throw Problem.Unknown("ai_conversation")));
    }

    private static async Task<IResult> TurnAsync(Guid id, AiTurnRequest body, Call call)
    {
        await call.Send(new TurnAi(call.OrganizationId, id, body.Active, call.Caller.Session?.UserId, call.Caller.Name));
        return TypedResults.NoContent();
    }
}
