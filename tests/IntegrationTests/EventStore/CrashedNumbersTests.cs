using System.Diagnostics;
using Bsp.Application.Common;
using Bsp.Benchmarks.Chaos;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.LocalStores;
using Npgsql;

namespace Bsp.IntegrationTests.EventStore;

/// <summary>
/// Numbers of which only the drawing was seen, and not yet written to PostgreSQL's log: a crash takes them back and they are given out
/// again.
/// </summary>
public sealed class CrashedNumbersTests
{
    private const int CrashesMax = 5;
    private const int Drawn = 100; // more than PostgreSQL logs ahead (32), so that the sequence surely goes back
    private static readonly TimeSpan Patience = EndToEnd.Patience.Deadline;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false, false)] // by the fence; drawn by a transaction that was rolled back
    [InlineData(true, false)]  // by watching gaps
    [InlineData(true, true)]   // and by one that was still open when PostgreSQL died
    public async Task A_reader_that_was_there_before_the_crash_sees_the_events_that_carry_them_after_it(bool foreignWriters, bool open)
    {
        await using var stores = await Stores.StartAsync(new(StoresOptions.ForTests().Directory) { Start = StoreKinds.Postgres }, Ct);
        var admin = new NpgsqlConnectionStringBuilder(await stores.CreateDatabaseAsync($"crash_{Uuid.New():N}",
            Ct)) { PersistSecurityInfo = true, Pooling = false }.ConnectionString;
        var organization = Uuid.New();
        await LogAccess.PrepareAsync(admin, [organization], Ct);
        await using var source = NpgsqlDataSource.Create(admin);
        var postgres = new PostgresHarm(stores, source);
        await using var access = LogAccess.To(admin);
        await using var reader = new LogReader(access.Shard, new() { ForeignWriters = foreignWriters });
        await AppendAsync(access, organization);
        var (after, drawn, crashes) = (0L, 0L, 0);
        do
        {
            await using var connection = await source.OpenConnectionAsync(Ct);
            await using var transaction = await connection.BeginTransactionAsync(Ct);
            await StopAsync((int)await NumberAsync(connection,
                "SELECT pid::bigint FROM pg_stat_activity WHERE backend_type = 'walwriter'"));
            drawn = await NumberAsync(connection, $"SELECT max(nextval('mt_events_sequence')) FROM generate_series(1, {Drawn})");
            if (!open)
            {
                await transaction.RollbackAsync(Ct);
            }

            after = await LookAsync(reader, after);
            await postgres.KillAllAsync(TimeSpan.Zero, Ct);
        }
        while (await LastAsync(postgres) >= drawn && ++crashes < CrashesMax); // somebody's commit, a vacuum's, wrote the drawing down

        await using var other = await postgres.ReachAsync(Ct);
        (await NumberAsync(other, "SELECT last_value FROM mt_events_sequence")).ShouldBeLessThan(drawn, "else nothing is tried");

        // The first number is still on its way when the next is committed and the reader looks.
        await using var late = await other.BeginTransactionAsync(Ct);
        await NumberAsync(other, "SELECT bsp.announce()");
        await NumberAsync(other, """
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id)
            SELECT nextval('mt_events_sequence'), gen_random_uuid(), stream_id, version + 1, data, type, tenant_id FROM mt_events ORDER BY seq_id LIMIT 1 RETURNING seq_id
            """);
        await AppendAsync(access, organization);
        var seen = new List<long>();
        for (var look = 0; look < 3; look++)
        {
            after = await ReadAsync(reader, after, seen);
        }

        await late.CommitAsync(Ct);
        await AppendAsync(access, organization);
        var all = await AllAsync(source);
        using var patience = new CancellationTokenSource(Patience);
        while (after < all[^1])
        {
            patience.Token.ThrowIfCancellationRequested();
            after = await ReadAsync(reader, after, seen);
        }

        seen.ShouldBe(all.Skip(1)); // the first was read before the crash
    }

    // Connections of before an earlier crash give way to new ones.
    private static async Task<long> LookAsync(LogReader reader, long after)
    {
        for (var left = 10; ; left--)
        {
            try
            {
                return (await reader.ReadAsync(after, null, 1_000, Ct)).UpTo;
            }
            catch (Exception trouble) when (left > 0 && trouble is StoreUnavailable or NpgsqlException)
            {
                // the next one
            }
        }
    }

    private static async Task<long> LastAsync(PostgresHarm postgres)
    {
        await using var connection = await postgres.ReachAsync(Ct);
        return await NumberAsync(connection, "SELECT last_value FROM mt_events_sequence");
    }

    // The one that writes the log of what was rolled back, within 200 ms.
    private static async Task StopAsync(int walWriter)
    {
        using var stop = Process.Start("kill", ["-STOP", $"{walWriter}"]);
        await stop.WaitForExitAsync(Ct);
        stop.ExitCode.ShouldBe(0);
    }

    private static async Task<long> ReadAsync(LogReader reader, long after, List<long> seen)
    {
        try
        {
            var page = await reader.ReadAsync(after, null, 1_000, Ct);
            seen.AddRange(page.Events.Select(e => e.Sequence));
            return page.UpTo;
        }
        catch (Exception trouble) when (trouble is StoreUnavailable or NpgsqlException)
        {
            return after; // connections of before the crash
        }
    }

    private static async Task AppendAsync(LogAccess access, Guid organization)
    {
        var outcome = await access.Store.AppendAsync(organization, [LogAccess.Append(Uuid.New(), 0, "x", 1)], Ct);
        outcome.Verdict.ShouldBe(Application.EventStore.AppendVerdict.Ok);
    }

    private static async Task<long> NumberAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync(Ct))!;
    }

    private static async Task<List<long>> AllAsync(NpgsqlDataSource source)
    {
        await using var command = source.CreateCommand("SELECT seq_id FROM mt_events ORDER BY seq_id");
        await using var row = await command.ExecuteReaderAsync(Ct);
        var all = new List<long>();
        while (await row.ReadAsync(Ct))
        {
            all.Add(row.GetInt64(0));
        }

        return all;
    }
}
