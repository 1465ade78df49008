using Bsp.Application.CustomerWebhooks;

namespace Bsp.Infrastructure.CustomerWebhooks;

// What attempts come to: the cursor moves, a key is held, or the endpoint is left alone.
internal sealed partial class DeliverySession
{
    private void Settle(Settled one)
    {
        Interlocked.Decrement(ref running);
        if (one.Held is { } own)
        {
            own.Running = false;
        }

        if (one.Error is not null)
        {
            Rest(); // cut off, or the database is away: nothing is known of it, so it is done again
            return;
        }

        if (one.Attempt is not { Delivered: false } failure)
        {
            Delivered(one);
            return;
        }

        Failed(one, failure);
    }

    private void Delivered(Settled one)
    {
        if (one.Row is { } row)
        {
            parts.Hosts.Worked(host);
            notes.Note(b =>
            {
                b.Attempts.Add(row);
                b.Delivered++;
                b.LatencyMs += row.LatencyMs;
            });
            (consecutive, limit, page) = (0, Math.Min(limit * 2, endpoint.Concurrency), Math.Min(page * 2, Volatile.Read(ref pageMost)));
            if (failures > 0)
            {
                Recovered();
            }

            probing = false;
        }

        if (one.Held is { } own)
        {
            own.Pending.Remove(one.Sequence);
            own.Attempts = 0;
            var last = own.Pending.Count == 0 && held.Remove(own.Key);
            notes.Note(b =>
            {
                b.Let.Add((own.Key, one.Sequence));
                if (last)
                {
                    b.Keys[own.Key] = null;
                    b.Held = held.Count;
                }
            });
        }
        else if (one.Chain is { } chain)
        {
            Finish(chain.Waiting.Dequeue());
            if (chain.Waiting.Count > 0)
            {
                ready.Enqueue(chain);
            }
            else
            {
                chains.Remove(chain.Key);
            }
        }

        Advance();
    }

    // What was held while the endpoint as a whole failed may well have been held for that alone.
    private void Recovered()
    {
        (failures, firstFailedAt, lastError) = (0, null, null);
        foreach (var own in held.Values)
        {
            own.NextAt = parts.Clock.GetUtcNow();
        }
    }

    private void Failed(Settled one, Attempt failure)
    {
        lastError = failure.Outcome;
        consecutive += failure.Outcome == "timeout" ? TimeoutWeight : 1;
        if (failure.Blame == Blame.Host)
        {
            parts.Hosts.Failed(host);
        }
        else
        {
            parts.Hosts.Worked(host);
        }

        var next = failure.Blame == Blame.Key ? HoldKey(one, failure) : null;
        if (failure.Blame == Blame.Gone)
        {
            disable = "gone";
        }

        if (failure.Blame != Blame.Key || probing || consecutive >= FailuresMax)
        {
            (stopping, failed) = (true, true);
            var wish = failure.Outcome == "too_many" ? Longer(failure.RetryAfter, RetryTable.TooManyMin) : failure.RetryAfter;
            asked = Longer(asked, wish);
        }

        notes.Note(b =>
        {
            b.Attempts.Add(one.Row! with { NextAt = disable is null ? next : null });
            b.Failed++;
        });
        Advance();
    }

    private DateTimeOffset? HoldKey(Settled one, Attempt failure)
    {
        var now = parts.Clock.GetUtcNow();
        List<long> behind = [];
        if (one.Held is not { } own)
        {
            var chain = one.Chain!;
            chains.Remove(chain.Key);
            held[chain.Key] = own = new(chain.Key, 0, now, now);
            while (chain.Waiting.TryDequeue(out var entry))
            {
                Finish(entry);
                own.Pending.Add(entry.Sequence);
                behind.Add(entry.Sequence);
            }
        }

        own.Attempts++;
        var pause = RetryTable.After(own.Attempts, failure.RetryAfter, Random.Shared.NextDouble());
        if (pause is null)
        {
            (disable, stopping) = (failure.Outcome, true);
        }

        own.NextAt = now + (pause ?? TimeSpan.Zero);

        // The key, its events and how many keys are held, or nothing of it: a process that dies in between would leave events of which the
        // next one, which looks for held keys only where there are some, does not know.
        notes.Note(b =>
        {
            b.Hold.AddRange(behind.Select(sequence => (own.Key, sequence)));
            b.Keys[own.Key] = own.Row(failure.Outcome);
            b.Held = held.Count;
        });
        return pause is null ? null : own.NextAt;
    }

    private SessionEnd End()
    {
        var now = parts.Clock.GetUtcNow();
        DateTimeOffset? next = held.Count == 0 ? null : held.Values.Min(h => h.NextAt);
        if (disable is null && failed)
        {
            failures++;
            firstFailedAt ??= now;
            var pause = RetryTable.After(failures, asked, Random.Shared.NextDouble());
            disable = pause is null ? lastError : null;
            return new(now + (pause ?? TimeSpan.Zero), next, failures, firstFailedAt, lastError, disable);
        }

        DateTimeOffset? blocked = hostPause is { } wait ? now + wait : IsHeldFull() ? next : null;
        return new(blocked, next, failures, firstFailedAt, failures > 0 ? lastError : null, disable);
    }

    private static TimeSpan? Longer(TimeSpan? one, TimeSpan? other) => one is null || other > one ? other : one;
}
