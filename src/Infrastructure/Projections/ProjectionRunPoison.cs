using Bsp.Application.EventStore;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;

namespace Bsp.Infrastructure.Projections;

// Events that a view cannot take: found, parked, and taken once more when somebody asks.
internal sealed partial class ProjectionRun
{
    // Store trouble: again, ever more slowly. Anything else: halve until the bad event stands alone.
    private async Task ApplyAsync(EventPage page, CancellationToken ct)
    {
        if (page.Events.Count == 1 && page.Events[0].Body is UnreadableBody unreadable && !projection.TakesUnreadable)
        {
            await PoisonAsync(page, new InvalidDataException(unreadable.Error), ct);
            return;
        }

        var tried = !projection.TakesUnreadable && page.Events.Any(stored => stored.Body is UnreadableBody)
            ? new InvalidDataException("The page holds an unreadable body.") : await TryAsync(page, ct);
        if (tried is null)
        {
            return;
        }

        if (page.Events.Count <= 1)
        {
            await PoisonAsync(page, tried, ct);
            return;
        }

        var half = page.Events.Count / 2;
        await ApplyAsync(new(shard, page.After, page.Events[half - 1].Sequence, [.. page.Events.Take(half)]), ct);
        if (state != ProjectionState.Stopped)
        {
            await ApplyAsync(new(shard, stored, page.UpTo, [.. page.Events.Skip(half)]), ct);
        }
    }

    private async Task<Exception?> TryAsync(EventPage page, CancellationToken ct)
    {
        Exception? bad = null;
        var exhausted = 0;
        await UntilItWorksAsync(async () =>
        {
            try
            {
                await projection.ApplyAsync(page, ct);
                Applied(page);
            }
            catch (Exception failed) when (!ct.IsCancellationRequested)
            {
                // The page may have been committed before the answer was lost.
                stored = await projection.CheckpointAsync(shard, ct);
                if (stored == page.UpTo)
                {
                    Applied(page);
                    return;
                }

                if (stored != page.After || failed is CheckpointMoved)
                {
                    throw new CheckpointMoved(projection.Name, page.After);
                }

                // The store has just answered for its checkpoint: what is too much for it time and again is too much of this page.
                if (StoreTrouble.Of(failed) is var kind
                    && (kind == TroubleKind.Passing || (kind == TroubleKind.Exhausted && ++exhausted < ExhaustedMax)))
                {
                    throw;
                }

                bad = failed;
            }
        }, ct);
        return bad;
    }

    private void Applied(EventPage page)
    {
        stored = page.UpTo;
        seen = Math.Max(seen, stored);
        movedAt = clock.GetTimestamp();
        if (page.Events.Count > 0)
        {
            foreach (var organization in failing.Count == 0 ? [] : page.Organizations)
            {
                failing.Remove(organization);
            }

            report.Applied(page.Events.Count);
        }
    }

    private async Task PoisonAsync(EventPage page, Exception failed, CancellationToken ct)
    {
        var organization = page.Events.Count == 0 ? Guid.Empty : page.Events[0].OrganizationId;
        foreach (var delay in failed is InvalidDataException || failing.GetValueOrDefault(organization) >= PatientWith ? [] : PoisonRetries)
        {
            await Task.Delay(delay, clock, ct);
            if (await TryAsync(page, ct) is not { } again)
            {
                return;
            }

            failed = again;
        }

        if (page.Events.Count == 0 || projection.OnPoison == OnPoison.Stop || await IsBrokenAsync(ct))
        {
            (state, error) = (ProjectionState.Stopped, failed.Message);
            LogStopped(projection.Name, shard.Name, page.After, failed);
            return;
        }

        var bad = page.Events[0];
        LogParked(projection.Name, shard.Name, bad.Sequence, bad.Type, failed);
        await UntilItWorksAsync(() => board.ParkAsync(projection.Name, bad, failed.Message, ct), ct);
        failing[organization] = failing.GetValueOrDefault(organization) + 1;
        await ApplyAsync(page with { Events = [] }, ct);
    }

    // One organization's events may all be bad, and are its own affair. When nothing can be taken of many, or of all there are, the
    // projection is broken, not the events.
    private async Task<bool> IsBrokenAsync(CancellationToken ct)
    {
        if (failing.Count < FailingOrganizationsMin || failing.Values.Sum() < ParkedInARowMax)
        {
            return false;
        }

        var all = 0;
        await UntilItWorksAsync(async () => all = await board.OrganizationsAsync(ct), ct);
        return failing.Count >= Math.Min(FailingOrganizationsMax, all);
    }

    // Each in a transaction of its own with its place among the parked: killed anywhere, it is counted once. Who still cannot be taken
    // stays, with its new error.
    private async Task RetryParkedAsync(CancellationToken ct)
    {
        if (projection is not PostgresProjection { OrderMatters: false } view)
        {
            return;
        }

        foreach (var sequence in await board.ParkedAsync(projection.Name, ct))
        {
            reader.Forget(sequence);
            var page = await reader.ReadFinalAsync(sequence - 1, sequence, types, 1, ct);
            if (page.Events is not [{ Body: not UnreadableBody } parked])
            {
                continue;
            }

            try
            {
                await view.TakeParkedAsync(new(shard, stored, stored, page.Events), ct);
            }
            catch (Exception failed) when (!StoreTrouble.Is(failed) && !ct.IsCancellationRequested)
            {
                LogParked(projection.Name, shard.Name, sequence, parked.Type, failed);
                await board.ParkAsync(projection.Name, parked, failed.Message, ct);
            }
        }
    }
}
