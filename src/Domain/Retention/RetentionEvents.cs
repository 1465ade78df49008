using Bsp.Domain.Common;

namespace Bsp.Domain.Retention;

/// <summary>
/// A fact about what was archived and is kept no more. The stream is the archive. Views take their documents away when they meet it, so
/// that one that is built anew ends with the same.
/// </summary>
public abstract record RetentionEvent;

/// <summary>These messages are in an archive, and their documents go.</summary>
/// <param name="Messages">At most 500.</param>
/// <param name="Conversations">Those that the messages are of.</param>
/// <param name="Ended">Of these, those of which nothing is left: their documents go, too, unless something was written meanwhile.</param>
/// <param name="Before">All of it is older.</param>
[StoredAs("messages_retired")]
public sealed record MessagesRetired(Guid ArchiveId, IReadOnlyList<Guid> Messages, IReadOnlyList<Guid> Conversations,
    IReadOnlyList<Guid> Ended, DateTimeOffset Before, DateTimeOffset At) : RetentionEvent;

/// <summary>What models were asked in these conversations is archived without words and without anybody's id, and goes.</summary>
/// <param name="Conversations">At most 500.</param>
/// <param name="Before">Histories in which something was said later stay.</param>
[StoredAs("ai_conversations_retired")]
public sealed record AiConversationsRetired(Guid ArchiveId, IReadOnlyList<Guid> Conversations, DateTimeOffset Before, DateTimeOffset At)
    : RetentionEvent;

/// <summary>The archive was written, read back and counted.</summary>
/// <param name="Kind"><c>messages</c> or <c>ai_conversations</c>.</param>
/// <param name="ObjectKey">Its name in object storage.</param>
/// <param name="ObjectSha256">Hex, of the whole object.</param>
/// <param name="Bytes">Of the object.</param>
/// <param name="Documents">In it.</param>
/// <param name="Contents">Events whose sealed content went from the log.</param>
/// <param name="ContentsSha256">Hex SHA-256 over their numbers and the hashes of their bodies before and after, in the order of numbers;
/// null: none.</param>
/// <param name="Before">All of it is older.</param>
[StoredAs("archive_kept")]
public sealed record ArchiveKept(Guid ArchiveId, string Kind, string ObjectKey, string ObjectSha256, long Bytes, int Documents,
    int Contents, string? ContentsSha256, DateTimeOffset Before, DateTimeOffset At) : RetentionEvent;
