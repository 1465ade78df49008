using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.EventStore;

/// <summary>
/// Wakes whoever waits for new events of one shard: in this process directly, in others by NOTIFY. Only a hint; readers also look by
/// themselves.
/// </summary>
public sealed partial class LogSignal(Shard shard, TimeProvider clock, ILogger<LogSignal> log)
{
    /// <summary>NOTIFY channel; Marten's own, so that its daemon wakes too when it is told to listen.</summary>
    public const string Channel = "mt_events_appended";

    /// <summary>NOTIFY channel for news that one process has for another: a word, then what it is about.</summary>
    public const string NewsChannel = "bsp_news";

    /// <summary>Another process had news. A hint, like all of this: whoever listens also looks by themselves.</summary>
    public event Action<string>? News;

    // NOTIFY serialises commits, so it has a transaction of its own and runs at most this often.
    private static readonly TimeSpan NotifyEvery = TimeSpan.FromMilliseconds(20);

    private readonly string own = $"{Guid.NewGuid():N}";
    private TaskCompletionSource next = NewSource();
    private int notifying;
    private int again;

    /// <summary>Completes at the next sign. Take it before looking, so that nothing in between is missed.</summary>
    public Task Next => Volatile.Read(ref next).Task;

    /// <summary>Something was committed here: wake this process and tell the others.</summary>
    public void Appended()
    {
        Wake();
        Volatile.Write(ref again, 1);
        if (Interlocked.CompareExchange(ref notifying, 1, 0) == 0)
        {
            using (ExecutionContext.IsFlowSuppressed() ? default(AsyncFlowControl?) : ExecutionContext.SuppressFlow())
            {
                _ = Task.Run(NotifyAsync);
            }
        }
    }

    /// <summary>
    /// The same once somebody else's transaction has committed. Never a NOTIFY inside it: those commit one after the other over the whole
    /// server, each with its flush to the disk. A process that
    /// is killed in between tells nobody; the others find the events when they look by themselves.
    /// </summary>
    public void AppendedWith(TenantTransaction transaction) => transaction.OnCommitted(() =>
    {
        Appended();
        return Task.CompletedTask;
    });

    /// <summary>What a NOTIFY carried is this signal's own: whoever waits here was woken when it was appended.</summary>
    public bool IsOwn(string payload) => payload == own;

    /// <summary>Wakes this process.</summary>
    public void Wake() => Interlocked.Exchange(ref next, NewSource()).TrySetResult();

    internal void Heard(string news) => News?.Invoke(news);

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task NotifyAsync()
    {
        do
        {
            while (Interlocked.Exchange(ref again, 0) == 1)
            {
                try
                {
                    await using var command = shard.App.CreateCommand($"NOTIFY {Channel}, '{own}'");
                    await command.ExecuteNonQueryAsync();
                }
                catch (Exception error)
                    when (error is NpgsqlException or ObjectDisposedException or InvalidOperationException or TimeoutException)
                {
                    LogNotHeard(shard.Name, error);
                }

                await Task.Delay(NotifyEvery, clock);
            }

            Volatile.Write(ref notifying, 0);
        }
        while (Volatile.Read(ref again) == 1 && Interlocked.CompareExchange(ref notifying, 1, 0) == 0);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "shard {Shard}: NOTIFY failed; other processes find the events by polling")]
    private partial void LogNotHeard(string shard, Exception error);
}

/// <summary>The signals of all shards.</summary>
public sealed class LogSignals(TimeProvider clock, ILogger<LogSignal> log)
{
    [Bounded("one a shard")]
    private readonly ConcurrentDictionary<string, LogSignal> signals = new();

    /// <summary>The one of this shard.</summary>
    public LogSignal Of(Shard shard) => signals.GetOrAdd(shard.Name, _ => new(shard, clock, log));
}
