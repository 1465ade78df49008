using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.EventStore;

/// <summary>The answer to some calls, laid out by call.</summary>
internal sealed class AppendResult
{
    private readonly Shard shard;
    private readonly IReadOnlyList<AppendCall> calls;
    private readonly AppendAnswer answer;
    private readonly int[] firsts;

    /// <param name="firsts">Index in the answer's sequences of each item's first event; -1 for refused calls.</param>
    public AppendResult(Shard shard, IReadOnlyList<AppendCall> calls, AppendAnswer answer, ReadOnlySpan<int> firsts)
    {
        (this.shard, this.calls, this.answer) = (shard, calls, answer);
        this.firsts = firsts.ToArray();
    }

    public bool AnyWritten => answer.Sequences.Length > 0;

    /// <summary>Of each call, in order.</summary>
    public AppendOutcome[] Outcomes()
    {
        var outcomes = new AppendOutcome[calls.Count];
        var item = 0;
        for (var c = 0; c < outcomes.Length; c++)
        {
            var call = calls[c];
            var found = answer.Versions.AsSpan(item, call.Streams.Length).ToArray();
            outcomes[c] = answer.Verdicts[c] == 0
                ? call.Written(shard, found, LastSequence(call, item))
                : AppendCall.Refused((AppendVerdict)answer.Verdicts[c], found);
            item += call.Streams.Length;
        }

        return outcomes;
    }

    /// <summary>The written events that some inline view reads, in the order of calls.</summary>
    public List<StoredEvent> EventsFor(InlineViews views, DateTime timestamp)
    {
        var events = new List<StoredEvent>();
        var item = 0;
        foreach (var call in calls)
        {
            foreach (var stream in call.Streams)
            {
                for (var n = 0; firsts[item] >= 0 && n < stream.Events.Length; n++)
                {
                    var pending = stream.Events[n];
                    if (views.Want(pending.Name.Alias))
                    {
                        events.Add(new(answer.Sequences[firsts[item] + n], pending.Id, call.Organization, stream.Key.Stream,
                            answer.Versions[item] + n + 1,
                            pending.Name.Alias, pending.Body, new(timestamp), call.Metadata));
                    }
                }

                item++;
            }
        }

        return events;
    }

    private long LastSequence(AppendCall call, int item)
    {
        var last = 0L;
        foreach (var stream in call.Streams)
        {
            last = Math.Max(last, answer.Sequences[firsts[item++] + stream.Events.Length - 1]);
        }

        return last;
    }
}
