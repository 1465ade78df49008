using Bsp.Application.Operations;
using MediatR;

namespace Bsp.Infrastructure.Messages;

/// <summary>The queues of sending at a glance.</summary>
public sealed class QueueOverviewHandler(SendQueues queues) : IRequestHandler<GetQueueOverview, QueueOverview>
{
    private const int ShownMax = 100;

    public async Task<QueueOverview> Handle(GetQueueOverview request, CancellationToken cancellationToken)
    {
        var (all, first) = await queues.ListAsync(ShownMax, cancellationToken);
        var lines = new List<QueueLine>(first.Count);
        foreach (var (organization, account, at) in first)
        {
            var counts = await queues.Of(account).CountsAsync(cancellationToken);
            lines.Add(new(organization, account, counts.Waiting + counts.Prioritized, counts.Active, counts.Delayed, counts.Failed,
                counts.Paused, at));
        }

        return new(all, await queues.IsPausedAsync(cancellationToken), lines);
    }
}
