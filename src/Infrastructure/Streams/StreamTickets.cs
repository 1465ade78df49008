using System.Text.Json;
using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Application.Streams;
using Bsp.Infrastructure.Redis;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Streams;

/// <summary>
/// <c>stream_ticket:{hash}</c> in Redis, with a mark of ours: whoever writes to Redis makes no tickets. Taken with GETDEL, so that each
/// opens one stream.
/// </summary>
public sealed class StreamTickets(RedisConnection redis, CopySeal seal) : IStreamTickets
{
    private const string Prefix = "tkt_";
    private const int TicketCharsMax = 100;

    public async Task<string> IssueAsync(StreamTicket ticket, CancellationToken ct)
    {
        var token = SecretToken.New(Prefix);
        var (key, text) = (Key(token.Hash), JsonSerializer.Serialize(ticket));
        await AskAsync(async database =>
            await database.StringSetAsync(key, $"{seal.Of(key, text)}.{text}", IStreamTickets.Life).WaitAsync(ct), ct);
        return token.Text;
    }

    public async Task<StreamTicket?> TakeAsync(string ticket, CancellationToken ct)
    {
        if (ticket.Length > TicketCharsMax || !ticket.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        var key = Key(SecretToken.HashOf(ticket));
        var found = (await AskAsync(async database => await database.StringGetDeleteAsync(key).WaitAsync(ct), ct)).ToString();
        return found.Split('.', 2) is [var mac, var text] && seal.Holds(key, text, mac) ? JsonSerializer.Deserialize<StreamTicket>(text)
            : null;
    }

    private static string Key(string hash) => $"stream_ticket:{hash}";

    private async Task<T> AskAsync<T>(Func<IDatabase, Task<T>> ask, CancellationToken ct)
    {
        try
        {
            return await ask(await redis.DatabaseAsync(ct));
        }
        catch (Exception error) when (error is RedisException or TimeoutException)
        {
            throw new StoreUnavailable("redis", error);
        }
    }
}
