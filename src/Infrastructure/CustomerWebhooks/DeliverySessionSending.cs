using Bsp.Application.CustomerWebhooks;
using Bsp.Application.EventStore;

namespace Bsp.Infrastructure.CustomerWebhooks;

// What is sent next, and how: within the lease, the endpoint's concurrency and rate, and the room of the process.
internal sealed partial class DeliverySession
{
    private void Dispatch(CancellationToken abort)
    {
        crowded = false;
        while (!stopping && running < limit && !notes.IsFull && LeaseLeft() > LeaseMargin)
        {
            var own = HeldDue(parts.Clock.GetUtcNow()).OrderBy(h => h.NextAt).FirstOrDefault();
            if (own is null && ready.Count == 0)
            {
                return;
            }

            if (parts.Hosts.Closed(host) is { } pause)
            {
                (hostPause, stopping) = (pause, true);
                return;
            }

            crowded = parts.Room.CurrentCount == 0;
            if (crowded || !TakeToken())
            {
                return;
            }

            if (!parts.Room.Wait(0, CancellationToken.None))
            {
                tokens++; // it was taken by somebody else meanwhile
                crowded = true;
                return;
            }

            if (own is not null)
            {
                own.Running = true;
                Start(() => HeldAsync(own, abort));
            }
            else
            {
                var chain = ready.Dequeue();
                Start(() => FrontAsync(chain, chain.Waiting.Peek(), abort));
            }
        }
    }

    private bool TakeToken()
    {
        if (endpoint.RatePerSecond is not { } rate)
        {
            return true;
        }

        var now = parts.Clock.GetTimestamp();
        tokens = Math.Min(rate, tokens + (parts.Clock.GetElapsedTime(refilled, now).TotalSeconds * rate));
        refilled = now;
        if (tokens < 1)
        {
            return false;
        }

        tokens--;
        return true;
    }

    private void Start(Func<Task<Settled>> deliver)
    {
        Interlocked.Increment(ref running);
        _ = Task.Run(async () =>
        {
            try
            {
                settled.Enqueue(await deliver());
            }
            finally
            {
                parts.Room.Release();
                signal.Release();
            }
        }, CancellationToken.None);
    }

    private async Task<Settled> FrontAsync(KeyChain chain, Entry entry, CancellationToken abort)
    {
        try
        {
            var (attempt, row) =
                await parts.DeliverAsync(endpoint, entry.Told, shard.Epoch, failures + 1, failures > 0 ? "retry" : "live", abort);
            return new(chain, null, entry.Sequence, attempt, row);
        }
        catch (Exception error)
        {
            return new(chain, null, entry.Sequence, null, null, error);
        }
    }

    private async Task<Settled> HeldAsync(HeldKey own, CancellationToken abort)
    {
        var sequence = own.Pending.Count > 0 ? own.Pending.Min : 0;
        try
        {
            var slice = await LogAsync(LogFilter.All, sequence - 1, 1, abort);
            if (slice.Events is not [var stored] || stored.Sequence != sequence
                || await parts.Events.OfAsync(claim.OrganizationId, [stored], abort) is not [var told]
                || !PublicEvents.Matches(endpoint.Events, told.Type))
            {
                return new(null, own, sequence, null, null); // it is told no more
            }

            var (attempt, row) = await parts.DeliverAsync(endpoint, told, shard.Epoch, own.Attempts + 1, "retry", abort);
            return new(null, own, sequence, attempt, row);
        }
        catch (Exception error)
        {
            return new(null, own, sequence, null, null, error);
        }
    }
}
