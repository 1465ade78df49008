using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Conversations;

/// <summary>Writes a note for colleagues. The customer never gets it, and no model sees it.</summary>
/// <param name="By">The user's id or the key's prefix.</param>
/// <param name="Mentions">Users who are told; the writer is not.</param>
/// <param name="MentionTeams">Teams whose members of this moment are told.</param>
public sealed record NoteInConversation(Guid OrganizationId, Guid ConversationId, string Text, Guid? UserId, string By,
    IReadOnlyList<Guid> Mentions, IReadOnlyList<Guid> MentionTeams) : IRequest<ConversationNote>;

/// <summary>Notes of a conversation, newest first. Refused with <c>conversation.unknown</c>.</summary>
public sealed record ListNotes(Guid OrganizationId, Guid ConversationId, int Limit, string? Cursor) : IRequest<Page<ConversationNote>>;

/// <summary>Where a person is mentioned, newest first.</summary>
/// <param name="Unseen">Only what they have not seen.</param>
public sealed record ListMentions(Guid OrganizationId, Guid UserId, bool Unseen, int Limit, string? Cursor) : IRequest<Page<Mention>>;

/// <param name="Text">Null: the contact was erased.</param>
/// <param name="UserId">Who wrote it; null: a key.</param>
/// <param name="By">The user's id or the key's prefix.</param>
/// <param name="Mentions">Users who were told.</param>
public sealed record ConversationNote(Guid Id, Guid ConversationId, string? Text, Guid? UserId, string By, IReadOnlyList<Guid> Mentions,
    DateTimeOffset CreatedAt);

/// <param name="SeenAt">Null: not yet. Reading the conversation marks it.</param>
public sealed record Mention(Guid NoteId, Guid ConversationId, DateTimeOffset CreatedAt, DateTimeOffset? SeenAt);

/// <summary>Notes and mentions as they are kept.</summary>
public interface IConversationNotes
{
    Task<Page<ConversationNote>> NotesAsync(Guid organizationId, Guid conversationId, int limit, string? cursor, CancellationToken ct);

    Task<Page<Mention>> MentionsAsync(Guid organizationId, Guid userId, bool unseen, int limit, string? cursor, CancellationToken ct);

    /// <summary>The person has seen what mentions them in this conversation.</summary>
    Task SeenAsync(Guid organizationId, Guid conversationId, Guid userId, CancellationToken ct);
}

public sealed class NoteInConversationValidator : AbstractValidator<NoteInConversation>
{
    private const int TextCharactersMax = 4_096;
    private const int MentionsMax = 50;
    private const int TeamsMax = 10;

    public NoteInConversationValidator()
    {
        RuleFor(n => n.Text).Must(t => !string.IsNullOrWhiteSpace(t) && t.Length <= TextCharactersMax && !t.Contains('\0'))
            .WithMessage($"text must be 1 to {TextCharactersMax} characters.");
        RuleFor(n => n.Mentions).Must(m => m.Count <= MentionsMax).WithMessage($"mentions must be at most {MentionsMax} users.");
        RuleFor(n => n.MentionTeams).Must(m => m.Count <= TeamsMax).WithMessage($"mention_teams must be at most {TeamsMax} teams.");
    }
}

public sealed class NoteInConversationHandler(IEventStore store, ConversationParties parties, IConversationReferences references,
    IPersonalData personal, TimeProvider clock) : IRequestHandler<NoteInConversation, ConversationNote>
{
    public async Task<ConversationNote> Handle(NoteInConversation command, CancellationToken ct)
    {
        var (account, contact) = await parties.RequireAsync(command.OrganizationId, command.ConversationId, ct);
        var mentioned = await MentionedAsync(command, ct);
        var key = contact == Guid.Empty ? command.ConversationId : contact; // a group is nobody's: its notes have a key of their own
        var content = (await personal.SealAsync(command.OrganizationId, [(key, command.Text)], ct))[0];
        var (id, at) = (CurrentRequest.NewId(), clock.GetUtcNow());
        if (CurrentRequest.Value is not { Claim.WorkDone: true }) // else a repeat whose answer was lost
        {
            await store.Decide<Conversation, ConversationEvent>(command.OrganizationId, command.ConversationId,
                _ => [new ConversationNoted(command.ConversationId, account, contact, id, content, command.UserId, command.By, mentioned,
                    at)], null, ct);
        }

        return new(id, command.ConversationId, command.Text, command.UserId, command.By, mentioned, at);
    }

    private async Task<IReadOnlyList<Guid>> MentionedAsync(NoteInConversation command, CancellationToken ct)
    {
        var users = command.Mentions.Count == 0 ? []
            : await references.UsersAsync(command.OrganizationId, [.. command.Mentions.Distinct()], ct);
        if (command.Mentions.Except(users).Any())
        {
            throw new Refusal("user.unknown", "mentions names somebody who is no active user of the organization.");
        }

        var teams = command.MentionTeams.Count == 0 ? new Dictionary<Guid, IReadOnlyList<Guid>>()
            : await references.MembersAsync(command.OrganizationId, [.. command.MentionTeams.Distinct()], ct);
        return command.MentionTeams.Any(team => !teams.ContainsKey(team))
            ? throw new Refusal("team.unknown", "mention_teams names a team that does not exist.")
            : [.. users.Concat(teams.Values.SelectMany(members => members)).Where(user => user != command.UserId).Distinct().Order()];
    }
}

public sealed class NoteQueryHandler(IConversationNotes notes, ConversationParties parties)
    : IRequestHandler<ListNotes, Page<ConversationNote>>, IRequestHandler<ListMentions, Page<Mention>>
{
    public async Task<Page<ConversationNote>> Handle(ListNotes query, CancellationToken ct)
    {
        await parties.RequireAsync(query.OrganizationId, query.ConversationId, ct);
        return await notes.NotesAsync(query.OrganizationId, query.ConversationId, query.Limit, query.Cursor, ct);
    }

    public Task<Page<Mention>> Handle(ListMentions query, CancellationToken ct) =>
        notes.MentionsAsync(query.OrganizationId, query.UserId, query.Unseen, query.Limit, query.Cursor, ct);
}
