using System.Globalization;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>
/// Brings news to whoever delivers: to sessions of this process directly, to those of others by NOTIFY. Only hints: a session that ends
/// finds what it was not told of, and processes look by themselves.
/// </summary>
internal sealed partial class WebhookNews(RunningSessions running, DeliverySignal due, ILogger<WebhookNews> log)
{
    private const string Word = "webhooks ";
    private const int IdsOfOneNotice = 200; // a notice has 8,000 bytes

    /// <summary>These have been woken, and it is committed.</summary>
    /// <param name="woken">With their owners; null: nobody, so it is due.</param>
    public async Task TellAsync(Shard shard, IReadOnlyList<(Guid Id, Guid? Owner)> woken)
    {
        var elsewhere = new List<Guid>();
        var anyDue = false;
        foreach (var (id, owner) in woken)
        {
            if (owner is null)
            {
                anyDue = true;
            }
            else if (owner == running.Owner)
            {
                running.News(shard.Name, id);
            }
            else
            {
                elsewhere.Add(id);
            }
        }

        if (anyDue)
        {
            due.Raise();
        }

        List<string> notices = [.. elsewhere.Chunk(IdsOfOneNotice).Select(ids => Word + string.Join(',', ids.Select(Written)))];
        if (anyDue && running.IsBusy)
        {
            notices.Add(Word);
        }

        await NotifyAsync(shard, notices);
    }

    /// <summary>What another process says; what is not about webhooks is none of ours.</summary>
    public void Heard(Shard shard, string news)
    {
        if (!news.StartsWith(Word, StringComparison.Ordinal))
        {
            return;
        }

        if (news.Length == Word.Length)
        {
            due.Raise();
        }

        foreach (var part in news[Word.Length..].Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (Guid.TryParseExact(part, "N", out var id))
            {
                running.News(shard.Name, id);
            }
        }
    }

    private static string Written(Guid id) => id.ToString("N", CultureInfo.InvariantCulture);

    private async Task NotifyAsync(Shard shard, List<string> notices)
    {
        if (notices.Count == 0)
        {
            return;
        }

        try
        {
            await shard.QueryAsync(Array.Empty<Guid>(), "SELECT pg_notify($1, n) FROM unnest($2::text[]) AS n", _ => 0,
                CancellationToken.None, LogSignal.NewsChannel, notices.ToArray());
        }
        catch (Exception away) when (away is NpgsqlException or IOException or TimeoutException or ObjectDisposedException)
        {
            LogNotHeard(shard.Name, away);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "shard {Shard}: other processes find what is new for their endpoints by looking")]
    private partial void LogNotHeard(string shard, Exception error);
}
