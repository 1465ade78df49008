using Bsp.Application.Accounts;
using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Accounts;

/// <summary>Carries on signups whose process was killed, whose caller did not wait, or whose time has come.</summary>
public sealed partial class SignupWorker(Shards shards, SignupProcess process, TimeProvider clock, ILogger<SignupWorker> log)
    : BackgroundService
{
    private const int AtOnce = 10;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(60);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Background);
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var shard in shards.All)
            {
                try
                {
                    while (await RoundAsync(shard, stoppingToken) == AtOnce)
                    {
                    }

                    Loop.Worked(shard.Name);
                }
                catch (Exception e) when (StoreTrouble.Is(e) && !stoppingToken.IsCancellationRequested)
                {
                    LogRound(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
            }

            await Task.Delay(LookEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Carries on what is due in a shard; how many.</summary>
    public async Task<int> RoundAsync(Shard shard, CancellationToken ct)
    {
        var due = new List<(Guid OrganizationId, Guid Id)>();
        var now = clock.GetUtcNow();
        await using (var command = shard.App.CreateCommand("SELECT organization_id, id FROM bsp.take_signups($1, $2, $3)"))
        {
            command.Parameters.Add(new() { Value = now.UtcDateTime });
            command.Parameters.Add(new() { Value = (now + Lease).UtcDateTime });
            command.Parameters.Add(new() { Value = AtOnce });
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                due.Add((reader.GetGuid(0), reader.GetGuid(1)));
            }
        }

        foreach (var (organizationId, id) in due)
        {
            using var _ = new CurrentRequest { CorrelationId = $"signup {id}", Caller = "signup" }.Enter();
            try
            {
                await process.CarryAsync(organizationId, id, ct);
            }
            catch (Exception e) when (!StoreTrouble.Is(e) && !ct.IsCancellationRequested)
            {
                LogFailed(e, id); // its lease ends, and it is tried again
            }
        }

        return due.Count;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "signups: shard {Shard} could not be looked at; trying again")]
    private partial void LogRound(Exception e, string shard);

    [LoggerMessage(Level = LogLevel.Error, Message = "signup {Id}: a step failed; it is tried again")]
    private partial void LogFailed(Exception e, Guid id);
}
