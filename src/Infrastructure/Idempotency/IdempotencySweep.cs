using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Idempotency;

/// <summary>
/// Forgets Idempotency-Keys after 24 hours, and gives claims back that could not be given back while PostgreSQL was away.
/// </summary>
public sealed partial class IdempotencySweep(IdempotencyKeys keys, TimeProvider clock, ILogger<IdempotencySweep> log) : BackgroundService
{
    private static readonly TimeSpan KeptFor = TimeSpan.FromHours(24);
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(10);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(keys.ReleaseLateAsync(stoppingToken), PurgeAsync(stoppingToken));

    private async Task PurgeAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await keys.PurgeAsync(clock.GetUtcNow() - KeptFor, stoppingToken);
                Loop.Worked();
            }
            catch (Exception fault) when (fault is not OperationCanceledException)
            {
                LogFailed(fault);
                Loop.Failed(fault);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "idempotency keys could not be purged; trying again in 10 minutes")]
    private partial void LogFailed(Exception fault);
}
