using Bsp.Infrastructure.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Auth;

/// <summary>
/// Forgets attempts to sign in whose window is over, and sessions that have ended, whether or not anybody ever signs in.
/// </summary>
public sealed partial class LoginSweep(LoginGate gate, SessionDirectory sessions, TimeProvider clock, ILogger<LoginSweep> log)
    : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await gate.PurgeAsync(stoppingToken);
                await sessions.PurgeAsync(stoppingToken);
                Loop.Worked();
            }
            catch (Exception fault) when (fault is not OperationCanceledException)
            {
                LogFailed(fault);
                Loop.Failed(fault);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "attempts to sign in could not be purged; trying again in 10 minutes")]
    private partial void LogFailed(Exception fault);
}
