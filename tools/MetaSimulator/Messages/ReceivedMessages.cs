namespace Bsp.MetaSimulator.Messages;

/// <summary>A send as it reached the simulator.</summary>
/// <param name="Number">Counts up from 1; the cursor of pages.</param>
/// <param name="Wamid">Null when it was not accepted.</param>
/// <param name="RefusedWith">The Graph error code; null when it was accepted. 500 stands for a bare HTTP 500.</param>
/// <param name="Body">The request's bytes.</param>
public sealed record ReceivedMessage(long Number, DateTimeOffset At, string PhoneNumberId, string To, string Type, string? Wamid,
    string? CallbackData, int? RefusedWith, ReadOnlyMemory<byte> Body);

/// <summary>A recipient or callback id that was accepted more than once.</summary>
public sealed record Repeated(string Key, int Accepted);

/// <summary>What was received more than once.</summary>
/// <param name="RecipientsTotal">May exceed the number of <paramref name="Recipients"/>, of which at most 100,000 are kept.</param>
/// <param name="Untracked">Keys that no longer fitted into the counting; 0 means the answer is complete.</param>
public sealed record Duplicates(IReadOnlyList<Repeated> Recipients, long RecipientsTotal, IReadOnlyList<Repeated> Callbacks,
    long CallbacksTotal, long Untracked);

/// <summary>The last sends with their bodies, and a count for every recipient and callback id there ever was.</summary>
internal sealed class ReceivedMessages
{
    /// <summary>Sends kept whole.</summary>
    public const int KeptMax = 10_000;

    /// <summary>Distinct recipients, and distinct callback ids, that are counted; 32 bytes each.</summary>
    public const int KeysMax = 16_000_000;

    private readonly Lock _gate = new();
    private readonly ReceivedMessage[] _ring = new ReceivedMessage[KeptMax];
    private long _last;

    public ReachBook Reach { get; } = new();

    public Tally Recipients { get; } = new(KeysMax);

    public Tally Callbacks { get; } = new(KeysMax);

    public void Add(DateTimeOffset at, string phoneNumberId, string to, string type, string? wamid, string? callback, int? refusedWith,
        ReadOnlySpan<byte> body)
    {
        var copy = body.ToArray();
        lock (_gate)
        {
            _last++;
            _ring[_last % KeptMax] = new(_last, at, phoneNumberId, to, type, wamid, callback, refusedWith, copy);
        }
    }

    /// <summary>Sends later than a number, oldest first.</summary>
    public List<ReceivedMessage> Page(long after, int limit, Func<ReceivedMessage, bool> wanted)
    {
        var page = new List<ReceivedMessage>();
        lock (_gate)
        {
            for (var number = Math.Max(after + 1, _last - KeptMax + 1); number <= _last && page.Count < limit; number++)
            {
                if (number > 0 && wanted(_ring[number % KeptMax]))
                {
                    page.Add(_ring[number % KeptMax]);
                }
            }
        }

        return page;
    }

    public Duplicates Duplicates() => new(
        [.. Recipients.Repeated().Select(r => new Repeated(r.Key, r.Value))], Recipients.RepeatedCount,
        [.. Callbacks.Repeated().Select(r => new Repeated(r.Key, r.Value))], Callbacks.RepeatedCount,
        Recipients.Untracked + Callbacks.Untracked);

    public void Reset()
    {
        lock (_gate)
        {
            Array.Clear(_ring);
            _last = 0;
        }

        Recipients.Reset();
        Callbacks.Reset();
        Reach.Reset();
    }
}
