using System.Net;
using System.Net.Sockets;
using System.Text;
using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Redis;

/// <summary>A private redis-server on loopback with a password.</summary>
internal sealed class RedisServer(string directory, string log, bool persistent) : LocalServer("Redis")
{
    private const string Executable = "redis-server";
    private readonly string _password = Secret.Create();

    public override string ConnectionString => $"127.0.0.1:{Port},password={_password}";

    public static async Task<RedisServer> PrepareAsync(string directory, string log, bool persistent, CancellationToken ct)
    {
        var own = Path.Combine(directory, "redis");
        Directory.CreateDirectory(own);
        await Leftovers.StopAsync(own, ct);
        return IsInstalled ? new RedisServer(own, log, persistent)
            : throw new Obstacle("redis-server is not installed: run scripts/prepare as root.");
    }

    public static bool IsInstalled =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/bin").Any(d => File.Exists(Path.Combine(d, Executable)));

    // By a file, because arguments are shown to every user of the machine. noeviction: BullMQ asks for it.
    protected override ChildProgram Program()
    {
        var configuration = Path.Combine(directory, "redis.conf");
        Secret.Write(configuration, $"""
            bind 127.0.0.1
            port {Port}
            requirepass {_password}
            dir "{directory}"
            appendonly no
            save {(persistent ? "60 1" : "\"\"")}
            maxmemory-policy noeviction
            daemonize no
            """);
        return new("Redis", Executable, [configuration], directory, log);
    }

    protected override async Task<bool> AnswersAsync(CancellationToken ct)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, Port, ct);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"AUTH {_password}\r\nPING\r\n"), ct);
            using var reader = new StreamReader(client.GetStream());
            return await reader.ReadLineAsync(ct) == "+OK" && await reader.ReadLineAsync(ct) == "+PONG"; // while loading: -LOADING
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }
}
