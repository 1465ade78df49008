using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Schema;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>The event store as one process has it, on a database of its own.</summary>
internal sealed class LogAccess : IAsyncDisposable
{
    private const string AppPassword = "only-for-chaos";
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private LogAccess(string adminConnection)
    {
        var text = new NpgsqlConnectionStringBuilder(adminConnection) { Username = "bsp_app", Password = AppPassword, Timeout = 5 };
        var app = NpgsqlDataSource.Create(text.ConnectionString);
        Shard = new("A-Z", 1, app) { ConnectionString = text.ConnectionString };
        Shards = new(app, [Shard]);
        Store = new(Shards, [], new(TimeProvider.System, NullLogger<LogSignal>.Instance), new(), TimeProvider.System);
    }

    public Shard Shard { get; }

    public Shards Shards { get; }

    public PostgresEventStore Store { get; }

    public static LogAccess To(string adminConnection) => new(adminConnection);

    /// <summary>Migrates the database and makes organizations in it.</summary>
    public static async Task PrepareAsync(string adminConnection, IEnumerable<Guid> organizations, CancellationToken ct)
    {
        await new Migrator(NullLogger<Migrator>.Instance).MigrateAsync(adminConnection, AppPassword, ct);
        await using var source = NpgsqlDataSource.Create(adminConnection);
        foreach (var organization in organizations)
        {
            await using var command =
                source.CreateCommand("INSERT INTO bsp.directory_organizations (organization_id, slug, shard) VALUES ($1, $2, 'A-Z')");
            command.Parameters.Add(new() { Value = organization });
            command.Parameters.Add(new() { Value = organization.ToString() });
            await command.ExecuteNonQueryAsync(ct);
        }
    }

    /// <summary>Events that carry a token, by which they are found again.</summary>
    public static StreamAppend Append(Guid stream, long? expected, string token, int events) =>
        new(stream, "campaign", expected, [.. Enumerable.Range(0, events).Select(_ => (object)new CampaignPaused(stream, token, Noon))]);

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        await Shards.DisposeAsync();
    }
}
