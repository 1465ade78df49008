namespace Bsp.Application.Messages;

/// <summary>Two members of an audience may have become one person after their messages were queued: one of the two may go.</summary>
public interface IMergedRecipients
{
    /// <summary>Why the other of the two was passed over.</summary>
    const string Duplicate = "duplicate";

    /// <summary>Of these messages, by their ids, those that must not leave. Asked before each call to Meta is begun.</summary>
    Task<IReadOnlySet<Guid>> DuplicatesAsync(Guid organizationId, IReadOnlyDictionary<Guid, KnownMessage> messages, CancellationToken ct);
}
