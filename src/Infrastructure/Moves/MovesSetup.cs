using Bsp.Application.Common;
using Bsp.Application.Moves;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.Redis;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Moves;

/// <summary>Organizations that move from shard to shard.</summary>
internal static class MovesSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<MoveSignal>();
        services.AddSingleton<MovesTable>();
        services.AddSingleton<IMoves>(provider => provider.GetRequiredService<MovesTable>());
        services.AddSingleton<MoveViews>();
        services.AddSingleton(provider => new CampaignProgressHandover(provider.GetRequiredService<RedisConnection>(),
            provider.GetService<CopySeal>()));
        services.AddSingleton<MoveParts>();
        services.AddSingleton<MoveWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<MoveWorker>());
    }
}
