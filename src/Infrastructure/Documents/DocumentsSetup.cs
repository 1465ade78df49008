using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Documents;

/// <summary>Wires the documents.</summary>
public static class DocumentsSetup
{
    /// <summary>MongoDB when a connection string is given; else JSONB in the shards' own databases.</summary>
    public static IServiceCollection AddDocuments(this IServiceCollection services, string? mongo)
    {
        if (string.IsNullOrWhiteSpace(mongo))
        {
            services.AddHostedService<DocumentsSweep>(); // MongoDB has TTL indexes
            return services.AddSingleton<IDocumentStore, PostgresDocumentStore>().AddSingleton<IDocumentViews, PostgresDocumentViews>();
        }

        services.AddSingleton(provider => new MongoCollections(mongo, provider.GetRequiredService<Shards>()));
        services.AddSingleton<IStoreHealth, MongoHealth>();
        return services.AddSingleton<IDocumentStore, MongoDocumentStore>().AddSingleton<IDocumentViews, MongoDocumentViews>();
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
