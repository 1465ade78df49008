using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

/// <summary>
/// The process's one shared connection to Redis. Made at first use, also when Redis is down: it then connects by itself as soon as
/// Redis answers, and every command until then fails at once with <see cref="RedisConnectionException"/>.
/// </summary>
/// <param name="connectionString">StackExchange.Redis' format, for example <c>127.0.0.1:6379,password=…,ssl=true</c>.</param>
public sealed class RedisConnection(string connectionString) : IAsyncDisposable
{
    /// <summary>Where a Redis is looked for when none is configured.</summary>
    public const string Standard = "127.0.0.1:6379";

    private const int ConnectTimeoutMs = 2_000;
    private const int ReconnectEveryMs = 500;

    private readonly Lock gate = new();
    private Task<ConnectionMultiplexer>? connecting;

    /// <summary>False before the first use, while Redis is away, and after disposal.</summary>
    public bool IsUp => connecting is { IsCompletedSuccessfully: true } c && c.Result.IsConnected;

    /// <exception cref="ArgumentException">The connection string is malformed.</exception>
    public async ValueTask<IDatabase> DatabaseAsync(CancellationToken ct = default) =>
        (await Shared().WaitAsync(ct)).GetDatabase();

    /// <summary>Asks Redis for a sign of life, for health checks.</summary>
    /// <exception cref="RedisException">Redis cannot be reached.</exception>
    public async Task<TimeSpan> PingAsync(CancellationToken ct = default) =>
        await (await DatabaseAsync(ct)).PingAsync().WaitAsync(ct);

    /// <summary>A connection of its own, for commands that block; the caller disposes it. One socket only: it cannot subscribe.</summary>
    /// <param name="clientName">Shown by CLIENT LIST.</param>
    /// <param name="timeout">Longest a command may take.</param>
    public Task<ConnectionMultiplexer> OpenAsync(string clientName, TimeSpan timeout)
    {
        var options = Options();
        options.ClientName = clientName;
        options.CommandMap = CommandMap.Create(["SUBSCRIBE", "PSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE"], available: false);
        options.AsyncTimeout = (int)timeout.TotalMilliseconds;
        options.SyncTimeout = (int)timeout.TotalMilliseconds;
        return ConnectionMultiplexer.ConnectAsync(options);
    }

    public async ValueTask DisposeAsync()
    {
        Task<ConnectionMultiplexer>? open;
        lock (gate) open = connecting;
        if (open is { IsCompletedSuccessfully: true }) await open.Result.DisposeAsync();
    }

    // A failed first attempt (a name that does not resolve, say) is not kept: the next caller tries again.
    private Task<ConnectionMultiplexer> Shared()
    {
        lock (gate)
        {
            if (connecting is null or { IsFaulted: true } or { IsCanceled: true }) connecting =
                ConnectionMultiplexer.ConnectAsync(Options());
            return connecting;
        }
    }

    private ConfigurationOptions Options()
    {
        var options = ConfigurationOptions.Parse(connectionString);
        options.AbortOnConnectFail = false;
        options.ConnectRetry = 1;
        options.ConnectTimeout = Math.Min(options.ConnectTimeout, ConnectTimeoutMs);
        options.ReconnectRetryPolicy = new LinearRetry(ReconnectEveryMs);
        options.BacklogPolicy = BacklogPolicy.FailFast;
        return options;
    }
}
