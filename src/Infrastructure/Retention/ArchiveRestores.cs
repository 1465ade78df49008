using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Objects;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Retention;

/// <summary>What came back.</summary>
/// <param name="Erased">Pieces that nobody can read any more: their contact was erased.</param>
public sealed record RestoredConversation(int Messages, bool Conversation, int Archives, int Erased, DateTimeOffset Until);

/// <summary>
/// Brings a conversation back from its archives, for a time: its documents are shown again as they were. The log and the archives stay as
/// they are.
/// </summary>
public sealed class ArchiveRestores
{
    /// <summary>Days that a conversation stays when nobody says otherwise.</summary>
    public const int DaysStandard = 30;

    private readonly Shards shards;
    private readonly IObjectStore objects;
    private readonly IContactKeys keys;
    private readonly IDocumentStore documents;
    private readonly TimeProvider clock;

    internal ArchiveRestores(Shards shards, IObjectStore objects, IContactKeys keys, IDocumentStore documents, TimeProvider clock) =>
        (this.shards, this.objects, this.keys, this.documents, this.clock) = (shards, objects, keys, documents, clock);

    /// <summary>Conversations that are left alone now; those whose time is over are forgotten.</summary>
    internal static async Task<IReadOnlySet<Guid>> StandingAsync(Shard shard, Guid organizationId, DateTimeOffset now, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(organizationId, ct);
        await tx.ExecuteAsync("DELETE FROM bsp.archive_restores WHERE organization_id = $1 AND until <= $2", ct, organizationId,
            now.UtcDateTime);
        var standing = await tx.QueryAsync("SELECT conversation_id FROM bsp.archive_restores WHERE organization_id = $1", r => r.GetGuid(0),
            ct, organizationId);
        await tx.CommitAsync(ct);
        return standing.ToHashSet();
    }

    /// <summary>Puts the conversation's documents back.</summary>
    /// <exception cref="Refusal"><c>archive.unknown</c>: nothing of it is archived.</exception>
    /// <exception cref="ArchiveFault">An object is away or was changed.</exception>
    public async Task<RestoredConversation> RestoreAsync(Guid organizationId, Guid conversationId, int days, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var found = await ReadAsync(shard, organizationId, conversationId, ct);
        var until = clock.GetUtcNow().AddDays(days);
        await using (var tx = await shard.BeginAsync(organizationId, ct))
        {
            await tx.ExecuteAsync("""
                INSERT INTO bsp.archive_restores (organization_id, conversation_id, restored_at, until, messages)
                VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization_id, conversation_id)
                DO UPDATE SET restored_at = excluded.restored_at, until = excluded.until, messages = excluded.messages
                """, ct, organizationId, conversationId, clock.GetUtcNow().UtcDateTime, until.UtcDateTime, found.Messages.Count);
            await tx.CommitAsync(ct);
        }

        var conversation = found.Conversation ?? await MadeAsync(shard, organizationId, found.Messages, ct);
        await documents.SaveAsync(shard, DocumentSet.Serving, ViewNames.Conversations, null, [organizationId],
            new(conversation is null ? [] : [conversation], found.Messages, []), ct);
        return new(found.Messages.Count, conversation is not null, found.Archives, found.Erased, until);
    }

    // Where nobody kept the conversation's own document (a store that expires it by itself), as much of it as its messages say.
    private async Task<ConversationDocument?> MadeAsync(Shard shard, Guid organizationId, IReadOnlyList<MessageDocument> messages,
        CancellationToken ct)
    {
        if (messages.Count == 0 || (await documents.FindAsync(shard, DocumentSet.Serving, [organizationId], [messages[0].ConversationId],
            [], ct)).Conversations.Count > 0)
        {
            return null;
        }

        var (first, last) = (messages[0], messages[^1]);
        return new()
        {
            Id = last.ConversationId, Uuid = last.ConversationUuid, OrganizationId = organizationId, AccountId = last.AccountId,
            ContactId = last.GroupId is null ? last.ContactId : Guid.Empty, GroupId = last.GroupId, Position = last.Position,
            Status = "archived", LastMessageAt = last.CreatedAt, CreatedAt = first.CreatedAt, UpdatedAt = last.CreatedAt,
            MessageCount = new(messages.Count(m => m.Direction == "inbound"), messages.Count(m => m.Direction != "inbound")),
        };
    }

    /// <summary>Writes the conversation's documents as JSON, a line each, and puts nothing back; how many.</summary>
    /// <exception cref="Refusal"><c>archive.unknown</c></exception>
    public async Task<int> WriteAsync(Guid organizationId, Guid conversationId, TextWriter to, CancellationToken ct)
    {
        var found = await ReadAsync(await shards.OfAsync(organizationId, ct), organizationId, conversationId, ct);
        foreach (var line in (found.Conversation is { } one ? [DocumentJson.Write(one)] : Array.Empty<string>())
            .Concat(found.Messages.Select(DocumentJson.Write)))
        {
            await to.WriteLineAsync(line.AsMemory(), ct);
        }

        return found.Messages.Count + (found.Conversation is null ? 0 : 1);
    }

    /// <summary>The conversation as its archives have it, oldest first.</summary>
    internal async Task<FoundConversation> ReadAsync(Shard shard, Guid organizationId, Guid conversationId, CancellationToken ct)
    {
        var parts = await shard.QueryAsync(organizationId, """
            SELECT a.object_key, p.starts_at, p.length
              FROM bsp.archive_parts p JOIN bsp.archives a ON a.id = p.archive_id AND a.state = 'kept'
             WHERE p.organization_id = $1 AND p.conversation_id = $2 ORDER BY a.id
            """, r => (Key: r.GetString(0), StartsAt: r.GetInt64(1), Length: r.GetInt32(2)), ct, organizationId, conversationId);
        if (parts.Count == 0)
        {
            throw new Refusal("archive.unknown", "Nothing of this conversation is archived.");
        }

        var (messages, erased) = (new Dictionary<Guid, MessageDocument>(), 0);
        ConversationDocument? conversation = null;
        using var reader = new ArchiveReader();
        foreach (var (key, startsAt, _) in parts)
        {
            await using var stored = await objects.OpenAsync(key, startsAt, ct)
                ?? throw new ArchiveFault($"The archive {key} is not in object storage.");
            var (keyId, closed) = await ArchiveReader.PieceAsync(stored, ct) ?? throw new ArchiveFault($"The archive {key} is too short.");
            if (!(await keys.KeysAsync(organizationId, [keyId], ct)).TryGetValue(keyId, out var secret))
            {
                erased++;
                continue;
            }

            foreach (var document in reader.Open(secret, closed))
            {
                if (document.Kind == 'M' && DocumentJson.Read<MessageDocument>(document.Json.Span) is { } message
                    && message.ConversationUuid == conversationId)
                {
                    messages[message.Uuid] = message;
                }
                else if (document.Kind == 'C' && DocumentJson.Read<ConversationDocument>(document.Json.Span) is { } own
                    && own.Uuid == conversationId && own.Position >= (conversation?.Position ?? 0))
                {
                    conversation = own;
                }
            }
        }

        return new([.. messages.Values.OrderBy(m => m.CreatedAt).ThenBy(m => m.Uuid)], conversation,
            parts.Select(p => p.Key).Distinct().Count(), erased);
    }
}

/// <param name="Conversation">Null: its document was not archived.</param>
internal sealed record FoundConversation(IReadOnlyList<MessageDocument> Messages, ConversationDocument? Conversation, int Archives,
    int Erased);
