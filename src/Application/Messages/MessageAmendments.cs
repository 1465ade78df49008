namespace Bsp.Application.Messages;

/// <summary>
/// Reactions, edits and revocations, put on the messages they are about when those are shown: in whatever order, and however often, they
/// came, the message looks the same.
/// Decision: docs/decisions/0183.
/// </summary>
public static class MessageAmendments
{
    /// <summary>Reads from a store.</summary>
    /// <param name="targets">Message ids of Meta's → the messages that have them.</param>
    /// <param name="amendments">Message ids of Meta's → what is about them.</param>
    public sealed record Source(Func<IReadOnlyCollection<string>, Task<IReadOnlyList<MessageDocument>>> Targets,
        Func<IReadOnlyCollection<string>, Task<IReadOnlyList<MessageDocument>>> Amendments);

    // A page of nothing but reactions to older messages is read on, but not for ever.
    private const int RoundsMax = 10;

    /// <summary>
    /// A page of a conversation as it looks now. An amendment is no message of its own where the one it is about is known; else it stays,
    /// or it would be seen nowhere.
    /// </summary>
    /// <param name="read">So many messages as they are stored, after a cursor.</param>
    public static async Task<Common.Page<MessageDocument>> PageAsync(int limit, string? cursor,
        Func<int, string?, Task<Common.Page<MessageDocument>>> read, Source source)
    {
        var shown = new List<MessageDocument>();
        for (var round = 1; ; round++)
        {
            var page = await read(limit - shown.Count, cursor);
            shown.AddRange(await ShowAsync(page.Data, source));
            cursor = page.NextCursor;
            if (cursor is null || shown.Count >= limit || round == RoundsMax)
            {
                return new(shown, cursor);
            }
        }
    }

    private static async Task<List<MessageDocument>> ShowAsync(IReadOnlyList<MessageDocument> page, Source source)
    {
        var about = page.Select(d => d.Amends).OfType<string>().Distinct().ToList();
        var targets = about.Count == 0 ? Enumerable.Empty<MessageDocument>().ToLookup(d => d.WaMessageId!)
            : (await source.Targets(about)).ToLookup(d => d.WaMessageId!);
        return await AmendAsync([.. page.Where(d => d.Amends is { } target ? !targets[target].Any(t => Concerns(d, t)) : !SaysNothing(d))],
            source);
    }

    // An amendment of which not even the message is known that it was about, such as an erased contact's.
    private static bool SaysNothing(MessageDocument d) =>
        d.Direction == "inbound" && InboundKind.Of(d.MessageTypeExact).Amends && d.Content is null && d.Interactive is null;

    /// <summary>Each message as it is shown now, by its id; in place of what is about another one that is known, that one.</summary>
    public static async Task<IReadOnlyDictionary<Guid, MessageDocument>> ResolveAsync(IReadOnlyList<MessageDocument> messages,
        Source source)
    {
        var about = messages.Select(d => d.Amends).OfType<string>().Distinct().ToList();
        var targets = about.Count == 0 ? Enumerable.Empty<MessageDocument>().ToLookup(d => d.WaMessageId!)
            : (await source.Targets(about)).ToLookup(d => d.WaMessageId!);
        var shown = messages.ToDictionary(d => d.Uuid, d =>
            d.Amends is { } target ? targets[target].FirstOrDefault(t => Concerns(d, t)) ?? d : d);
        var amended = (await AmendAsync([.. shown.Values.DistinctBy(d => d.Uuid)], source)).ToDictionary(d => d.Uuid);
        return shown.ToDictionary(pair => pair.Key, pair => amended[pair.Value.Uuid]);
    }

    /// <summary>The messages with what changes them.</summary>
    public static async Task<List<MessageDocument>> AmendAsync(IReadOnlyList<MessageDocument> messages, Source source)
    {
        var ids = messages.Select(d => d.WaMessageId).OfType<string>().Distinct().ToList();
        if (ids.Count == 0)
        {
            return [.. messages];
        }

        var found = (await source.Amendments(ids)).ToLookup(d => d.Amends!);
        return [.. messages.Select(d => d.WaMessageId is { } id && found.Contains(id) ? Apply(d, found[id]) : d)];
    }

    /// <summary>Pure: the message with all that is about it.</summary>
    public static MessageDocument Apply(MessageDocument message, IEnumerable<MessageDocument> amendments)
    {
        var own = amendments.Where(a => Concerns(a, message)).OrderBy(a => a.CreatedAt).ThenBy(a => a.Id.ToString(), StringComparer.Ordinal)
            .ToList();
        var edit = own.LastOrDefault(a => a.MessageTypeExact == "edit" && (a.Content ?? (object?)a.Interactive) is not null);
        var reactions = own.Where(a => a.MessageTypeExact == "reaction").GroupBy(a => (a.ContactId, a.Direction)).Select(by => by.Last())
            .Where(a => !string.IsNullOrEmpty(a.Content?.Text))
            .Select(a => new MessageReaction(a.ContactId, a.Direction, a.Content!.Text!, a.CreatedAt)).ToArray();
        var shown = edit is null ? message
            : message with { Content = edit.Content, Interactive = edit.Interactive
                ?? message.Interactive, EditedAt = edit.CreatedAt, Original = message.Content };
        return shown with { Reactions = reactions.Length == 0 ? null
            : reactions, RevokedAt = own.Find(a => a.MessageTypeExact == "revoke")?.CreatedAt };
    }

    // Of the same number; and nobody edits or takes back what somebody else wrote. One of ours that Meta did not take is seen by itself.
    private static bool Concerns(MessageDocument amendment, MessageDocument message) =>
        amendment is not ({ Direction: "outbound", Status: "failed" } or { Direction: "outbound", StatusExact: "cancelled" })
        && amendment.OrganizationId == message.OrganizationId && amendment.AccountId == message.AccountId && message.Amends is null
        && amendment.Amends == message.WaMessageId
        && (amendment.MessageTypeExact == "reaction"
            ? amendment.ContactId == message.ContactId || amendment.ConversationId == message.ConversationId
            : amendment.ContactId == message.ContactId && amendment.Direction == message.Direction);
}
