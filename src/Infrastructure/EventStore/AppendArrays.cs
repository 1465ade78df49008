namespace Bsp.Infrastructure.EventStore;

/// <summary>Some calls as the arrays that <c>bsp.append</c> takes (see 0021_event_append.sql). Reused from batch to batch.</summary>
internal sealed class AppendArrays
{
    private readonly List<(StreamKey Key, int Item)> byStream = [];
    private readonly List<PendingStream> items = [];
    private int[] firstSequence = [];

    public List<string> StreamTenants { get; } = [];

    public List<Guid> StreamIds { get; } = [];

    public List<string> StreamTypes { get; } = [];

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

    public List<string> EventTypes { get; } = [];

    public List<string> EventDotnets { get; } = [];

    public List<byte[]> EventBodies { get; } = [];

    public bool AnyClaim { get; private set; }

    public void Fill(IReadOnlyList<AppendCall> calls)
    {
        Clear();
        for (var c = 0; c < calls.Count; c++)
        {
            AddCall(calls[c], c + 1);
        }

        byStream.Sort(static (a, b) => a.Key.Organization.CompareTo(b.Key.Organization) is var o and not 0 ? o
            : a.Key.Stream.CompareTo(b.Key.Stream) is var s and not 0 ? s : a.Item.CompareTo(b.Item));
        var tenants = new TenantNames();
        var before = default(StreamKey);
        foreach (var (key, item) in byStream)
        {
            if (StreamIds.Count == 0 || key != before)
            {
                StreamTenants.Add(tenants.Of(key.Organization));
                StreamIds.Add(key.Stream);
                StreamTypes.Add(items[item].Type);
                before = key;
            }

            ItemStreams[item] = StreamIds.Count;
            AddEvents(item);
        }
    }

    /// <summary>Where in the returned sequences an accepted item's events begin; -1 for an item of a refused call.</summary>
    /// <param name="verdicts">One for each call.</param>
    public ReadOnlySpan<int> FirstSequences(int[] verdicts)
    {
        if (firstSequence.Length < items.Count)
        {
            firstSequence = new int[Math.Max(items.Count, 64)];
        }

        var next = 0;
        foreach (var (_, item) in byStream)
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
            EventTypes.Add(pending.Name.Alias);
            EventDotnets.Add(pending.Name.Dotnet);
            EventBodies.Add(pending.Json);
        }
    }

    private void Clear()
    {
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

    // Neighbours mostly belong to one organization: its name is made once.
    private struct TenantNames
    {
        private Guid organization;
        private string? name;

        public string Of(Guid asked)
        {
            if (name is null || asked != organization)
            {
                (organization, name) = (asked, asked.ToString());
            }

            return name;
        }
    }
}
