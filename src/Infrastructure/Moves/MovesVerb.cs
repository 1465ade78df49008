using Bsp.Application.Common;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.Schema;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Moves;

/// <summary>What the verb <c>shards</c> does beside asking.</summary>
public static class MovesVerb
{
    /// <summary>Takes a move that is due and that nobody else works at, as far as it goes. False: there was none.</summary>
    public static Task<bool> WorkAsync(IServiceProvider services, CancellationToken ct) =>
        services.GetRequiredService<MoveWorker>().WorkAsync(ct);

    /// <summary>Makes a database a shard: its schema, and the platform's plans.</summary>
    /// <param name="connection">Of a role that may migrate.</param>
    /// <exception cref="SchemaFault">Its schema does not fit.</exception>
    /// <exception cref="NpgsqlException">It cannot be reached.</exception>
    public static async Task PrepareAsync(BspOptions options, ILoggerFactory log, string connection, CancellationToken ct)
    {
        await new Migrator(log.CreateLogger<Migrator>()).MigrateAsync(connection, BspConfiguration.AppPassword(options.MasterKey), ct);
        if (options.Shards[0].Owner is not { } first)
        {
            return;
        }

        await using var from = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(first) { Pooling = false }.ConnectionString);
        await using var to = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connection) { Pooling = false }.ConnectionString);
        await from.OpenAsync(ct);
        await to.OpenAsync(ct);
        await using var transaction = await to.BeginTransactionAsync(ct);
        await to.DoAsync("CREATE TEMP TABLE moving ON COMMIT DROP AS SELECT * FROM public.billing_plans WITH NO DATA", ct);
        await MoveConnection.PipeAsync(from, "SELECT * FROM public.billing_plans", to, "pg_temp.moving", ct);
        await to.DoAsync("INSERT INTO public.billing_plans SELECT * FROM pg_temp.moving ON CONFLICT DO NOTHING", ct);
        await transaction.CommitAsync(ct);
    }
}
