using System.Globalization;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Charging;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>Up to where each view was read, and what of it had gone further by then.</summary>
/// <param name="Documents">Sequence; null: not compared.</param>
/// <param name="Analytics">Sequence; null: not compared.</param>
/// <param name="Counters">Sequence of the numbers in PostgreSQL; null: not compared.</param>
/// <param name="Progress">Sequence of a campaign's numbers in Redis; null: not compared.</param>
internal sealed record Cuts(int Epoch, long? Documents, long? Analytics, long? Counters, Func<Guid, long>? Progress)
{
    public IReadOnlySet<string> MovedDocuments { get; init; } = new HashSet<string>();

    public IReadOnlySet<string> MovedRows { get; init; } = new HashSet<string>();

    /// <summary>Earlier documents may be gone by retention, and are not compared.</summary>
    public DateTimeOffset DocumentsFrom { get; init; }

    /// <summary>As above.</summary>
    public DateTimeOffset RowsFrom { get; init; }

    /// <summary>Days of which each document is kept by itself; null: of none.</summary>
    public IReadOnlySet<DateOnly>? DocumentDays { get; init; }

    /// <summary>As above, of rows.</summary>
    public IReadOnlySet<DateOnly>? RowDays { get; init; }

    /// <summary>Each document and row is kept by itself, whatever its day.</summary>
    public bool EveryDay { get; init; }
}

/// <summary>One message as the log tells it.</summary>
/// <param name="First">Sequence of its first event.</param>
internal sealed record LogRow(Guid MessageId, DateOnly Day, ulong Hash, long First, string Shown);

/// <summary>
/// What the views must hold, computed from the log alone by the same pure functions that fill them, message after message. Not thread-safe:
/// one a part of the log.
/// </summary>
internal sealed class LogTruth(Cuts cuts)
{
    private readonly List<StoredEvent> counted = [];
    private readonly List<StoredEvent> progressed = [];
    private const int CountedTogether = 5_000;

    public DayDigests Documents { get; } = new();

    public DayDigests Rows { get; } = new();

    /// <summary>Of the days asked for.</summary>
    public List<LogRow> DocumentRows { get; } = [];

    /// <summary>Of the days asked for, a row a message and day.</summary>
    public List<LogRow> AnalyticsRows { get; } = [];

    public Dictionary<Guid, (long Incoming, long Outgoing, DateTimeOffset First)> Conversations { get; } = [];

    /// <summary>By campaign, in the order of <see cref="CampaignTally.Names"/>.</summary>
    public Dictionary<Guid, long[]> Counters { get; } = [];

    /// <summary>As above.</summary>
    public Dictionary<Guid, long[]> Progress { get; } = [];

    /// <summary>Events of one stream in order, its message's charges among them.</summary>
    public void Take(IReadOnlyList<StoredEvent> stream)
    {
        var readable = stream.Where(e => e.Body is not null and not UnreadableBody).ToList();
        if (readable.Count == 0)
        {
            return;
        }

        var bounded = readable.ConvertAll(FactTime.Bounded);
        if (bounded[0].Body is MessageEvent)
        {
            TakeDocument(bounded);
            TakeRows(readable, bounded);
        }

        counted.AddRange(readable.Where(e => e.Sequence <= cuts.Counters && CampaignTally.CampaignOf(e.Body) is not null));
        progressed.AddRange(readable.Where(e => CampaignTally.CampaignOf(e.Body) is { } id && e.Sequence <= cuts.Progress?.Invoke(id)));
        if (counted.Count > CountedTogether || progressed.Count > CountedTogether)
        {
            Count();
        }
    }

    /// <summary>After the last stream.</summary>
    public void End() => Count();

    /// <summary>Adds what another part of the log came to.</summary>
    public void Add(LogTruth other)
    {
        Documents.Add(other.Documents);
        Rows.Add(other.Rows);
        DocumentRows.AddRange(other.DocumentRows);
        AnalyticsRows.AddRange(other.AnalyticsRows);
        foreach (var (id, of) in other.Conversations)
        {
            Converse(id, of.Incoming, of.Outgoing, of.First);
        }

        Sum(Counters, other.Counters);
        Sum(Progress, other.Progress);
    }

