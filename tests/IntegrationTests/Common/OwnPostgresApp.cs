using Bsp.Infrastructure.Schema;
using Bsp.IntegrationTests.EventStore;
using Bsp.LocalStores;
using Bsp.LocalStores.Common;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.IntegrationTests.Common;

/// <summary>The application with a PostgreSQL of its own, to which a test may do what it likes.</summary>
public abstract class OwnPostgresApp(StoresFixture stores) : AppFixture(stores)
{
    /// <summary>Its PostgreSQL, and nothing else.</summary>
    internal Stores Own { get; private set; } = null!;

    /// <summary>Where the server's data lie.</summary>
    protected virtual string Directory => Path.Combine(Checkout.Root ?? Path.GetTempPath(), ".local", "tests");

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Own.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override async Task<string> NewDatabaseAsync(string name)
    {
        Own = await Bsp.LocalStores.Stores.StartAsync(new(Directory) { Start = StoreKinds.Postgres }, CancellationToken.None);
        var admin = new NpgsqlConnectionStringBuilder(await Own.CreateDatabaseAsync(name, CancellationToken.None))
        {
            PersistSecurityInfo = true,
        }.ConnectionString;
        await new Migrator(NullLogger<Migrator>.Instance).MigrateAsync(admin, LogDatabase.AppPassword, CancellationToken.None);
        return admin;
    }
}
