using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Npgsql;

namespace Bsp.IntegrationTests.Views;

/// <summary>A migrated database of its own, with logs written straight into it.</summary>
public sealed class ViewsDatabase : IAsyncDisposable
{
    private readonly NpgsqlDataSource app;

    private ViewsDatabase(string admin, string text)
    {
        (AdminConnection, Admin) = (admin, NpgsqlDataSource.Create(admin));
        app = NpgsqlDataSource.Create(text);
        Shards = new(app, [new Shard("A-Z", 1, app) { ConnectionString = text }]);
    }

    public string AdminConnection { get; }

    public NpgsqlDataSource Admin { get; }

    public Shards Shards { get; }

    public Shard Shard => Shards.All[0];

    public static async Task<ViewsDatabase> NewAsync(StoresFixture fixture)
    {
        var admin = new NpgsqlConnectionStringBuilder(await fixture.NewDatabaseAsync($"views_{Guid.NewGuid():N}")) { MaxPoolSize = 10 };
        return new(admin.ConnectionString,
            new NpgsqlConnectionStringBuilder(admin.ConnectionString) { Username = "bsp_app",
                Password = EventStore.LogDatabase.AppPassword, MaxPoolSize = 20 }.ConnectionString);
    }

    /// <summary>Another database, as this one is now: what a backup of this moment comes to.</summary>
    public async Task<ViewsDatabase> CopyAsync(StoresFixture fixture)
    {
        Admin.Clear(); // nobody may be connected to what is copied
        app.Clear();
        var (from, to) = (new NpgsqlConnectionStringBuilder(AdminConnection), $"views_{Guid.NewGuid():N}");
        await using (var server = NpgsqlDataSource.Create(fixture.Stores.Postgres + ";Pooling=false"))
        {
            await EndToEnd.Patience.UntilAsync(async () =>
            {
                await using var copy = server.CreateCommand($"CREATE DATABASE \"{to}\" TEMPLATE \"{from.Database}\"");
                copy.CommandTimeout = 300;
                try
                {
                    await copy.ExecuteNonQueryAsync();
                    return true;
                }
                catch (PostgresException used) when (used.SqlState == PostgresErrorCodes.ObjectInUse)
                {
                    return false; // a backend is still on its way out
                }
            }, done => done, "nobody is connected to what is copied");
        }

        return new(new NpgsqlConnectionStringBuilder(AdminConnection) { Database = to }.ConnectionString,
            new NpgsqlConnectionStringBuilder(Shard.ConnectionString) { Database = to }.ConnectionString);
    }

    public async Task<Guid> NewOrganizationAsync()
    {
        var id = Uuid.New();
        await ExecuteAsync("INSERT INTO bsp.directory_organizations (organization_id, slug, shard) VALUES ($1, $2, 'A-Z')", id,
            $"org-{id}");
        await ExecuteAsync("INSERT INTO organizations (id, name, slug) VALUES ($1, 'o', $2)", id, $"org-{id}");
        return id;
    }

