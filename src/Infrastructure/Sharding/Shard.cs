using Bsp.Application.Common;
using Npgsql;

namespace Bsp.Infrastructure.Sharding;

/// <summary>One database that holds organizations' data.</summary>
/// <param name="name">As in <c>bsp.directory_organizations.shard</c>.</param>
/// <param name="epoch">Of positions given out here, from 1.</param>
/// <param name="pools">Connections as <c>bsp_app</c>, subject to row-level security.</param>
public sealed class Shard(string name, int epoch, DatabasePools pools) : IAsyncDisposable
{
    /// <summary>With one pool for everything.</summary>
    public Shard(string name, int epoch, NpgsqlDataSource app) : this(name, epoch, DatabasePools.Single(app))
    {
    }

    /// <summary>As in <c>bsp.directory_organizations.shard</c>.</summary>
    public string Name => name;

    /// <summary>Of positions given out here, from 1.</summary>
    public int Epoch => epoch;

    /// <summary>
    /// Connections as <c>bsp_app</c> for the work at hand, subject to row-level security. Ask each time; prefer <see cref="Tenancy"/>.
    /// </summary>
    public NpgsqlDataSource App => pools.Current;

    /// <summary>Its connection string as <c>bsp_app</c>, for connections kept outside the pool (writers, listeners, locks).</summary>
    public string ConnectionString { get; init; } = pools.Of(WorkKind.Background).ConnectionString;

    public ValueTask DisposeAsync() => pools.DisposeAsync();
}
