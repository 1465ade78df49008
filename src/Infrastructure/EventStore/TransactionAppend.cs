using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.EventStore;

/// <summary>The append inside somebody else's transaction.</summary>
internal static class TransactionAppend
{
    private const int RepeatsMax = 10;

    /// <exception cref="VersionConflict">Other writers were faster <see cref="RepeatsMax"/> times; the transaction is still
    /// usable.</exception>
    public static async Task<AppendOutcome[]> AppendAsync(TenantTransaction tx, Shard shard, List<AppendCall> calls, InlineViews views,
        LogSignal signal, TimeProvider clock, CancellationToken ct)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        var timestamp = new DateTime(now.Ticks - (now.Ticks % TimeSpan.TicksPerMicrosecond), DateTimeKind.Utc);
        await using var statement = new AppendStatement(tx.Connection, "SAVEPOINT bsp_append");
        for (var repeat = 1; ; repeat++)
        {
            try
            {
                var answer = await statement.ExecuteAsync(calls, tenantList: null, timestamp, markClaims: false, judged: repeat > 1, ct);
                var result = new AppendResult(shard, calls, answer, statement.Arrays.FirstSequences(answer.Verdicts));
                await ProjectAsync(tx, result, views, timestamp, ct);
                if (result.AnyWritten)
                {
                    signal.AppendedWith(tx);
                }

                return result.Outcomes();
            }
            catch (PostgresException error) when (Lane.Raced(error))
            {
                await tx.ExecuteAsync("ROLLBACK TO SAVEPOINT bsp_append", ct);
                if (repeat == RepeatsMax)
                {
                    throw new VersionConflict(calls[0].Streams[0].Key.Stream, named: false);
                }
            }
        }
    }

    private static async Task ProjectAsync(TenantTransaction tx, AppendResult result, InlineViews views, DateTime timestamp,
        CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(tx.Connection);
        views.AddStatements(result.EventsFor(views, timestamp), batch);
        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(ct);
        }
    }
}
