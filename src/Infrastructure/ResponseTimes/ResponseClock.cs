using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;

namespace Bsp.Infrastructure.ResponseTimes;

/// <summary>
/// The clock of one conversation. An episode begins with the customer's first message, or the first after it was archived; only people stop
/// it, never the machine.
/// </summary>
internal sealed record ResponseClock(Guid ConversationId, Guid OrganizationId, Guid AccountId, int Episode, DateTimeOffset? StartedAt,
    bool Answered, bool Resolved, DateTimeOffset? WaitingSince, Guid? AssignedTo, Guid? TeamId)
{
    /// <summary>The conversation that an event is about; null: it moves no clock.</summary>
    public static (Guid Id, Guid Account)? Of(object? body) => body switch
    {
        MessageReceived e when InboundKind.Of(e.Ref.Type).IsMessage => (e.Ref.ConversationId, e.Ref.AccountId),
        ConversationAnswered e => (e.ConversationId, e.AccountId),
        ConversationClassified e => (e.ConversationId, e.AccountId),
        ConversationAssigned e => (e.ConversationId, e.AccountId),
        _ => null,
    };

    /// <summary>The clock after the event, and the answer or resolution that it was.</summary>
    public (ResponseClock After, ResponseTime? Row) Take(StoredEvent stored, long position) => stored.Body switch
    {
        MessageReceived e => (Heard(e.At), null),
        ConversationAnswered e => (this with { Answered = Episode > 0, WaitingSince = null }, Answer(e, position)),
        ConversationClassified { Status: "archived" } e when Episode > 0 && !Resolved =>
            (this with { Resolved = true, WaitingSince = null },
            Row("resolution", StartedAt!.Value, e.At, AssignedTo, AssignedTo?.ToString(), position)),
        ConversationClassified { Status: not "active" } => (this with { WaitingSince = null }, null),
        ConversationAssigned e => (this with { AssignedTo = e.UserId, TeamId = e.TeamId }, null),
        _ => (this, null),
    };

    private ResponseClock Heard(DateTimeOffset at) => Episode == 0 || Resolved
        ? this with { Episode = Episode + 1, StartedAt = at, Answered = false, Resolved = false, WaitingSince = at }
        : WaitingSince is null ? this with { WaitingSince = at } : this;

    private ResponseTime? Answer(ConversationAnswered e, long position) => Episode == 0 || Resolved ? null
        : !Answered ? Row("first", StartedAt!.Value, e.At, e.UserId, e.By, position)
        : WaitingSince is { } since ? Row("next", since, e.At, e.UserId, e.By, position) : null;

    private ResponseTime Row(string kind, DateTimeOffset from, DateTimeOffset at, Guid? user, string? by, long position) => new(
        OrganizationId, position, kind, ConversationId, AccountId, Episode, user, by, TeamId, from, at < from ? from : at);
}

/// <summary>An answer, or a resolution.</summary>
internal sealed record ResponseTime(Guid OrganizationId, long Position, string Kind, Guid ConversationId, Guid AccountId, int Episode,
    Guid? UserId, string? By, Guid? TeamId, DateTimeOffset From, DateTimeOffset At)
{
    /// <summary>By the clock on the wall.</summary>
    public long Seconds => (long)(At - From).TotalSeconds;
}
