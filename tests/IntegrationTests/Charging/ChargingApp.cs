using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Npgsql;

namespace Bsp.IntegrationTests.Charging;

/// <summary>The whole application, whose connections to PostgreSQL lose the answer to a COMMIT when a test asks for it.</summary>
public sealed class ChargingApp(StoresFixture stores) : EndToEndApp(stores)
{
    private AnswerLosingProxy? postgres;

    internal AnswerLosingProxy Postgres => postgres ??= Before(new NpgsqlConnectionStringBuilder(AdminConnection));

    protected override IEnumerable<(string Name, string? Value)> Settings =>
        base.Settings.Append(("ConnectionStrings:DirectoryApp", Through(Postgres.Port)));

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        postgres?.Dispose();
    }

    private static AnswerLosingProxy Before(NpgsqlConnectionStringBuilder server) => new(new Uri($"tcp://{server.Host}:{server.Port}"));

    private string Through(int port) => new NpgsqlConnectionStringBuilder(AdminConnection)
    {
        Username = "bsp_app", Password = EventStore.LogDatabase.AppPassword, MaxPoolSize = 30, Host = "127.0.0.1", Port = port,
    }.ConnectionString;
}
