using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using JasperFx;
using Marten;
using Marten.Services;
using Npgsql;

namespace Bsp.Infrastructure.EventStore.Marten;

/// <summary>
/// One Marten store a shard, opened at its first use. Sessions work inside our own transactions, so that row-level security, views and
/// claims are one with the events.
/// </summary>
internal sealed class MartenStores(TimeProvider clock) : IDisposable
{
    // Marten's own connections serve only its look at a failed append; everything else goes through our transactions.
    internal const int OwnConnectionsMax = 2;

    [Bounded("one a shard")]
    private readonly ConcurrentDictionary<Shard, Lazy<DocumentStore>> stores = new();

    /// <summary>A session of one organization in a transaction that sees it.</summary>
    public IDocumentSession Session(TenantTransaction tx, Shard shard, Guid organizationId)
    {
        var options = SessionOptions.ForTransaction(tx.Transaction);
        options.TenantId = organizationId.ToString();
        var session = Of(shard).LightweightSession(options);
        var request = CurrentRequest.Value; // set even when null: Marten's own default is the trace's
        (session.CorrelationId, session.CausationId, session.LastModifiedBy) =
            (request?.CorrelationId, request?.CausationId, request?.Caller);
        return session;
    }

    public void Dispose()
    {
        foreach (var store in stores.Values.Where(store => store.IsValueCreated))
        {
            store.Value.Dispose();
        }
    }

    private DocumentStore Of(Shard shard) => stores.GetOrAdd(shard, s => new(() => Open(s))).Value;

    private DocumentStore Open(Shard shard) => DocumentStore.For(options =>
    {
        var text = new NpgsqlConnectionStringBuilder(shard.ConnectionString) { ApplicationName = "bsp marten",
            MaxPoolSize = OwnConnectionsMax, MinPoolSize = 0 };
        options.Connection(text.ConnectionString);
        options.Configure(AutoCreate.None);
        options.Events.TimeProvider = clock;
    });
}
