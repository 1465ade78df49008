using System.Runtime.InteropServices;

namespace Bsp.Infrastructure.EventStore;

/// <summary>Some calls as the arrays that <c>bsp.append_batch</c> takes (see 0140_append_batch.sql). Reused from batch to batch.</summary>
[Application.Common.Bounded("one batch of a lane: BatchEventsMax events, cleared by the next")]
internal sealed class AppendArrays
{
    private readonly List<(StreamKey Key, int Item)> byStream = [];
    private readonly List<PendingStream> items = [];
    private readonly Dictionary<EventName, int> names = [];
    private int[] firstSequence = [];

    /// <summary>Distinct tenants, in the order of the streams.</summary>
    public List<string> TenantNames { get; } = [];

    /// <summary>Distinct names of the events.</summary>
    public List<string> EventTypes { get; } = [];

    public List<string> EventDotnets { get; } = [];

    /// <summary>Of each stream, its place in <see cref="TenantNames"/>, from 1.</summary>
    public List<int> StreamTenants { get; } = [];

    public List<Guid> StreamIds { get; } = [];

    public List<string> StreamTypes { get; } = [];

    /// <summary>What the first item of each stream expects; meaningless unless <see cref="InOrder"/>.</summary>
    public List<long> StreamExpected { get; } = [];

    /// <summary>Where the last item of each stream leaves it if all are accepted; meaningless unless <see cref="InOrder"/>.</summary>
    public List<long> StreamVersions { get; } = [];

    public List<int> CallItems { get; } = [];

    public List<Guid?> CallClaims { get; } = [];

    public List<string?> CallCorrelations { get; } = [];

    public List<string?> CallCausations { get; } = [];

    public List<string?> CallUsers { get; } = [];

    public List<int> ItemCalls { get; } = [];

    public List<int> ItemStreams { get; } = [];

    public List<long?> ItemExpected { get; } = [];

    public List<int> ItemCounts { get; } = [];

    public List<int> EventItems { get; } = [];

    public List<int> EventNths { get; } = [];

    public List<Guid> EventIds { get; } = [];

    /// <summary>Of each event, its place in <see cref="EventTypes"/> and <see cref="EventDotnets"/>, from 1.</summary>
    public List<int> EventNames { get; } = [];

    public List<byte[]> EventBodies { get; } = [];

    public bool AnyClaim { get; private set; }

    /// <summary>On every stream each item expects what the one before it leaves: all can be accepted or judged with one question.</summary>
    public bool InOrder { get; private set; }

    public void Fill(IReadOnlyList<AppendCall> calls)
    {
        Clear();
        for (var c = 0; c < calls.Count; c++)
        {
            AddCall(calls[c], c + 1);
        }

        byStream.Sort(static (a, b) => a.Key.Organization.CompareTo(b.Key.Organization) is var o and not 0 ? o
            : a.Key.Stream.CompareTo(b.Key.Stream) is var s and not 0 ? s : a.Item.CompareTo(b.Item));
        InOrder = true;
        var before = default(StreamKey);
        foreach (var (key, item) in byStream)
        {
            var isFirst = StreamIds.Count == 0 || key != before;
            if (isFirst)
            {
                AddStream(key, items[item], before);
                before = key;
            }

            InOrder &= items[item].Expected is { } expected && (isFirst || expected == StreamVersions[^1]);
            StreamVersions[^1] += items[item].Events.Length;
            ItemStreams[item] = StreamIds.Count;
        }

        foreach (var item in Numbered())
        {
            AddEvents(item);
        }
    }

    // The order in which events get their numbers. What begins a stream is in the order of its coming: messages of one customer that are
    // appended together stay in it. (Their streams' rows are taken in order of id before.) What goes on with a stream is in order of id, so
    // that no two transactions wait for each other.
    private IEnumerable<int> Numbered() =>
        Enumerable.Range(0, items.Count).Where(item => items[item].Expected == 0)
            .Concat(byStream.Select(of => of.Item).Where(item => items[item].Expected != 0));

    /// <summary>The answer when everything was written as it came.</summary>
    public (int[] Verdicts, long[] Versions) AsExpected() => (new int[CallItems.Count], [.. items.Select(item => item.Expected!.Value)]);

    /// <summary>Where in the returned sequences an accepted item's events begin; -1 for an item of a refused call.</summary>
    /// <param name="verdicts">One for each call.</param>
    public ReadOnlySpan<int> FirstSequences(int[] verdicts)
    {
        if (firstSequence.Length < items.Count)
        {
            firstSequence = new int[Math.Max(items.Count, 64)];
        }

        var next = 0;
        foreach (var item in Numbered())
        {
            var accepted = verdicts[ItemCalls[item] - 1] == 0;
            firstSequence[item] = accepted ? next : -1;
            next += accepted ? ItemCounts[item] : 0;
        }

        return firstSequence.AsSpan(0, items.Count);
    }

    private void AddCall(AppendCall call, int number)
    {
        CallItems.Add(call.Streams.Length);
        CallClaims.Add(call.ClaimId);
        CallCorrelations.Add(call.Metadata.CorrelationId);
        CallCausations.Add(call.Metadata.CausationId);
        CallUsers.Add(call.Metadata.UserName);
        AnyClaim |= call.ClaimId is not null;
        foreach (var stream in call.Streams)
        {
            byStream.Add((stream.Key, items.Count));
            items.Add(stream);
            ItemCalls.Add(number);
            ItemStreams.Add(0);
            ItemExpected.Add(stream.Expected);
            ItemCounts.Add(stream.Events.Length);
        }
    }

    private void AddEvents(int item)
    {
        var events = items[item].Events;
        for (var n = 0; n < events.Length; n++)
        {
            ref readonly var pending = ref events[n];
            EventItems.Add(item + 1);
            EventNths.Add(n + 1);
            EventIds.Add(pending.Id);
            EventNames.Add(PlaceOf(pending.Name));
            EventBodies.Add(pending.Json);
        }
    }

    private void AddStream(StreamKey key, in PendingStream first, StreamKey before)
    {
        if (TenantNames.Count == 0 || key.Organization != before.Organization)
        {
            TenantNames.Add(key.Organization.ToString());
        }

        StreamTenants.Add(TenantNames.Count);
        StreamIds.Add(key.Stream);
        StreamTypes.Add(first.Type);
        StreamExpected.Add(first.Expected ?? 0);
        StreamVersions.Add(first.Expected ?? 0);
    }

    private int PlaceOf(EventName name)
    {
        ref var place = ref CollectionsMarshal.GetValueRefOrAddDefault(names, name, out var known);
        if (!known)
        {
            EventTypes.Add(name.Alias);
            EventDotnets.Add(name.Dotnet);
            place = EventTypes.Count;
        }

        return place;
    }

    private void Clear()
    {
        names.Clear();
        TenantNames.Clear();
        StreamExpected.Clear();
        StreamVersions.Clear();
        EventNames.Clear();
        byStream.Clear();
        items.Clear();
        StreamTenants.Clear();
        StreamIds.Clear();
        StreamTypes.Clear();
        CallItems.Clear();
        CallClaims.Clear();
        CallCorrelations.Clear();
        CallCausations.Clear();
        CallUsers.Clear();
        ItemCalls.Clear();
        ItemStreams.Clear();
        ItemExpected.Clear();
        ItemCounts.Clear();
        EventItems.Clear();
        EventNths.Clear();
        EventIds.Clear();
        EventTypes.Clear();
        EventDotnets.Clear();
        EventBodies.Clear();
        AnyClaim = false;
    }
}
