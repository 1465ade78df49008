using Bsp.Application.Common;
using Npgsql;

namespace Bsp.Infrastructure.Sharding;

/// <summary>The connections to one database, a pool for each <see cref="WorkKind"/>.</summary>
public sealed class DatabasePools : IAsyncDisposable
{
    private readonly NpgsqlDataSource[] byKind;

    /// <param name="open">Opens the pool of a kind.</param>
    public DatabasePools(Func<WorkKind, NpgsqlDataSource> open) => byKind = [.. Enum.GetValues<WorkKind>().Order().Select(open)];

    /// <summary>The one that belongs to the work at hand.</summary>
    public NpgsqlDataSource Current => byKind[(int)Work.Current];

    /// <summary>The one of a kind.</summary>
    public NpgsqlDataSource Of(WorkKind kind) => byKind[(int)kind];

    /// <summary>One pool for everything: tools and tests that do one thing.</summary>
    public static DatabasePools Single(NpgsqlDataSource source) => new(_ => source);

    public async ValueTask DisposeAsync()
    {
        foreach (var pool in byKind)
        {
            await pool.DisposeAsync();
        }
    }
}
