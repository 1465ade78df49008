using System.Globalization;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Application.Search;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Search;

/// <summary>
/// Asks the index for candidates, newest first, and looks at each as it is shown now: what was edited or taken back since is not found by
/// what it said. A page looks at a bounded number of candidates.
/// </summary>
public sealed class ConversationSearch(Shards shards, SearchKeys keys, IDocumentViews views) : IConversationSearch
{
    private const int NamesMax = 200;
    private const int CandidatesAtOnce = 100;
    private const int RoundsMax = 10;
    private const int WordsMax = 20;
    private const int NewerMax = 200;
    private const int TextUnitsMax = 200;
    private const int ContactsMax = 100;

    private sealed record Asked(Shard Shard, Guid Organization, List<FoldedWord> Words, int[] Tokens, ConversationFilter Filter);

    private readonly record struct Candidate(Guid Message, Guid Conversation, long At);

    public async Task<Page<FoundConversation>> SearchAsync(Guid organizationId, string words, ConversationFilter filter, int limit,
        string? cursor, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var wanted = FoldedText.Words(words).Distinct().Take(WordsMax).ToList();
        if (wanted.Count == 0)
        {
            throw new Refusal("search.no_words", "q has no letter, digit or emoji in it.");
        }

        var asked = new Asked(shard, organizationId, wanted, SearchTokens.Wanted(await keys.OfAsync(shard, organizationId, ct), wanted),
            filter);
        var named = await NamedAsync(asked, words, ct);
        var found = new List<FoundConversation>();
        if (cursor is not ['m', ..])
        {
            var from = cursor is ['n', .. var rest] ? DocumentCursor.Parse(rest) : cursor is null ? null : throw Invalid();
            var own = named.Where(d => filter.Passes(d)
                && (from is null || (d.LastMessageAt!.Value, d.Id.ToString()).CompareTo((from.At, from.Id.ToString())) < 0)).ToList();
            found.AddRange(own.Take(limit).Select(d => new FoundConversation(d, null, null, null)));
            if (own.Count > limit)
            {
                var last = own[limit - 1];
                return new(found, "n" + new DocumentCursor(last.LastMessageAt!.Value, last.Id));
            }
        }

        var before = cursor is ['m', .. var at] ? long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var place) ? place
            : throw Invalid() : long.MaxValue;
        return await MessagesAsync(asked, [.. named.Select(d => d.Uuid)], found, before, limit, ct);
    }

    private async Task<Page<FoundConversation>> MessagesAsync(Asked asked, HashSet<Guid> known, List<FoundConversation> found, long before,
        int limit, CancellationToken ct)
    {
        var first = before == long.MaxValue;
        for (var round = 0; found.Count < limit && round < RoundsMax; round++)
        {
            var candidates =
                await asked.Shard.QueryAsync(asked.Organization,
                    "SELECT message_id, conversation_id, at FROM bsp.search_messages($1, $2, $3)", r =>
                        new Candidate(r.GetGuid(0), r.GetGuid(1), r.GetInt64(2)), ct,
                asked.Tokens, before, CandidatesAtOnce);
            var open = candidates.Where(c => !known.Contains(c.Conversation)).ToList();
            var matches = await MatchesAsync(asked, open, ct);
            var news = matches.DistinctBy(m => m.Candidate.Conversation).ToList();
            var shownBefore = first ? [] : await ShownBeforeAsync(asked, news.ConvertAll(m => m.Candidate), ct);
            known.UnionWith(shownBefore);
            var documents =
                (await views.ConversationsAsync(asked.Organization,
                    [.. news.Select(m => m.Candidate.Conversation).Where(id => !known.Contains(id))], ct)).ToDictionary(d => d.Uuid);
            foreach (var (candidate, message) in news.Where(m => documents.ContainsKey(m.Candidate.Conversation)))
            {
                known.Add(candidate.Conversation);
                if (asked.Filter.Passes(documents[candidate.Conversation]))
                {
                    found.Add(new(documents[candidate.Conversation], message.Uuid,
                        Domain.Common.Text.Cut(SearchedText.Of(message), TextUnitsMax), message.CreatedAt));
                }

                before = candidate.At;
                if (found.Count == limit)
                {
                    return new(found, $"m{before}");
                }
            }

            if (candidates.Count < CandidatesAtOnce)
            {
                return new(found, null);
            }

            before = candidates[^1].At;
        }

        return new(found, $"m{before}");
    }

    private async Task<List<(Candidate Candidate, MessageDocument Message)>> MatchesAsync(Asked asked, List<Candidate> candidates,
        CancellationToken ct)
    {
        var shown = candidates.Count == 0 ? new Dictionary<Guid, MessageDocument>()
            : await views.ShownAsync(asked.Organization, [.. candidates.Select(c => c.Message)], ct);
        return [.. candidates.Where(c => shown.TryGetValue(c.Message, out var message) && message.RevokedAt is null
            && SearchTokens.Matches(FoldedText.Words(SearchedText.Of(message)), asked.Words)).Select(c => (c, shown[c.Message]))];
    }

    // Conversations that an earlier page showed, because of a newer message.
    private async Task<HashSet<Guid>> ShownBeforeAsync(Asked asked, List<Candidate> candidates, CancellationToken ct)
    {
        if (candidates.Count == 0)
        {
            return [];
        }

        var newer = await asked.Shard.QueryAsync(asked.Organization,
            "SELECT message_id, conversation_id, at FROM bsp.search_newer($1, $2, $3, $4)", r =>
                new Candidate(r.GetGuid(0), r.GetGuid(1), r.GetInt64(2)), ct,
            asked.Tokens, candidates.Select(c => c.Conversation).ToArray(), candidates.Select(c => c.At).ToArray(), NewerMax);
        return [.. (await MatchesAsync(asked, newer, ct)).Select(m => m.Candidate.Conversation)];
    }

    // By the customer's profile name and number, and by the names that the organization knows them under; latest message first.
    private async Task<List<ConversationDocument>> NamedAsync(Asked asked, string words, CancellationToken ct)
    {
        var ids = await asked.Shard.QueryAsync(asked.Organization, "SELECT conversation_id FROM bsp.search_names($1, $2)", r =>
            r.GetGuid(0), ct, asked.Tokens, NamesMax);
        var documents = ids.Count == 0 ? [] : await views.ConversationsAsync(asked.Organization, ids, ct);
        var contacts = await ContactsAsync(asked, words, ct);
        var theirs = contacts.Count == 0 ? [] : await views.ConversationsOfAsync(asked.Organization, contacts, ct);
        return [.. documents.Where(d => SearchTokens.Matches(FoldedText.Words(SearchedText.Of(d.Contact)), asked.Words))
            .Concat(theirs.Where(d => asked.Filter.AccountId is not { } account || d.AccountId == account))
            .Where(d => d.LastMessageAt is not null).DistinctBy(d => d.Uuid).OrderByDescending(d => d.LastMessageAt)
            .ThenByDescending(d => d.Id.ToString(), StringComparer.Ordinal)];
    }

    // Their index knows ASCII alone (in the locale C), three letters at least; others are found by their profile names.
    private static async Task<List<Guid>> ContactsAsync(Asked asked, string words, CancellationToken ct)
    {
        var text = words.Trim().ToLowerInvariant();
        if (text.Length < 3 || !text.All(c => char.IsAsciiLetterOrDigit(c) || c is ' '))
        {
            return [];
        }

        return await asked.Shard.QueryAsync(asked.Organization,
            "SELECT id FROM bsp.search_contacts($1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, $2)", r =>
                r.GetGuid(0), ct, $"%{text}%", ContactsMax);
    }

    private static Refusal Invalid() => new("cursor.invalid", "This cursor is not one of ours. Start again without it.");
}
