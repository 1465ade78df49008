using Microsoft.Extensions.Configuration;

namespace Bsp.Infrastructure.EventStore;

/// <summary>Bounds of appending and reading; <c>Bsp:EventStore:*</c>. Sources: docs/decisions/0030.</summary>
public sealed record EventStoreSettings
{
    /// <summary>Writer connections per shard and process, 1–16. The second and further ones are opened only under pressure.</summary>
    public int LanesMax { get; init; } = 6;

    /// <summary>Events in one transaction of a lane, 1–10,000. A single larger call is still written whole.</summary>
    public int BatchEventsMax { get; init; } = 1_000;

    /// <summary>Calls accepted and not yet answered, per shard and process; further callers wait.</summary>
    public int QueueCallsMax { get; init; } = 4_096;

    /// <summary>
    /// Somebody else (a Marten application) appends to the same database: readers then watch the transactions that draw numbers instead of
    /// the fence.
    /// </summary>
    public bool ForeignWriters { get; init; }

    /// <summary>How long a lane looks for the outcome of a call whose connection was lost before it gives up.</summary>
    public TimeSpan RecheckMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Seconds one statement of a lane may take.</summary>
    public int CommandTimeoutSeconds { get; init; } = 30;

    /// <summary>Connections for loading streams, per shard and process.</summary>
    public int LoadConnectionsMax { get; init; } = 16;

    /// <summary>
    /// Days without a word after which an ended message stream is archived, 30–3,650; 0: never. It costs a rewrite of its events;
    /// docs/decisions/0077.
    /// </summary>
    public int ArchiveAfterDays { get; init; }

    /// <summary>From configuration; absent values keep their defaults.</summary>
    /// <exception cref="InvalidOperationException">A value is out of its range.</exception>
    public static EventStoreSettings From(IConfiguration configuration)
    {
        var section = configuration.GetSection("Bsp:EventStore");
        var settings = new EventStoreSettings();
        return settings with
        {
            LanesMax = InRange(section, nameof(LanesMax), settings.LanesMax, 1, 16),
            BatchEventsMax = InRange(section, nameof(BatchEventsMax), settings.BatchEventsMax, 1, 10_000),
            QueueCallsMax = InRange(section, nameof(QueueCallsMax), settings.QueueCallsMax, 1, 1_000_000),
            LoadConnectionsMax = InRange(section, nameof(LoadConnectionsMax), settings.LoadConnectionsMax, 1, 200),
            ArchiveAfterDays = section.GetValue(nameof(ArchiveAfterDays), 0) == 0 ? 0
            : InRange(section, nameof(ArchiveAfterDays), 0, 30, 3_650),
            ForeignWriters = section.GetValue(nameof(ForeignWriters), settings.ForeignWriters),
        };
    }

    private static int InRange(IConfigurationSection section, string name, int usual, int from, int to)
    {
        var value = section.GetValue(name, usual);
        return value >= from && value <= to ? value
            : throw new InvalidOperationException($"Bsp:EventStore:{name} is {value}; it must lie between {from} and {to}.");
    }
}
