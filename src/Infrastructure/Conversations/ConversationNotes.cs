using System.Globalization;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Conversations;

/// <inheritdoc cref="IConversationNotes"/>
public sealed class ConversationNotes(Shards shards, IPersonalData personal, TimeProvider clock) : IConversationNotes
{
    public async Task<Page<ConversationNote>> NotesAsync(Guid organizationId, Guid conversationId, int limit, string? cursor,
        CancellationToken ct)
    {
        var from = Cursor(cursor);
        var shard = await shards.OfAsync(organizationId, ct);
        var rows = await shard.QueryAsync(organizationId, """
            SELECT id, key_id, data, user_id, author, mentions, created_at FROM bsp.conversation_notes
             WHERE conversation_id = $1 AND (organization_id = $2) IS TRUE AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $5
            """,
            r => (Content: new Sealed(r.GetGuid(1), r.GetString(2)),
                Note: new ConversationNote(r.GetGuid(0), conversationId, null, r.GuidOrNull(3), r.GetString(4), r.GetFieldValue<Guid[]>(5),
                    r.GetFieldValue<DateTimeOffset>(6))),
            ct, conversationId, organizationId, from.At.UtcDateTime, from.Id, limit + 1);
        var texts = await personal.OpenAsync(organizationId, [.. rows.Select(r => r.Content)], ct);
        return Of([.. rows.Select((row, i) => row.Note with { Text = texts[i] })], limit, n => (n.CreatedAt, n.Id));
    }

    public async Task<Page<Mention>> MentionsAsync(Guid organizationId, Guid userId, bool unseen, int limit, string? cursor,
        CancellationToken ct)
    {
        var from = Cursor(cursor);
        var rows = await (await shards.OfAsync(organizationId, ct)).QueryAsync(organizationId, """
            SELECT note_id, conversation_id, created_at, seen_at FROM bsp.mentions
             WHERE user_id = $1 AND (organization_id = $2) IS TRUE AND (created_at, note_id) < ($3, $4) AND (NOT $6 OR seen_at IS NULL) ORDER BY created_at DESC, note_id DESC LIMIT $5
            """, r => new Mention(r.GetGuid(0), r.GetGuid(1), r.GetFieldValue<DateTimeOffset>(2), r.TimeOrNull(3)), ct, userId, organizationId, from.At.UtcDateTime, from.Id, limit + 1, unseen);
        return Of(rows, limit, m => (m.CreatedAt, m.NoteId));
    }

    public async Task SeenAsync(Guid organizationId, Guid conversationId, Guid userId, CancellationToken ct)
    {
        await using var transaction = await (await shards.OfAsync(organizationId, ct)).BeginAsync(organizationId, ct);
        if (await transaction.ExecuteAsync(
            "UPDATE bsp.mentions SET seen_at = $3 WHERE conversation_id = $1 AND user_id = $2 AND seen_at IS NULL", ct, conversationId,
            userId, clock.GetUtcNow().UtcDateTime) > 0)
        {
            await transaction.CommitUnmarkedAsync(ct);
        }
    }

    // {ticks}.{id}; without one, later than anything.
    private static (DateTimeOffset At, Guid Id) Cursor(string? cursor) =>
        cursor is null ? (DateTimeOffset.MaxValue.AddDays(-1), Guid.Empty)
        : cursor.Split('.') is [var ticks, var id] && long.TryParse(ticks, NumberStyles.None, CultureInfo.InvariantCulture, out var at)
        && at <= DateTimeOffset.MaxValue.Ticks && Guid.TryParse(id, out var note)
            ? (new(at, TimeSpan.Zero), note)
            : throw new Refusal("cursor.invalid", "This cursor is not one of ours. Start again without it.");

    private static Page<T> Of<T>(List<T> rows, int limit, Func<T, (DateTimeOffset At, Guid Id)> key) =>
        rows.Count <= limit ? new(rows, null)
        : new(rows[..limit], string.Create(CultureInfo.InvariantCulture, $"{key(rows[limit - 1]).At.UtcTicks}.{key(rows[limit - 1]).Id}"));
}
