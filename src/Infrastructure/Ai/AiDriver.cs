using Bsp.Application.Common;
using Bsp.Application.Plans;
using Bsp.Domain.Common;
using Bsp.Domain.Plans;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Ai;

/// <summary>
/// The second half of the process manager for AI: reads what customers wrote, and decides on their bursts, one organization at a time, many
/// organizations at once. An organization whose model hangs keeps one place busy and nobody else waiting. Any number of processes may run
/// it: each step is an append at the version that was seen. Decision: docs/decisions/0300.
/// </summary>
public sealed partial class AiDriver(Shards shards, AiSettingsTable settings, IEntitlements entitlements, AiReading reading,
    AiAnswering answering, AiSignal signal, AiWaiting waiting, LogSignals signals, TimeProvider clock, ILogger<AiDriver> log)
    : BackgroundService
{
    /// <summary>Organizations that are worked for at the same time in one process.</summary>
    public const int AtOnce = 32;

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    private readonly SemaphoreSlim free = new(AtOnce, AtOnce);

    public override void Dispose()
    {
        free.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Background);
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var shard in shards.All)
            {
                try
                {
                    await TakeAsync(shard, stoppingToken);
                    await waiting.LookAsync(shard, stoppingToken);
                    Loop.Worked(shard.Name);
                }
                catch (Exception e) when (StoreTrouble.Is(e) && !stoppingToken.IsCancellationRequested)
                {
                    LogRound(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
            }

            var appended = shards.All.Select(shard => signals.Of(shard).Next).ToList();
            await Task.Delay(Least, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.WhenAny([.. appended, signal.WaitAsync(LookEvery, stoppingToken)]);
        }
    }

    /// <summary>One turn of an organization; for tests, and for who has its lease.</summary>
    public async Task TurnAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        using var _ = new CurrentRequest { CorrelationId = $"ai/{organizationId}", Caller = "ai-driver" }.Enter();
        try
        {
            var set = await settings.LoadAsync(shard, organizationId, ct);
            if (set is not { Analysis: true } || !await MayAsync(organizationId, ct))
            {
                await AiTurns.DropAsync(shard, organizationId, burstsOnly: false, ct);
            }
            else
            {
                await reading.ReadAsync(shard, organizationId, set.Settings, ct);
                if (set.AutoReply)
                {
                    await answering.AnswerAsync(shard, organizationId, set.Settings, ct);
                }
                else
                {
                    await AiTurns.DropAsync(shard, organizationId, burstsOnly: true, ct);
                }
            }

            Loop.Worked($"{shard.Name} turns");
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            LogTurn(e, organizationId); // the others' turns do not wait for it; its own comes again
            Loop.Failed(e, $"{shard.Name} turns");
            await Task.Delay(LookEvery, clock, ct);
        }

        await AiTurns.EndAsync(shard, organizationId, ct);
    }

    private async Task TakeAsync(Shard shard, CancellationToken ct)
    {
        while (free.CurrentCount > 0)
        {
            var now = clock.GetUtcNow();
            var taken = await AiTurns.TakeAsync(shard, now, now + Lease, free.CurrentCount, ct);
            foreach (var organization in taken)
            {
                await free.WaitAsync(ct);
                _ = Task.Run(() => RunAsync(shard, organization, ct), CancellationToken.None);
            }

            if (taken.Count == 0)
            {
                return;
            }
        }
    }

    private async Task RunAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        try
        {
            await TurnAsync(shard, organizationId, ct);
            signal.Raise(); // there may be more of it, or a place for somebody else
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogTurn(e, organizationId); // its lease ends by itself
        }
        catch (OperationCanceledException)
        {
            // The process ends; the lease does too.
        }
        finally
        {
            free.Release();
        }
    }

    // The plan may have lost it since it was switched on.
    private async Task<bool> MayAsync(Guid organizationId, CancellationToken ct)
    {
        try
        {
            await entitlements.RequireAsync(organizationId, PlanFeatures.Ai, ct);
            return true;
        }
        catch (Refusal refused) when (refused.Code == "plan.feature_missing")
        {
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "ai: shard {Shard} could not be looked at; trying again")]
    private partial void LogRound(Exception e, string shard);

    [LoggerMessage(Level = LogLevel.Warning, Message = "ai: the turn of organization {OrganizationId} failed; it comes again")]
    private partial void LogTurn(Exception e, Guid organizationId);
}
