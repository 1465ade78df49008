using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Presence;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Redis;

/// <summary>Whatever Redis keeps: limits, marks, copies, sessions, who is there.</summary>
internal static class RedisSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(new RedisConnection(options.Redis ?? RedisConnection.Standard));
        services.AddSingleton<RateLimit>();
        services.AddSingleton<PairLimit>();
        services.AddSingleton<Locks>();
        services.AddSingleton<WebhookMarks>();
        services.AddSingleton<CopySeal>();
        services.AddSingleton<RowCaches>();
        services.AddSingleton<ContactCache>();
        services.AddSingleton<SessionCopies>();
        services.AddSingleton<IPresence, Presence>();
        services.AddSingleton<IInboxNews, InboxNews>();
        services.AddSingleton<IEventStore, CacheInvalidatingEventStore>();
    }
}
