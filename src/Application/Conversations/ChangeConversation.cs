using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Conversations;

/// <summary>
/// Gives a conversation to a person of the organization, or to nobody, and to a team, or to none. What is absent stays; a team alone takes
/// it from whoever has it, and hands it out.
/// </summary>
/// <param name="UserId">Null: nobody.</param>
/// <param name="TeamId">Null: none.</param>
public sealed record AssignConversation(Guid OrganizationId, Guid ConversationId, Optional<Guid?> UserId, Optional<Guid?> TeamId)
    : ICommandOn
{
    Guid ICommandOn.Id => ConversationId;
}

/// <summary>Changes what a conversation is filed under; what is absent stays.</summary>
/// <param name="SeenVersion">If-Match; null decides on whatever is stored.</param>
public sealed record ClassifyConversation(Guid OrganizationId, Guid ConversationId, Optional<string> Status, Optional<string> Priority,
    Optional<IReadOnlyList<string>> Tags, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => ConversationId;
}

public sealed class ClassifyConversationValidator : AbstractValidator<ClassifyConversation>
{
    private const int TagsMax = 50;
    private const int TagCharactersMax = 64;

    public ClassifyConversationValidator()
    {
        RuleFor(c => c.Status).Must(s => !s.IsSet || s.Value is "active" or "archived" or "spam")
            .WithMessage("status must be active, archived or spam.");
        RuleFor(c => c.Priority).Must(p => !p.IsSet || p.Value is "low" or "medium" or "high" or "urgent")
            .WithMessage("priority must be low, medium, high or urgent.");
        RuleFor(c => c.Tags)
            .Must(t => !t.IsSet
                || (t.Value is { Count: <= TagsMax } tags
                    && tags.All(tag => !string.IsNullOrWhiteSpace(tag) && tag.Length <= TagCharactersMax && !tag.Any(char.IsControl))))
            .WithMessage($"tags must be at most {TagsMax} texts of 1 to {TagCharactersMax} characters.");
    }
}

/// <summary>What changing a conversation needs to know beside its stream.</summary>
public interface IConversationReferences
{
    /// <summary>Those of the ids that are active users of the organization.</summary>
    Task<IReadOnlyList<Guid>> UsersAsync(Guid organizationId, IReadOnlyCollection<Guid> userIds, CancellationToken ct);

    /// <summary>The active members of these teams, by team; a team that the organization does not have is missing.</summary>
    Task<IReadOnlyDictionary<Guid, IReadOnlyList<Guid>>> MembersAsync(Guid organizationId, IReadOnlyCollection<Guid> teamIds,
        CancellationToken ct);
}

/// <summary>Finds whose conversation it is: by its stream, else (nobody decided anything on it yet) by its document.</summary>
public sealed class ConversationParties(IEventStore store, IDocumentViews views)
{
    /// <exception cref="Refusal"><c>conversation.unknown</c></exception>
    public async Task<(Guid AccountId, Guid ContactId)> RequireAsync(Guid organizationId, Guid conversationId, CancellationToken ct)
    {
        var (state, _, _) = await store.LoadStateAsync<Conversation, ConversationEvent>(organizationId, conversationId, ct);
        if (state.AccountId != Guid.Empty)
        {
            return (state.AccountId, state.ContactId);
        }

        var document = await views.ConversationAsync(organizationId, conversationId, ct)
            ?? throw new Refusal("conversation.unknown", "There is no such conversation.");
        return (document.AccountId, document.ContactId);
    }
}

public sealed class ChangeConversationHandler(IEventStore store, ConversationParties parties, IConversationReferences references,
    TimeProvider clock) :
    IRequestHandler<AssignConversation, Done>, IRequestHandler<ClassifyConversation, Done>
{
    public async Task<Done> Handle(AssignConversation command, CancellationToken ct)
    {
        var (account, contact) = await parties.RequireAsync(command.OrganizationId, command.ConversationId, ct);
        if (command.UserId.Value is { } user && (await references.UsersAsync(command.OrganizationId, [user], ct)).Count == 0)
        {
            throw new Refusal("user.unknown", "The organization has no active user with this id.");
        }

        if (command.TeamId.Value is { } team && (await references.MembersAsync(command.OrganizationId, [team], ct)).Count == 0)
        {
            throw new Refusal("team.unknown", "There is no such team.");
        }

        var of = new ConversationOf(command.ConversationId, account, contact);
        return await DecideAsync(command.OrganizationId, command.ConversationId, state =>
            Conversation.Assign(state, of, UserOf(command, state), command.TeamId.IsSet ? command.TeamId.Value : state.TeamId,
            "person", clock.GetUtcNow()), null, ct);
    }

    private static Guid? UserOf(AssignConversation command, Conversation state) =>
        command.UserId.IsSet ? command.UserId.Value : command.TeamId is { IsSet: true, Value: { } team } && team != state.TeamId ? null
        : state.AssignedTo;

    public async Task<Done> Handle(ClassifyConversation command, CancellationToken ct)
    {
        var (account, contact) = await parties.RequireAsync(command.OrganizationId, command.ConversationId, ct);
        return await DecideAsync(command.OrganizationId, command.ConversationId, state =>
            Conversation.Classify(state, command.ConversationId, account, contact,
            command.Status.IsSet ? command.Status.Value : state.Status, command.Priority.IsSet ? command.Priority.Value : state.Priority,
            command.Tags.IsSet ? [.. command.Tags.Value.Distinct()] : state.Tags, clock.GetUtcNow()), command.SeenVersion, ct);
    }

    private Task<Done> DecideAsync(Guid organizationId, Guid conversationId, Func<Conversation, IReadOnlyList<ConversationEvent>> decide,
        long? seen, CancellationToken ct) =>
        store.Decide<Conversation, ConversationEvent>(organizationId, conversationId,
            decide, seen, ct);
}
