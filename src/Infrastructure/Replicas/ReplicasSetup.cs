using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Replicas;

/// <summary>Where lists and documents are read, besides the shards themselves.</summary>
internal static class ReplicasSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<ReadReplicas>();
        services.AddHostedService(provider => provider.GetRequiredService<ReadReplicas>());
        if (options.Shards.Any(shard => shard.Replica is not null))
        {
            services.AddSingleton<IStoreHealth>(provider => provider.GetRequiredService<ReadReplicas>());
        }
    }
}
