using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Replicas;

/// <summary>Where lists and documents are read, besides the shards themselves.</summary>
internal static class ReplicasSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        if (options.Shards.All(shard => shard.Replica is null))
        {
            return;
        }

        services.AddSingleton<ReadReplicas>();
        services.AddHostedService(provider => provider.GetRequiredService<ReadReplicas>());
        services.AddSingleton<IStoreHealth>(provider => provider.GetRequiredService<ReadReplicas>());
    }
}
