using System.Collections.Concurrent;
using System.Diagnostics;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Npgsql;

namespace Bsp.Infrastructure.Sharding;

/// <summary>The directory and the shards. Every connection to an organization's data is asked for by organization.</summary>
public sealed class Shards(DatabasePools directory, IReadOnlyList<Shard> all) : IAsyncDisposable
{
    /// <summary>
    /// So long a home is believed. Whoever moves tells everybody at once (<c>HomeNews</c>); this is for those who did not hear it.
    /// </summary>
    public static readonly TimeSpan HomeLife = TimeSpan.FromSeconds(5);

    // While the directory does not answer, what is known goes on serving: so long a caller waits for it.
    private static readonly TimeSpan LookMax = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AgainAfter = TimeSpan.FromSeconds(2);

    // An entry is an id, a reference and a time: as many as there are organizations, which only the platform makes.
    [Bounded("one entry of 100 bytes an organization; unknown ids are not kept")]
    private readonly ConcurrentDictionary<Guid, Home> homes = new();

    private long forgottenAt; // 0: never

    /// <summary>With one pool for everything.</summary>
    public Shards(NpgsqlDataSource directory, IReadOnlyList<Shard> all) : this(DatabasePools.Single(directory), all)
    {
    }

    /// <summary>The directory database, as <c>bsp_app</c>, for the work at hand. Ask each time.</summary>
    public NpgsqlDataSource Directory => directory.Current;

    /// <summary>All pools of the directory.</summary>
    public DatabasePools DirectoryPools => directory;

    /// <summary>Whether the organization's home is known already, so that asking for it mostly costs no query.</summary>
    public bool Knows(Guid organizationId) => homes.ContainsKey(organizationId);

    /// <summary>Every shard.</summary>
    public IReadOnlyList<Shard> All => all;

    /// <summary>The shard of a name, as the directory has it.</summary>
    /// <exception cref="InvalidOperationException">The configuration does not name it.</exception>
    public Shard Named(string name) => all.FirstOrDefault(s => s.Name == name)
        ?? throw new InvalidOperationException($"Organizations live on shard '{name}', which Bsp:Shards does not name.");

    /// <summary>The shard where an organization lives.</summary>
    /// <exception cref="Refusal"><c>organization.unknown</c></exception>
    /// <exception cref="NpgsqlException">It is not known here, and the directory does not answer.</exception>
    public ValueTask<Shard> OfAsync(Guid organizationId, CancellationToken ct)
    {
        var known = homes.GetValueOrDefault(organizationId);
        return known is not null && Stopwatch.GetTimestamp() < known.LookAgainAt ? ValueTask.FromResult(known.Shard)
            : new(known is null ? FindAsync(organizationId, ct) : AgainAsync(organizationId, known, ct));
    }

    /// <summary>Within so long this process was told that an organization moved.</summary>
    public bool SomebodyMoved(TimeSpan within) =>
        Interlocked.Read(ref forgottenAt) is var at && at != 0 && Stopwatch.GetElapsedTime(at) <= within;

    /// <summary>The organization may live elsewhere from now on: the next who asks looks.</summary>
    public void Forget(Guid organizationId)
    {
        Interlocked.Exchange(ref forgottenAt, Stopwatch.GetTimestamp());
        if (homes.TryGetValue(organizationId, out var known))
        {
            homes.TryUpdate(organizationId, known with { LookAgainAt = 0, Doubted = true }, known);
        }
    }

    /// <summary>News may have been missed: every home is looked up again when it is next asked for.</summary>
    public void ForgetAll()
    {
        foreach (var id in homes.Keys)
        {
            Forget(id);
        }
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

    private async Task<Shard> FindAsync(Guid organizationId, CancellationToken ct)
    {
        await using var command = Directory.CreateCommand("SELECT shard FROM bsp.directory_organizations WHERE organization_id = $1");
        command.Parameters.Add(new() { Value = organizationId });
        var name = await command.ExecuteScalarAsync(ct) as string
            ?? throw new Refusal("organization.unknown", "There is no such organization.");
        var shard = Named(name);
        homes[organizationId] = new(shard, After(HomeLife), false);
        return shard;
    }

    // One caller looks, and waits a moment for it; the others go on with what is known, unless somebody said that it is no longer so.
    private async Task<Shard> AgainAsync(Guid organizationId, Home known, CancellationToken ct)
    {
        if (!known.Doubted && !homes.TryUpdate(organizationId, known with { LookAgainAt = After(LookMax) }, known))
        {
            return known.Shard;
        }

        var looking = LookAsync(organizationId, known);
        try
        {
            return await looking.WaitAsync(LookMax, ct);
        }
        catch (TimeoutException)
        {
            return known.Shard;
        }
    }

    // Under nobody's token: what is found is for all. The directory's trouble leaves what is known as it is for a while.
    private async Task<Shard> LookAsync(Guid organizationId, Home known)
    {
        try
        {
            return await FindAsync(organizationId, CancellationToken.None);
        }
        catch (Exception away) when (away is NpgsqlException or TimeoutException or IOException)
        {
            homes[organizationId] = known with { LookAgainAt = After(AgainAfter), Doubted = false };
            return known.Shard;
        }
    }

    private static long After(TimeSpan span) => Stopwatch.GetTimestamp() + (long)(span.TotalSeconds * Stopwatch.Frequency);

    private sealed record Home(Shard Shard, long LookAgainAt, bool Doubted);
}
