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
        var timestamp = Microseconds(clock);
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

    /// <summary>
    /// For streams whose ends the caller has locked: nobody can be faster, so there is no savepoint and no second try. The stream's row is
    /// there or is made by the same statement, so the events' foreign key is not looked up for each of them (docs/decisions/0125).
    /// </summary>
    /// <param name="beside">Adds the caller's own statements, given the last event's number in the log.</param>
    /// <param name="written">Looks at them after they were carried out.</param>
    /// <exception cref="VersionConflict">A stream is not where its row says; the transaction can only be rolled back.</exception>
    public static async Task<Position> AppendAsync(TenantTransaction tx, Shard shard, AppendCall call, InlineViews views,
        LogSignal signal, TimeProvider clock, Action<NpgsqlBatch, long> beside, Action<NpgsqlBatch> written, CancellationToken ct)
    {
        var timestamp = Microseconds(clock);
        await using var statement = new AppendStatement(tx.Connection, LaneConnection.SkipTriggersHere);
        AppendAnswer answer;
        try
        {
            answer = await statement.ExecuteAsync([call], tenantList: null, timestamp, markClaims: false, judged: false, ct);
        }
        catch (PostgresException error) when (Lane.Raced(error))
        {
            throw new VersionConflict(call.Streams[0].Key.Stream, named: false);
        }

        if (answer.Verdicts[0] != 0)
        {
            throw new VersionConflict(call.Streams[0].Key.Stream, named: false);
        }

        var result = new AppendResult(shard, [call], answer, statement.Arrays.FirstSequences(answer.Verdicts));
        await ProjectAsync(tx, result, views, timestamp, ct, batch =>
        {
            batch.BatchCommands.Add(new(LaneConnection.FireTriggersHere));
            beside(batch, answer.Sequences.Max());
        }, written);
        signal.AppendedWith(tx);
        return new(shard.Epoch, answer.Sequences.Max());
    }

    private static DateTime Microseconds(TimeProvider clock)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        return new(now.Ticks - (now.Ticks % TimeSpan.TicksPerMicrosecond), DateTimeKind.Utc);
    }

    private static async Task ProjectAsync(TenantTransaction tx, AppendResult result, InlineViews views, DateTime timestamp,
        CancellationToken ct, Action<NpgsqlBatch>? beside = null, Action<NpgsqlBatch>? written = null)
    {
        await using var batch = new NpgsqlBatch(tx.Connection);
        beside?.Invoke(batch);
        views.AddStatements(result.EventsFor(views, timestamp), batch);
        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(ct);
            written?.Invoke(batch);
        }
    }
}
