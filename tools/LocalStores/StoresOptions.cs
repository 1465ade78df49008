namespace Bsp.LocalStores;

/// <summary>The stores that can be started here. There is no MongoDB server to install: MongoDB only by connection string.</summary>
[Flags]
public enum StoreKinds
{
    None = 0,
    Postgres = 1,
    Redis = 2,
    ClickHouse = 4,
    All = Postgres | Redis | ClickHouse,
}

/// <summary>What to start, and where.</summary>
/// <param name="Directory">Persistent: holds data, passwords and logs. Throw-away: each start makes a directory of its own in it and
/// removes it at the end.</param>
public sealed record StoresOptions(string Directory)
{
    /// <summary>True: data stays and one start at a time may use the directory. False: everything goes at the end.</summary>
    public bool Persistent { get; init; }

    /// <summary>Which to start; a store whose connection string is given below is not started whatever this says.</summary>
    public StoreKinds Start { get; init; } = StoreKinds.All;

    /// <summary>A server to use instead: administrator's connection string, as for Npgsql.</summary>
    public string? Postgres { get; init; }

    /// <summary>A server to use instead, as for StackExchange.Redis.</summary>
    public string? Redis { get; init; }

    /// <summary>A server to use instead: <c>http://user:password@host:port/?database=name</c>.</summary>
    public string? ClickHouse { get; init; }

    /// <summary>The server to use: <c>mongodb://…</c>. Null: there is none.</summary>
    public string? Mongo { get; init; }

    /// <summary>
    /// Throw-away stores in the checkout's <c>.local/tests</c>, save those that <c>BSP_TEST_POSTGRES|REDIS|CLICKHOUSE|MONGO</c> name.
    /// </summary>
    public static StoresOptions ForTests() =>
        new(Path.Combine(Common.Checkout.Root ?? Path.GetTempPath(), ".local", "tests"))
        {
            Postgres = Given("BSP_TEST_POSTGRES"),
            Redis = Given("BSP_TEST_REDIS"),
            ClickHouse = Given("BSP_TEST_CLICKHOUSE"),
            Mongo = Given("BSP_TEST_MONGO"),
        };

    private static string? Given(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
