using System.Buffers.Binary;
using System.Collections.Concurrent;
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
    [Application.Common.Bounded("one a shard")]
    private readonly ConcurrentDictionary<Shard, bool> held = new();

    /// <summary>Made anew at every start, so that a restarted process is another one.</summary>
    public Guid Id { get; } = Guid.CreateVersion7();

    /// <summary>
    /// Completes when the lock is held on some shard: one that is down keeps nobody of the others waiting. For which organizations
    /// something may be sent: <see cref="MaySendForAsync"/>.
    /// </summary>
    public Task Ready => ready.Task;

    /// <summary>
    /// The lock was taken on the organization's shard: before that others would take this process for dead there, and what it sends for
    /// lost. A lock that is lost later is taken again before anybody believes so.
    /// </summary>
    public async ValueTask<bool> MaySendForAsync(Guid organizationId, CancellationToken ct) =>
        held.ContainsKey(await shards.OfAsync(organizationId, ct));

    /// <summary>The lock's number.</summary>
    public static long LockKey(Guid owner) => BinaryPrimitives.ReadInt64LittleEndian(owner.ToByteArray().AsSpan(8));

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(shards.All.Select(shard => HoldAsync(shard, stoppingToken)));

    private async Task HoldAsync(Shard shard, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using var connection =
                    new NpgsqlConnection(new NpgsqlConnectionStringBuilder(shard.ConnectionString) { Pooling = false,
                        ApplicationName = "bsp-instance", KeepAlive = 10 }.ConnectionString);
                await connection.OpenAsync(stop);
                await ExecuteAsync(connection, $"SELECT pg_advisory_lock({LockKey(Id)})", stop);
                held[shard] = true;
                ready.TrySetResult();
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
