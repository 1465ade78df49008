using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.IntegrationTests.EventStore;

/// <summary>A migrated database of its own for one test class.</summary>
public sealed class LogDatabase(StoresFixture stores) : IAsyncLifetime
{
    internal const string AppPassword = "only-for-tests";
    private readonly string name = $"log_{Guid.NewGuid():N}";
    private NpgsqlDataSource? app;

    /// <summary>To the database, as the role that owns the server: sees everything.</summary>
    public NpgsqlDataSource Admin { get; private set; } = null!;

    public Shards Shards { get; private set; } = null!;

    public Shard Shard => Shards.All[0];

    public async ValueTask InitializeAsync()
    {
        var admin = new NpgsqlConnectionStringBuilder(await stores.NewDatabaseAsync(name));
        admin.CommandTimeout = 300; // seconds: VACUUM, a lock, a body of a gigabyte, on a machine that is busy
        Admin = NpgsqlDataSource.Create(admin.ConnectionString);
        admin.CommandTimeout = 30;
        var text = new NpgsqlConnectionStringBuilder(admin.ConnectionString) { Username = "bsp_app", Password = AppPassword,
            MaxAutoPrepare = 100, MaxPoolSize = 40 };
        app = NpgsqlDataSource.Create(text.ConnectionString);
        Shards = new(app, [new Shard("A-Z", 1, app) { ConnectionString = text.ConnectionString }]);
    }

    public async ValueTask DisposeAsync()
    {
        await Shards.DisposeAsync();
        await Admin.DisposeAsync();
    }

    public async Task<Guid> NewOrganizationAsync()
    {
        var id = Uuid.New();
        await using var command =
            Admin.CreateCommand("INSERT INTO bsp.directory_organizations (organization_id, slug, shard) VALUES ($1, $2, 'A-Z')");
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = $"org-{id}" });
        await command.ExecuteNonQueryAsync();
        return id;
    }

    /// <summary>A store as one process has it.</summary>
    public PostgresEventStore NewStore(EventStoreSettings? settings = null, params IInlineView[] views) =>
        new(Shards, views, NewSignals(), settings ?? new(), TimeProvider.System);

    public static LogSignals NewSignals() => new(TimeProvider.System, NullLogger<LogSignal>.Instance);

    /// <summary>Rows as the server's owner sees them.</summary>
    public async Task<List<T>> AdminQueryAsync<T>(string sql, Func<NpgsqlDataReader, T> map, params object[] arguments)
    {
        await using var command = Admin.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<T>();
        while (await reader.ReadAsync())
        {
            rows.Add(map(reader));
        }

        return rows;
    }

    public async Task<T> ScalarAsync<T>(string sql, params object[] arguments) =>
        (await AdminQueryAsync(sql, row => row.GetFieldValue<T>(0), arguments))[0];
}

/// <summary>What the tests append.</summary>
internal static class Facts
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    public static CampaignPaused Paused(Guid campaign, string reason) => new(campaign, reason, Noon);

    public static CampaignResumed Resumed(Guid campaign) => new(campaign, Noon);

    public static StreamAppend Append(Guid stream, long? expected, params object[] events) => new(stream, "campaign", expected, events);
}
