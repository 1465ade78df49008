using Bsp.Application.Common;
using Bsp.Infrastructure.Queue;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Health;

/// <summary>
/// The queue's own scripts run: a cluster answers a PING and refuses scripts whose keys lie on several nodes. Nothing is changed: a job is
/// looked for that was never there.
/// </summary>
public sealed class QueueHealth(MessageQueue queue) : IStoreHealth
{
    private static readonly string[] Nobody = [Guid.Empty.ToString()];

    public string Name => "queue";

    public async Task<string?> CheckAsync(CancellationToken ct)
    {
        try
        {
            await queue.ReviveAsync(Nobody, TimeSpan.FromDays(1), ct);
            return null;
        }
        catch (RedisServerException refused)
        {
            return $"Redis refuses the queue's scripts ({Text(refused.Message)}): nothing is sent. In a cluster name the queue in "
                + $"braces, as {{messages}}.";
        }
        catch (Exception e) when (e is RedisException or TimeoutException or OperationCanceledException)
        {
            return "Redis does not answer: messages stay queued in PostgreSQL.";
        }
    }

    // The first word is the code; what follows may name keys.
    private static string Text(string message) => message.Split(' ', 2)[0];
}
