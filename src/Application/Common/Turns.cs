namespace Bsp.Application.Common;

/// <summary>
/// So many of one name (an organization, an address) at once; more wait in the order of their coming, so many of them. A name is known only
/// while somebody of it is here. Thread-safe.
/// </summary>
/// <param name="atOnce">1 or more.</param>
/// <param name="waitingMax">0: nobody waits.</param>
public sealed class Turns(int atOnce, int waitingMax)
{
    private readonly Lock gate = new();

    [Bounded("one a name of which somebody is being served or waits")]
    private readonly Dictionary<string, Line> lines = [];

    private sealed class Line
    {
        public int Running { get; set; }

        [Bounded("waitingMax")]
        public readonly LinkedList<TaskCompletionSource> Waiting = new();
    }

    /// <summary>How many of this name are being served.</summary>
    public int Running(string name)
    {
        lock (gate)
        {
            return lines.TryGetValue(name, out var line) ? line.Running : 0;
        }
    }

    /// <summary>Waits for the turn; disposing the answer passes it on. Null: too many wait already.</summary>
    public async ValueTask<IDisposable?> EnterAsync(string name, CancellationToken ct)
    {
        LinkedListNode<TaskCompletionSource> place;
        Line line;
        lock (gate)
        {
            if (!lines.TryGetValue(name, out line!))
            {
                lines[name] = line = new();
            }

            if (line.Running < atOnce)
            {
                line.Running++;
                return new Turn(this, name);
            }

            if (line.Waiting.Count >= waitingMax)
            {
                return null;
            }

            place = line.Waiting.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        try
        {
            await place.Value.Task.WaitAsync(ct);
            return new Turn(this, name);
        }
        catch
        {
            GiveUp(name, line, place);
            throw;
        }
    }

    // Unless the turn came in the same moment: then it is passed on.
    private void GiveUp(string name, Line line, LinkedListNode<TaskCompletionSource> place)
    {
        lock (gate)
        {
            if (place.List is not null)
            {
                line.Waiting.Remove(place);
                return;
            }
        }

        Leave(name);
    }

    private void Leave(string name)
    {
        lock (gate)
        {
            var line = lines[name];
            if (line.Waiting.First is { } next)
            {
                line.Waiting.RemoveFirst();
                next.Value.SetResult(); // the place goes on to who waited longest
            }
            else if (--line.Running == 0)
            {
                lines.Remove(name);
            }
        }
    }

    private sealed class Turn(Turns turns, string name) : IDisposable
    {
        private int left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref left, 1) == 0)
            {
                turns.Leave(name);
            }
        }
    }
}
