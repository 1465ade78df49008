using System.Text;
using Bsp.Infrastructure.Redis;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Queue;

/// <summary>
/// Sleeps until the queue's marker says that there is work. Has its own connection, because BZPOPMIN blocks everything behind it, and
/// BullMQ's <c>getWorkers()</c> finds the worker by that connection's name.
/// </summary>
internal sealed class WakeSignal(MessageQueue queue, string workerName) : IAsyncDisposable
{
    // The reply to a 5 s block must not count as a time-out of the client.
    private static readonly TimeSpan CommandTimeout = TimeSpan.FromSeconds(20);

    private ConnectionMultiplexer? connection;

    /// <returns>Unix ms of the time the marker named: 0 for now, null when nothing came up within <paramref name="longest"/>.</returns>
    public async Task<long?> WaitAsync(TimeSpan longest, CancellationToken ct)
    {
        connection ??= await queue.Redis.OpenAsync(ClientName, CommandTimeout).WaitAsync(ct);
        var seconds = Math.Max(longest.TotalSeconds, 0.001).ToString("F3", System.Globalization.CultureInfo.InvariantCulture);
        var reply = await connection.GetDatabase().ExecuteAsync("BZPOPMIN", queue.MarkerKey, seconds).WaitAsync(ct);
        return reply.IsNull ? null : (long)(double)reply[2];
    }

    public async ValueTask DisposeAsync()
    {
        if (connection is null) return;
        await connection.CloseAsync(allowCommandsToComplete: false);
        await connection.DisposeAsync();
    }

    private string ClientName => $"bull:{Convert.ToBase64String(Encoding.UTF8.GetBytes(queue.Name))}:w:{workerName}";
}
