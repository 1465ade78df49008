using Bsp.Application.Common;
using Bsp.Infrastructure.Queue;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Messages;

/// <summary>Sends from the numbers' queues for as long as the process lives, and moves what lies in the common one.</summary>
public sealed class SendWorker(MessageQueue queue, SendForwarder forwarder, SendDispatcher dispatcher, Sender sender,
    ProcessIdentity instance, TimeProvider clock, ILogger<Worker> log) : BackgroundService
{
    private const int Slots = 50;

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
        await Task.WhenAll(dispatcher.RunAsync(stoppingToken),
            new Worker(queue, new WorkerOptions { Slots = Slots, StalledInterval = StalledInterval }, forwarder.HandleAsync, clock, log)
                .RunAsync(stoppingToken));
        await sender.SettledAsync();
    }
}
