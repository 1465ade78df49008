using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Bsp.Infrastructure.Redis;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Redis;

/// <summary>A private redis-server on a free port, for tests that wipe or restart it.</summary>
public sealed class RedisServer : IDisposable
{
    private const string Binary = "/usr/bin/redis-server";
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(150);

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("bsp-redis-");
    private Process? process;

    public RedisServer()
    {
        if (!File.Exists(Binary)) Assert.Skip($"{Binary} is not installed.");
        Start();
    }

    public int Port { get; } = ApiProcess.FreePort(); // one that nobody is given while it is down

    public string ConnectionString => $"127.0.0.1:{Port},allowAdmin=true";

    public void Start()
    {
        process = Process.Start(new ProcessStartInfo(Binary,
        [
            "--port", $"{Port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory.FullName,
            "--logfile", Path.Combine(directory.FullName, "redis.log"),
        ]))!;
        var deadline = Stopwatch.StartNew();
        while (!Answers())
        {
            if (deadline.Elapsed > StartTimeout || process.HasExited) throw new InvalidOperationException("redis-server did not start.");
            Thread.Sleep(20);
        }
    }

    /// <summary>kill -9: nothing was saved, so it starts empty again.</summary>
    public void Kill()
    {
        process?.Kill();
        process?.WaitForExit();
        process?.Dispose();
        process = null;
    }

    public void Dispose()
    {
        Kill();
        directory.Delete(recursive: true);
    }

    private bool Answers()
    {
        try
        {
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, Port);
            client.GetStream().Write("PING\r\n"u8);
            var reply = new byte[5];
            return client.GetStream().Read(reply) == 5 && reply.AsSpan().SequenceEqual("+PONG"u8);
        }
        catch (IOException)
        {
            return false;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

/// <summary>
/// The Redis of all tests that share one: BSP_TEST_REDIS where set, else a private server. Tests use names of their own in it.
/// </summary>
public sealed class RedisFixture : IAsyncLifetime
{
    private RedisServer? own;

    public string ConnectionString { get; private set; } = "";

    public RedisConnection Redis { get; private set; } = null!;

    public ValueTask InitializeAsync()
    {
        ConnectionString = Environment.GetEnvironmentVariable("BSP_TEST_REDIS") is { Length: > 0 } given
            ? given
            : (own = new RedisServer()).ConnectionString;
        Redis = new RedisConnection(ConnectionString);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await Redis.DisposeAsync();
        own?.Dispose();
    }
}

[CollectionDefinition(Name)]
public sealed class RedisCollection : ICollectionFixture<RedisFixture>
{
    public const string Name = "redis";
}

/// <summary>Waiting for a condition instead of a time.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    public static async Task Holds(Func<Task<bool>> condition, string what, int deadlineSeconds = 150)
    {
        var waited = Stopwatch.StartNew();
        while (!await condition())
        {
            if (waited.Elapsed > TimeSpan.FromSeconds(deadlineSeconds)) throw new TimeoutException(
                $"Not within {deadlineSeconds} s: {what}");
            await Task.Delay(Pause);
        }
    }

    public static Task Holds(Func<bool> condition, string what, int deadlineSeconds = 150) =>
        Holds(() => Task.FromResult(condition()), what, deadlineSeconds);
}