    /// <summary>The log and the rows that its counters go to.</summary>
    internal async Task WriteAsync(RandomLog log)
    {
        var template = Uuid.New();
        for (var i = 0; i < log.Accounts.Length; i++)
        {
            await ExecuteAsync(
                "INSERT INTO whatsapp_accounts (id, organization_id, phone_number_id, phone_number, display_name, meta_waba_id) VALUES ($1, $2, $3, '+1', 'n', 'w')", log.Accounts[i], log.OrganizationId, log.Accounts[i].ToString());
        }

        await ExecuteAsync("""
            INSERT INTO templates (id, organization_id, account_id, name, category, language, components, status, created_at, updated_at, status_exact, version)
            VALUES ($1, $2, $3, 't', 'MARKETING', 'en', '{}', 'APPROVED', now(), now(), 'APPROVED', 1)
            """, template, log.OrganizationId, log.Accounts[0]);
        foreach (var campaign in log.Campaigns)
        {
            await ExecuteAsync("""
                INSERT INTO campaigns (id, organization_id, template_id, account_id, name, type, status, audience_segment, created_at, updated_at, version)
                VALUES ($1, $2, $3, $4, 'c', 'BROADCAST', 'RUNNING', '{}', now(), now(), 1)
                """, campaign, log.OrganizationId, template, log.Accounts[0]);
        }

        await ExecuteAsync("INSERT INTO contacts (id, organization_id) SELECT id, $1 FROM unnest($2::uuid[]) AS id", log.OrganizationId,
            log.Contacts);
        await ExecuteAsync("INSERT INTO mt_streams (tenant_id, id, version) SELECT $1, s, 1 FROM unnest($2::uuid[]) AS s",
            log.OrganizationId.ToString(), log.Events.Select(e => e.StreamId).Distinct().ToArray());
        await ExecuteAsync("""
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id)
            SELECT seq, id, stream, version, data::jsonb, type, at, $1 FROM unnest($2::bigint[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::timestamptz[]) AS e (seq, id, stream, version, data, type, at)
            """, log.OrganizationId.ToString(), log.Events.Select(e => e.Sequence).ToArray(), log.Events.Select(e => e.Id).ToArray(), log.Events.Select(e => e.StreamId).ToArray(), log.Events.Select(e => e.Version).ToArray(),
            log.Events.Select(e => JsonSerializer.Serialize(e.Body, e.Body!.GetType(), EventTypes.Json)).ToArray(),
            log.Events.Select(e => e.Type).ToArray(), log.Events.Select(e => e.Timestamp.UtcDateTime).ToArray());
        await ExecuteAsync("SELECT setval('mt_events_sequence', greatest($1, (SELECT last_value FROM mt_events_sequence)))",
            log.Events[^1].Sequence);
    }

    /// <summary>
    /// Runs a projection over the whole log from wherever it stands, in pages of random size, like a runner that is killed now and then.
    /// </summary>
    internal async Task RunAsync(IProjection projection, RandomLog log, int seed = 1)
    {
        var random = new Random(seed);
        var end = log.Events[^1].Sequence;
        for (var after = await projection.CheckpointAsync(Shard, default); after < end; after =
            await projection.CheckpointAsync(Shard, default))
        {
            await projection.ApplyAsync(Page(projection, log, after, Math.Min(end, after + random.Next(1, 400))), default);
        }
    }

    /// <summary>Builds the view anew beside the old one and swaps, without a runner.</summary>
    internal async Task RebuildAsync(IProjection projection, RandomLog log, int seed = 2)
    {
        var (board, copy) = (new ProjectionBoard(Shard), projection.Beside!);
        await board.EnterAsync(projection.Name, default);
        await board.BeginCopyAsync(projection.Name, default);
        await copy.BeginAsync(Shard, default);
        (await copy.CheckpointAsync(Shard, default)).ShouldBe(0);
        await RunAsync(copy, log, seed);
        (await copy.SwapAsync(Shard, default)).ShouldBeTrue();
        await board.SwappedAsync(projection.Name, await projection.CheckpointAsync(Shard, default), default);
        (await board.CopyAsync(projection.Name, default)).ShouldBeNull();
        (await projection.CheckpointAsync(Shard, default)).ShouldBe(log.Events[^1].Sequence);
    }

    internal EventPage Page(IProjection projection, RandomLog log, long after, long upTo) => new(Shard, after, upTo,
        [.. log.Events.Where(e =>
            e.Sequence > after && e.Sequence <= upTo && (projection.EventTypes is null || projection.EventTypes.Contains(e.Type)))]);

    public async Task<T> ScalarAsync<T>(string sql, params object[] arguments)
    {
        await using var command = Admin.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async Task ExecuteAsync(string sql, params object[] arguments)
    {
        await using var command = Admin.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Shards.DisposeAsync();
        await Admin.DisposeAsync();
    }
}
