using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Domain.Common;
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

/// <summary>The directory and the shards. Every connection to an organization's data is asked for by organization.</summary>
public sealed class Shards(DatabasePools directory, IReadOnlyList<Shard> all) : IAsyncDisposable
{
    // An entry is an id and a reference: as many as there are organizations, which only the platform makes.
    [Bounded("one entry of 64 bytes an organization; unknown ids are not kept")]
    private readonly ConcurrentDictionary<Guid, Shard> homes = new();

    /// <summary>With one pool for everything.</summary>
    public Shards(NpgsqlDataSource directory, IReadOnlyList<Shard> all) : this(DatabasePools.Single(directory), all)
    {
    }

    /// <summary>The directory database, as <c>bsp_app</c>, for the work at hand. Ask each time.</summary>
    public NpgsqlDataSource Directory => directory.Current;

    /// <summary>All pools of the directory.</summary>
    public DatabasePools DirectoryPools => directory;

    /// <summary>Whether the organization's home is known already, so that asking for it costs no query.</summary>
    public bool Knows(Guid organizationId) => homes.ContainsKey(organizationId);

    /// <summary>Every shard.</summary>
    public IReadOnlyList<Shard> All => all;

    /// <summary>The shard where an organization lives.</summary>
    /// <exception cref="Refusal"><c>organization.unknown</c></exception>
    public async ValueTask<Shard> OfAsync(Guid organizationId, CancellationToken ct)
    {
        if (homes.TryGetValue(organizationId, out var known))
        {
            return known;
        }

        await using var command = Directory.CreateCommand("SELECT shard FROM bsp.directory_organizations WHERE organization_id = $1");
        command.Parameters.Add(new() { Value = organizationId });
        var name = await command.ExecuteScalarAsync(ct) as string
            ?? throw new Refusal("organization.unknown", "There is no such organization.");
        var shard = all.FirstOrDefault(s => s.Name == name)
            ?? throw new InvalidOperationException(
                $"Organization {organizationId} lives on shard '{name}', which Bsp:Shards does not name.");
        return homes.GetOrAdd(organizationId, shard);
    }

    /// <summary>
    /// The shard for a new organization: the one whose range (<c>A-M</c>, <c>N-Z</c>, <c>0-9</c>) holds the slug's first letter, else the
    /// first.
    /// </summary>
    public Shard ForNew(string slug)
    {
        var letter = char.ToUpperInvariant(slug[0]);
        return all.FirstOrDefault(s => s.Name is [var from, '-', var to] && letter >= from && letter <= to) ?? all[0];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var shard in all)
        {
            await shard.DisposeAsync();
        }

        await directory.DisposeAsync();
    }
}