    private void TakeDocument(List<StoredEvent> stream)
    {
        if (cuts.Documents is not { } upTo)
        {
            return;
        }

        MessageDocument? document = null;
        foreach (var stored in LastCharges(stream).TakeWhile(e => e.Sequence <= upTo))
        {
            document = MessageDocumentFold.Fold(document, stored, new Position(cuts.Epoch, stored.Sequence).Packed, null);
            switch (stored.Body)
            {
                case MessageQueued e:
                    Converse(e.Ref.ConversationId, 0, 1, e.At);
                    break;
                case MessageReceived e when InboundKind.Of(e.Ref.Type).IsMessage && !InboundKind.IsNotice(e.Ref.Type):
                    Converse(e.Ref.ConversationId, 1, 0, e.At);
                    break;
            }
        }

        if (document is null || document.CreatedAt < cuts.DocumentsFrom || cuts.MovedDocuments.Contains(document.Id.ToString()))
        {
            return;
        }

        var text = Bsp.Infrastructure.Documents.DocumentRows.Text(document);
        var (day, hash) = (DateOnly.FromDateTime(document.CreatedAt.UtcDateTime), RowHash.Of(text));
        Documents[day].Add(document.Status, document.Cost?.Amount ?? 0, hash);
        if (cuts.EveryDay || cuts.DocumentDays?.Contains(day) is true)
        {
            DocumentRows.Add(new(document.Uuid, day, hash, stream[0].Sequence, text));
        }
    }

    // Of the charges that one event brings of a message, the last counts for its document.
    private static IEnumerable<StoredEvent> LastCharges(List<StoredEvent> stream) => stream.Where((e, i) =>
        e.Body is not MessageCharge || i == stream.Count - 1 || stream[i + 1].Sequence != e.Sequence);

    private void TakeRows(List<StoredEvent> raw, List<StoredEvent> bounded)
    {
        if (cuts.Analytics is not { } upTo)
        {
            return;
        }

        var rows = new Dictionary<string, (MessageAnalyticsRows.Row Row, MessageRef Of)>();
        for (var i = 0; i < bounded.Count && bounded[i].Sequence <= upTo; i++)
        {
            var own = bounded[i].Body is MessageCharge charge ? [MessageAnalyticsRows.OfCharge(charge)]
                : MessageAnalyticsRows.Of(bounded[i], PriorSettlement.Of(raw, i));
            foreach (var row in own)
            {
                var of = row.Of ?? ((MessageEvent)bounded[i].Body!).Ref;
                rows[AnalyticsSide.Key(of.MessageId, row.Status, row.At)] = (row, of); // of two of one key the later place wins
            }
        }

        foreach (var day in rows.Where(r => r.Value.Row.At >= cuts.RowsFrom && !cuts.MovedRows.Contains(r.Key)).Select(r => r.Value)
            .GroupBy(r => DateOnly.FromDateTime(r.Row.At.UtcDateTime)))
        {
            var xor = 0UL;
            foreach (var (row, of) in day)
            {
                var hash = RowHash.Of(AnalyticsSide.Text(row, of));
                Rows[day.Key].Add(row.Status, decimal.Truncate(row.Cost * 1_000_000m) / 1_000_000m, hash, row.Count);
                xor ^= hash;
            }

            if (cuts.EveryDay || cuts.RowDays?.Contains(day.Key) is true)
            {
                AnalyticsRows.Add(new(bounded[0].StreamId, day.Key, xor, bounded[0].Sequence,
                    string.Join("; ", day.Select(r => AnalyticsSide.Text(r.Row, r.Of)))));
            }
        }
    }

    private void Count()
    {
        Count(counted, Counters);
        Count(progressed, Progress);
    }

    private static void Count(List<StoredEvent> events, Dictionary<Guid, long[]> into)
    {
        var priors = new Dictionary<Guid, PriorSettlement>();
        for (var i = 0; i < events.Count; i++)
        {
            if (events[i].Body is MessageAccepted && PriorSettlement.Of(SameStream(events, i), i - Begin(events, i)) is { } prior)
            {
                priors[events[i].Id] = prior;
            }
        }

        foreach (var (campaign, tally) in CampaignTally.Of(events, priors))
        {
            var own = into.TryGetValue(campaign, out var known) ? known : into[campaign] = new long[CampaignTally.Names.Length];
            for (var n = 0; n < own.Length; n++)
            {
                own[n] += tally[CampaignTally.Names[n]];
            }
        }

        events.Clear();
    }

    private static List<StoredEvent> SameStream(List<StoredEvent> events, int at)
    {
        var begin = Begin(events, at);
        return events.GetRange(begin, at - begin + 1);
    }

    private static int Begin(List<StoredEvent> events, int at)
    {
        var begin = at;
        while (begin > 0 && events[begin - 1].StreamId == events[at].StreamId)
        {
            begin--;
        }

        return begin;
    }

    private void Converse(Guid id, long incoming, long outgoing, DateTimeOffset at) =>
        Conversations[id] = Conversations.TryGetValue(id, out var known)
            ? (known.Incoming + incoming, known.Outgoing + outgoing, known.First < at ? known.First : at) : (incoming, outgoing, at);

    private static void Sum(Dictionary<Guid, long[]> into, Dictionary<Guid, long[]> more)
    {
        foreach (var (id, numbers) in more)
        {
            into[id] = into.TryGetValue(id, out var known) ? [.. known.Zip(numbers, (a, b) => a + b)] : numbers;
        }
    }
}
