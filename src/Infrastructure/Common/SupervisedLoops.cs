using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Common;

/// <summary>
/// All background loops of this process: their trouble in <c>/health/ready</c> (by name) and in the metrics. Decision: docs/decisions/0182.
/// </summary>
public sealed class LoopBoard : IStoreHealth, IDisposable
{
    [Bounded("one a background service")]
    private readonly ConcurrentDictionary<string, LoopState> loops = new();
    private readonly Meter meter = new("Bsp.Loops");

    public LoopBoard()
    {
        meter.CreateObservableGauge("bsp_loop_trouble", () =>
            Each(loop => loop.IsTrouble ? 1 : 0), description: "1: the background loop fails time and again.");
        meter.CreateObservableCounter("bsp_loop_restarts", () =>
            Each(loop => loop.Restarts), description: "Times that the background loop ended by an error and was begun afresh.");
    }

    public string Name => "loops";

    /// <summary>Names of the loops that are watched.</summary>
    public IReadOnlyCollection<string> Names => [.. loops.Keys];

    public Task<string?> CheckAsync(CancellationToken ct)
    {
        var names = loops.Values.Where(loop => loop.IsTrouble).Select(loop => loop.Name).Order(StringComparer.Ordinal).ToList();
        return Task.FromResult(names.Count == 0 ? null : $"{string.Join(", ", names)}: fails time and again; the log says why.");
    }

    public void Dispose() => meter.Dispose();

    internal LoopState Of(string name, TimeProvider clock) => loops.GetOrAdd(name, _ => new(name, clock));

    private IEnumerable<Measurement<long>> Each(Func<LoopState, long> value) =>
        loops.Values.Select(loop => new Measurement<long>(value(loop), new KeyValuePair<string, object?>("loop", loop.Name)));
}

/// <summary>A background service that is begun afresh whenever it ends by an error, ever more slowly, and whose trouble shows.</summary>
internal sealed partial class SupervisedLoop(BackgroundService inner, bool own, LoopBoard board, TimeProvider clock,
    ILogger<SupervisedLoop> log) : IHostedService, IDisposable
{
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RunsAfter = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource stopping = new();
    private readonly LoopState state = board.Of(inner.GetType().Name, clock);
    private Task watching = Task.CompletedTask;

    public BackgroundService Inner => inner;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await BeginAsync(cancellationToken);
        watching = WatchAsync(stopping.Token);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await stopping.CancelAsync();
        await watching;
        await inner.StopAsync(cancellationToken);
    }

    public void Dispose()
    {
        stopping.Dispose();
        if (own)
        {
            inner.Dispose();
        }
    }

    // The context is this method's own: what the service starts knows its loop, and nobody else does.
    private async Task BeginAsync(CancellationToken ct)
    {
        Loop.Enter(state);
        await inner.StartAsync(ct);
    }

    private async Task WatchAsync(CancellationToken ct)
    {
        for (var pause = TimeSpan.FromSeconds(1); !ct.IsCancellationRequested;)
        {
            var began = clock.GetTimestamp();
            var running = inner.ExecuteTask ?? Task.CompletedTask;
            using (var over = CancellationTokenSource.CreateLinkedTokenSource(ct))
            {
                await Task.WhenAny(running, Task.Delay(RunsAfter, clock, over.Token));
                await over.CancelAsync();
            }

            if (ct.IsCancellationRequested || running.IsCompletedSuccessfully || running.IsCanceled)
            {
                return; // it has nothing (more) to do
            }

            if (!running.IsFaulted)
            {
                state.Runs();
                pause = TimeSpan.FromSeconds(1);
                continue;
            }

            var error = running.Exception!.InnerException ?? running.Exception;
            state.Ended(error);
            LogEnded(state.Name, error);
            pause = clock.GetElapsedTime(began) > RunsAfter ? TimeSpan.FromSeconds(1) : pause;
            await Task.Delay(pause, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
            if (!ct.IsCancellationRequested)
            {
                await AgainAsync(ct);
            }
        }
    }

    private async Task AgainAsync(CancellationToken ct)
    {
        try
        {
            await BeginAsync(ct);
        }
        catch (Exception error) when (!ct.IsCancellationRequested)
        {
            state.Ended(error); // its task is faulted as well: the next look finds it
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "the background loop {Loop} ended and is begun afresh")]
    private partial void LogEnded(string loop, Exception error);
}

/// <summary>Puts every background service under supervision.</summary>
public static class SupervisedLoops
{
    /// <summary>
    /// Call it when all hosted services are registered; those registered later, and those that are no loops, stay as they are.
    /// </summary>
    public static IServiceCollection SuperviseLoops(this IServiceCollection services)
    {
        services.AddSingleton<LoopBoard>();
        services.AddSingleton<IStoreHealth>(provider => provider.GetRequiredService<LoopBoard>());
        for (var i = 0; i < services.Count; i++)
        {
            if (services[i] is { IsKeyedService: false } hosted && hosted.ServiceType == typeof(IHostedService))
            {
                services[i] = ServiceDescriptor.Singleton(typeof(IHostedService), provider => Supervise(provider, hosted));
            }
        }

        return services;
    }

    private static object Supervise(IServiceProvider provider, ServiceDescriptor hosted)
    {
        var own = hosted.ImplementationType is not null;
        var service = hosted.ImplementationInstance ?? hosted.ImplementationFactory?.Invoke(provider)
            ?? ActivatorUtilities.CreateInstance(provider, hosted.ImplementationType!);
        return service is BackgroundService loop && loop.GetType().Assembly == typeof(SupervisedLoops).Assembly
            ? new SupervisedLoop(loop, own, provider.GetRequiredService<LoopBoard>(), provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<SupervisedLoop>>())
            : service;
    }
}
