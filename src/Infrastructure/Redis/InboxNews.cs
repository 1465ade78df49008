using System.Text.Json;
using Bsp.Application.Conversations;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

/// <summary>
/// News of people, for everybody's streams: messages on the Redis channel <c>bsp:inbox_news</c>. Nothing of it is kept; while Redis is away
/// nobody hears it.
/// </summary>
public sealed class InboxNews(RedisConnection redis, ILogger<InboxNews> log) : IInboxNews
{
    /// <summary>The channel.</summary>
    public const string Channel = "bsp:inbox_news";

    /// <summary>One piece of news.</summary>
    /// <param name="Kind"><c>typing</c> or <c>presence</c>.</param>
    /// <param name="Status">Of presence.</param>
    public sealed record News(Guid OrganizationId, string Kind, Guid? UserId, Guid? ConversationId, string? Status);

    public Task TypingAsync(Guid organizationId, Guid conversationId, Guid? userId, CancellationToken ct) =>
        TellAsync(new(organizationId, "typing", userId, conversationId, null), ct);

    public Task PresenceAsync(Guid organizationId, Guid userId, string status, CancellationToken ct) =>
        TellAsync(new(organizationId, "presence", userId, null, status), ct);

    private Task TellAsync(News news, CancellationToken ct) => CacheTrouble.MissAsync(log, async () =>
        await (await redis.DatabaseAsync(ct)).Multiplexer.GetSubscriber()
        .PublishAsync(RedisChannel.Literal(Channel), JsonSerializer.Serialize(news)).WaitAsync(ct));
}
