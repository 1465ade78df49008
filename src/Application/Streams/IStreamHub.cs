using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;

namespace Bsp.Application.Streams;

/// <summary>One server-sent event, encoded once for everybody who follows.</summary>
/// <param name="At">Place in the log; packed. 0: it is of no event of the log and cannot be asked for again.</param>
/// <param name="Bytes">As it goes over the wire.</param>
/// <param name="UserId">Only for this person; null: for all of the organization.</param>
public sealed record StreamFrame(long At, byte[] Bytes, Guid? UserId = null);

/// <summary>How frames are written.</summary>
public interface IFrameEncoder
{
    /// <param name="at">Place in the log; null: none, and the frame has no id.</param>
    byte[] Conversation(ConversationDocument document, Position at);

    byte[] Message(MessageDocument document, Position at);

    /// <param name="data">What stands under <c>data:</c>, as JSON.</param>
    byte[] Other(string name, object data, Position? at);
}

/// <summary>
/// What happens in an organization, as it happens. One reader of the log a process and shard, and one ring of frames an organization.
/// Decision: docs/decisions/0253.
/// </summary>
public interface IStreamHub
{
    /// <summary>Begins to follow; the end of what is final then is <see cref="IStreamFollower.Begin"/>.</summary>
    /// <exception cref="Common.Busy">So many follow already that this process takes no more.</exception>
    Task<IStreamFollower> FollowAsync(Guid organizationId, CancellationToken ct);

    /// <summary>Completes at the next beat, every five seconds: one timer for all.</summary>
    Task Beat { get; }

    /// <summary>Beats so far: whoever was busy at one sees it here.</summary>
    long Beats { get; }

    /// <summary>Beats between two looks whether the caller may still follow: one, and more when many follow.</summary>
    int BeatsBetweenLooks { get; }
}

/// <summary>One who follows. Dispose when they have gone.</summary>
public interface IStreamFollower : IDisposable
{
    /// <summary>Everything after it comes.</summary>
    Position Begin { get; }

    /// <summary>False: the organization lives on another shard now, where its frames are made. Whoever follows comes again.</summary>
    ValueTask<bool> IsHomeAsync(CancellationToken ct);

    /// <summary>Completes when there is more. Take it before <see cref="Take"/>, so that nothing in between is missed.</summary>
    Task More { get; }

    /// <summary>The next frames, oldest first; none: there are none yet. Null: some have left the ring unseen, look into the log.</summary>
    IReadOnlyList<StreamFrame>? Take();

    /// <summary>
    /// What came after a place, from the log; goes on with the ring behind it. Null: too much, begin anew: the place where is
    /// <see cref="Begin"/> then.
    /// </summary>
    Task<IReadOnlyList<StreamFrame>?> ResumeAsync(Position after, CancellationToken ct);
}

/// <summary>Who a ticket stands for. The rights are looked up each time; only who it was is kept.</summary>
/// <param name="Kind"><c>session</c>, <c>key</c> or <c>platform</c>.</param>
/// <param name="Hash">Of the session's token or the key; empty: the platform's key.</param>
public sealed record StreamTicket(string Kind, string Hash, Guid OrganizationId);

/// <summary>Tickets for browsers, which cannot send headers with an EventSource: each opens one stream, once, within a minute.</summary>
public interface IStreamTickets
{
    static readonly TimeSpan Life = TimeSpan.FromSeconds(60);

    /// <summary>The ticket.</summary>
    /// <exception cref="Common.StoreUnavailable">Redis cannot be reached.</exception>
    Task<string> IssueAsync(StreamTicket ticket, CancellationToken ct);

    /// <summary>Null: there is no such ticket (any more).</summary>
    /// <exception cref="Common.StoreUnavailable">Redis cannot be reached.</exception>
    Task<StreamTicket?> TakeAsync(string ticket, CancellationToken ct);
}
