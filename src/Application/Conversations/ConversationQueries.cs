using Bsp.Application.Common;
using Bsp.Application.Messages;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Conversations;

/// <summary>Latest message first.</summary>
public sealed record ListConversations(Guid OrganizationId, ConversationFilter Filter, int Limit, string? Cursor)
    : IRequest<Page<ConversationDocument>>;

public sealed class ListConversationsValidator : AbstractValidator<ListConversations>
{
    private const int TagCharactersMax = 64;

    public ListConversationsValidator()
    {
        RuleFor(q => q.Filter.Status).Must(s => s is null or "active" or "archived" or "spam").OverridePropertyName("status")
            .WithMessage("status must be one of active, archived, spam.");
        RuleFor(q => q.Filter.Priority).Must(p => p is null or "low" or "medium" or "high" or "urgent").OverridePropertyName("priority")
            .WithMessage("priority must be one of low, medium, high, urgent.");
        RuleFor(q => q.Filter.Tag).Must(t => t is null || t.Length is > 0 and <= TagCharactersMax).OverridePropertyName("tag")
            .WithMessage($"tag must be 1 to {TagCharactersMax} characters.");
    }
}

/// <summary>Null: there is none in this organization.</summary>
public sealed record GetConversation(Guid OrganizationId, Guid ConversationId) : IRequest<ConversationDocument?>;

/// <summary>Newest first. Null: there is no such conversation in this organization.</summary>
public sealed record ListConversationMessages(Guid OrganizationId, Guid ConversationId, int Limit, string? Cursor)
    : IRequest<Page<MessageDocument>?>;

public sealed class ConversationQueryHandler(IDocumentViews views, SenderNames names) :
    IRequestHandler<ListConversations, Page<ConversationDocument>>, IRequestHandler<GetConversation, ConversationDocument?>,
        IRequestHandler<ListConversationMessages, Page<MessageDocument>?>
{
    public Task<Page<ConversationDocument>> Handle(ListConversations query, CancellationToken ct) =>
        views.ConversationsAsync(query.OrganizationId, query.Filter, query.Limit, query.Cursor, ct);

    public Task<ConversationDocument?> Handle(GetConversation query, CancellationToken ct) =>
        views.ConversationAsync(query.OrganizationId, query.ConversationId, ct);

    public async Task<Page<MessageDocument>?> Handle(ListConversationMessages query, CancellationToken ct) =>
        await views.ConversationAsync(query.OrganizationId, query.ConversationId, ct) is null ? null
            : await views.MessagesAsync(query.OrganizationId, query.ConversationId, query.Limit, query.Cursor, ct) is var page
            ? page with { Data = await names.NamedAsync(query.OrganizationId, page.Data, ct) } : null;
}
