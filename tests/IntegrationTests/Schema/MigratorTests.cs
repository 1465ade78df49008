using Bsp.Domain.Common;
using Bsp.Infrastructure.Schema;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.IntegrationTests.Schema;

public sealed class MigratorTests(StoresFixture stores)
{
    private const int Databases = 4;
    private const int StartsOfEach = 25;

    /// <summary>
    /// Roles belong to the server: several databases of it, and several processes that start at once, meet on the row of <c>bsp_app</c>.
    /// </summary>
    [Fact]
    public async Task Databases_of_one_server_may_be_migrated_at_the_same_moment()
    {
        var ct = TestContext.Current.CancellationToken;
        var databases = new List<string>();
        for (var n = 0; n < Databases; n++)
        {
            databases.Add(
                new NpgsqlConnectionStringBuilder(await stores.Stores.CreateDatabaseAsync($"migrated_{Uuid.New():N}",
                    ct)) { PersistSecurityInfo = true }.ConnectionString);
        }

        await Task.WhenAll(databases.Select(async database =>
        {
            for (var n = 0; n < StartsOfEach; n++)
            {
                await new Migrator(NullLogger<Migrator>.Instance).MigrateAsync(database, LogDatabase.AppPassword, ct);
            }
        }));

        foreach (var database in databases)
        {
            await using var app =
                NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(database) { Username = "bsp_app",
                    Password = LogDatabase.AppPassword, Pooling = false });
            await using var command = app.CreateCommand("SELECT bsp.fence()");
            (await command.ExecuteScalarAsync(ct)).ShouldBe(0L);
        }
    }
}
