using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Replicas;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Documents;

/// <summary>The documents: in MongoDB when a connection string is given; else as JSONB in the shards' own databases.</summary>
internal static class DocumentsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<IMessageDocuments>(provider => provider.GetRequiredService<IDocumentViews>());
        if (options.Mongo is not { } mongo || string.IsNullOrWhiteSpace(mongo))
        {
            services.AddSingleton<IOldDocuments, PostgresOldDocuments>();
            services.AddSingleton<IDocumentStore, PostgresDocumentStore>().AddSingleton<IDocumentDigests, PostgresDocumentDigests>();
            services.AddSingleton<IDocumentViews>(provider => options.Shards.Any(shard => shard.Replica is not null)
                ? new ReplicatedDocumentViews(provider.GetRequiredService<Shards>(), provider.GetRequiredService<ReadReplicas>())
                : new PostgresDocumentViews(provider.GetRequiredService<Shards>()));
            return;
        }

        services.AddSingleton(provider => new MongoCollections(mongo, provider.GetRequiredService<Shards>()));
        services.AddSingleton<IStoreHealth, MongoHealth>();
        services.AddSingleton<IOldDocuments, MongoOldDocuments>();
        services.AddSingleton<IDocumentStore, MongoDocumentStore>().AddSingleton<IDocumentViews, MongoDocumentViews>()
            .AddSingleton<IDocumentDigests, MongoDocumentDigests>();
    }
}

/// <summary>MongoDB answers a ping.</summary>
public sealed class MongoHealth(MongoCollections mongo) : IStoreHealth
{
    public string Name => "mongo";

    public async Task<string?> CheckAsync(CancellationToken ct)
    {
        try
        {
            await mongo.PingAsync(ct);
            return null;
        }
        catch (Exception e) when (e is StoreUnavailable or OperationCanceledException)
        {
            return "MongoDB does not answer.";
        }
    }
}
