using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Ledger;

/// <summary>
/// The months that <c>transactions</c> has a partition for. The clock makes them ahead; whoever comes to a month that has none makes it
/// then, in a transaction of its own.
/// </summary>
public sealed class LedgerMonths
{
    /// <summary>Months that are made ahead, the current one included.</summary>
    public const int AheadMonths = 4;

    [Bounded("one a shard and month that was written to")]
    private readonly ConcurrentDictionary<(string Shard, string Month), bool> made = new();

    /// <summary>There is a partition for each of these months when it returns.</summary>
    public async ValueTask EnsureAsync(Shard shard, IEnumerable<string> months, CancellationToken ct)
    {
        foreach (var month in months)
        {
            if (!made.ContainsKey((shard.Name, month)))
            {
                await MakeAsync(shard, month, 1, ct);
                made[(shard.Name, month)] = true;
            }
        }
    }

    /// <summary>Partitions of this month and the next ones.</summary>
    public Task MakeAheadAsync(Shard shard, DateTimeOffset now, CancellationToken ct) =>
        MakeAsync(shard, LedgerTime.Month(now), AheadMonths, ct);

    private static async Task MakeAsync(Shard shard, string month, int months, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT bsp.ledger_make_partitions($1, $2)");
        command.Parameters.Add(new() { Value = DateOnly.FromDateTime(LedgerTime.Start(month).UtcDateTime) });
        command.Parameters.Add(new() { Value = months });
        await command.ExecuteNonQueryAsync(ct);
    }
}
