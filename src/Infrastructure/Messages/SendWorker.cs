using Bsp.Application.Common;
using Bsp.Infrastructure.Queue;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Messages;

/// <summary>Runs the sender on the queue for as long as the process lives.</summary>
public sealed class SendWorker(MessageQueue queue, Sender sender, ProcessIdentity instance, TimeProvider clock, ILogger<Worker> log)
    : BackgroundService
{
    /// <summary>
    /// Jobs in hand at once: four batches of 50. Also what a kill -9 can leave of unknown outcome, so no more than the pace needs.
    /// </summary>
    private const int Slots = 200;

    // A job that lost its worker is decided by the log, not by how often it stalled.
    private const int StallsMax = 1_000_000;

    /// <summary>
    /// BullMQ's 30 s would leave the jobs of a killed process waiting for up to 90 s. A lock that is lost too early costs nothing: the log
    /// lets one process begin.
    /// </summary>
    public static readonly TimeSpan LockDuration = TimeSpan.FromSeconds(10);

    // After a kill its jobs wait for the end of their locks and two looks.
    private static readonly TimeSpan StalledInterval = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Sending);
        await instance.Ready.WaitAsync(stoppingToken);
        await new Worker(queue, new WorkerOptions { Slots = Slots, StallsMax = StallsMax, StalledInterval = StalledInterval },
            sender.HandleAsync, clock, log).RunAsync(stoppingToken);
    }
}
