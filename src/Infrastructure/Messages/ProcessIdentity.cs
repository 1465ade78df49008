using System.Buffers.Binary;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// This process, as others see it. While it lives it holds an advisory lock on its id in every shard; when the lock is free, the process is
/// dead (or cut off)
/// and its calls without an outcome are of unknown outcome.
/// </summary>
public sealed partial class ProcessIdentity(Shards shards, ILogger<ProcessIdentity> log) : BackgroundService
{
    private static readonly TimeSpan CheckEvery = TimeSpan.FromSeconds(2);
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int locked;

    /// <summary>Made anew at every start, so that a restarted process is another one.</summary>
    public Guid Id { get; } = Guid.CreateVersion7();

    /// <summary>Completes when the locks are held; nothing may be sent before.</summary>
    public Task Ready => ready.Task;

    /// <summary>The lock's number.</summary>
    public static long LockKey(Guid owner) => BinaryPrimitives.ReadInt64LittleEndian(owner.ToByteArray().AsSpan(8));

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(shards.All.Select(shard => HoldAsync(shard, stoppingToken)));

    private async Task HoldAsync(Shard shard, CancellationToken stop)
    {
        var first = true;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using var connection =
                    new NpgsqlConnection(new NpgsqlConnectionStringBuilder(shard.ConnectionString) { Pooling = false,
                        ApplicationName = "bsp-instance", KeepAlive = 10 }.ConnectionString);
                await connection.OpenAsync(stop);
                await ExecuteAsync(connection, $"SELECT pg_advisory_lock({LockKey(Id)})", stop);
                if (first && Interlocked.Increment(ref locked) == shards.All.Count)
                {
                    ready.TrySetResult();
                }

                first = false;
                while (true)
                {
                    await Task.Delay(CheckEvery, stop);
                    await ExecuteAsync(connection, "SELECT 1", stop);
                    Loop.Worked(shard.Name);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is NpgsqlException or IOException or InvalidOperationException or TimeoutException)
            {
                LogLost(shard.Name, e.Message);
                Loop.Failed(e, shard.Name);
                await Task.Delay(CheckEvery, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "instance: lock on shard {Shard} lost ({Reason}); taking it again")]
    private partial void LogLost(string shard, string reason);
}
