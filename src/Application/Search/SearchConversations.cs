using Bsp.Application.Common;
using Bsp.Application.Conversations;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Search;

/// <summary>
/// Conversations that are found by words of their messages, the customer's name or number: those by name first, then by their newest
/// message that has every word. A word of one or two letters is the beginning of one, a longer one any part
/// of one; case, accents and forms of letters do not matter.
/// </summary>
public sealed record SearchConversations(Guid OrganizationId, string Words, ConversationFilter Filter, int Limit, string? Cursor)
    : IRequest<Page<FoundConversation>>;

/// <param name="MessageId">That has the words; null: the customer's name or number has them.</param>
/// <param name="Text">Of the message, at most 200 characters; null as above.</param>
public sealed record FoundConversation(ConversationDocument Conversation, Guid? MessageId, string? Text, DateTimeOffset? At);

/// <summary>The index.</summary>
public interface IConversationSearch
{
    /// <exception cref="Domain.Common.Refusal"><c>cursor.invalid</c>, <c>search.no_words</c></exception>
    Task<Page<FoundConversation>> SearchAsync(Guid organizationId, string words, ConversationFilter filter, int limit, string? cursor,
        CancellationToken ct);
}

public sealed class SearchConversationsValidator : AbstractValidator<SearchConversations>
{
    private const int WordsCharactersMax = 200;

    public SearchConversationsValidator(IValidator<ListConversations> list)
    {
        RuleFor(s => s.Words).Must(w => w.Length is > 0 and <= WordsCharactersMax).OverridePropertyName("q")
            .WithMessage($"q must be 1 to {WordsCharactersMax} characters.");
        RuleFor(s => s).Custom((s, context) =>
        {
            foreach (var fault in list.Validate(new ListConversations(s.OrganizationId, s.Filter, s.Limit, null)).Errors)
            {
                context.AddFailure(fault);
            }
        });
    }
}

public sealed class SearchConversationsHandler(IConversationSearch search) : IRequestHandler<SearchConversations, Page<FoundConversation>>
{
    public Task<Page<FoundConversation>> Handle(SearchConversations query, CancellationToken ct) =>
        search.SearchAsync(query.OrganizationId, query.Words, query.Filter, query.Limit, query.Cursor, ct);
}
