using System.Diagnostics.Metrics;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Reconciliations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>
/// Compares by itself: every hour the messages of which something became known, every night everything. One process at a time does it; all
/// show what it found as metrics: <c>bsp_reconciliation_different</c> and <c>bsp_reconciliation_age_seconds</c> are what to be woken by.
/// </summary>
public sealed partial class ReconciliationLoop : BackgroundService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan MovedEvery = TimeSpan.FromHours(1);
    private static readonly TimeSpan Night = TimeSpan.FromHours(3);          // UTC
    private const long Lock = 0x4273_705F_5265_636F;                         // "Bsp_Reco"
    private const int MovedMessagesMax = 50_000;                             // a round and shard; the night sees the others
    private const int PageEvents = 5_000;
    private const long NumbersMax = 5_000_000;                               // of the log, looked through in one round

    private readonly Reconciliation reconciliation;
    private readonly MovedMessages moved;
    private readonly Shards shards;
    private readonly LogReaders readers;
    private readonly TimeProvider clock;
    private readonly ILogger<ReconciliationLoop> log;
    private readonly Meter meter = new("Bsp.Reconciliation");
    [Bounded("two a shard")]
    private readonly System.Collections.Concurrent.ConcurrentDictionary<(string Shard, string Scope),
        (DateTimeOffset At, int Different)> last = new();

    internal ReconciliationLoop(Reconciliation reconciliation, MovedMessages moved, Shards shards, LogReaders readers, TimeProvider clock,
        ILogger<ReconciliationLoop> log)
    {
        (this.reconciliation, this.moved, this.shards, this.readers, this.clock, this.log) =
            (reconciliation, moved, shards, readers, clock, log);
        meter.CreateObservableGauge("bsp_reconciliation_different", () => Each(l => (long)l.Different),
            description: "Organizations whose stores differed from the log when they were last compared.");
        meter.CreateObservableGauge("bsp_reconciliation_age_seconds", () => Each(l => (long)(clock.GetUtcNow() - l.At).TotalSeconds),
            unit: null, description: "Seconds since the stores were last compared with the log.");
    }

    /// <summary>Everything of every organization of a shard; how many differ.</summary>
    public async Task<int> WholeAsync(Shard shard, CancellationToken ct)
    {
        var end = await readers.Of(shard).EndAsync(ct);
        var different = 0;
        foreach (var organization in await OrganizationsAsync(shards, shard, ct))
        {
            var view = await reconciliation.WholeAsync(shard, organization, 1, ct);
            different += Saved(view) ? 1 : 0;
            await ReconciliationRows.SaveAsync(shard, view, ct);
        }

        await DoneAsync(shard, "whole", end, different, ct);
        return different;
    }

    /// <summary>What moved since the last time; how many organizations differ.</summary>
    public async Task<int> MovedAsync(Shard shard, CancellationToken ct)
    {
        var end = await readers.Of(shard).EndAsync(ct);
        var since = (await LastAsync(shard, "moved", ct))?.Sequence ?? end;
        var different = 0;
        foreach (var (organization, messages) in await MessagesAsync(shard, Math.Max(since, end - NumbersMax), end, ct))
        {
            if (await moved.CompareAsync(shard, organization, messages, ct) is { } view)
            {
                different += Saved(view) ? 1 : 0;
                await ReconciliationRows.SaveAsync(shard, view, ct);
            }
        }

        await DoneAsync(shard, "moved", end, different, ct);
        return different;
    }

    /// <summary>Organizations that live on a shard.</summary>
    internal static async Task<List<Guid>> OrganizationsAsync(Shards shards, Shard shard, CancellationToken ct)
    {
        var all = new List<Guid>();
        await using var command = shards.Directory.CreateCommand(
            "SELECT organization_id FROM bsp.directory_organizations WHERE shard = $1 ORDER BY 1");
        command.Parameters.Add(new() { Value = shard.Name });
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            all.Add(reader.GetGuid(0));
        }

        return all;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Background);
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(LookEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var shard in stoppingToken.IsCancellationRequested ? [] : shards.All)
            {
                try
                {
                    await LookAsync(shard, stoppingToken);
                    Loop.Worked(shard.Name);
                }
                catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
                {
                    return;
                }
                catch (Exception e) when (e
                    is NpgsqlException or StoreUnavailable or ClickHouseException or IOException or TimeoutException)
                {
                    LogFailed(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
            }
        }
    }

    public override void Dispose()
    {
        meter.Dispose();
        base.Dispose();
    }

    /// <summary>Does what is due, unless another process is at it.</summary>
    internal async Task LookAsync(Shard shard, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var (whole, hourly) = (await LastAsync(shard, "whole", ct), await LastAsync(shard, "moved", ct));
        var night = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero) + Night;
        var wholeIsDue = now >= night && whole?.At < night;
        if (!wholeIsDue && whole is not null && hourly is not null && now - hourly.Value.At < MovedEvery)
        {
            return;
        }

        // The lock ends with the transaction, which holds nothing else.
        await using var connection = await shards.Directory.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (!await LockAsync(connection, shard, ct))
        {
            return;
        }

        if (whole is null)
        {
            await DoneAsync(shard, "whole", 0, 0, ct); // the first night begins it
        }
        else if (wholeIsDue)
        {
            await WholeAsync(shard, ct);
        }

        if (hourly is null || now - hourly.Value.At >= MovedEvery)
        {
            await MovedAsync(shard, ct);
        }
    }

    private static async Task<bool> LockAsync(NpgsqlConnection connection, Shard shard, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand("SELECT pg_try_advisory_xact_lock($1, hashtext($2))", connection)
        {
            Parameters = { new() { Value = unchecked((int)Lock) }, new() { Value = shard.Name } },
        };
        return await command.ExecuteScalarAsync(ct) is true;
    }

    // Distinct messages of the events in between, by organization.
    private async Task<Dictionary<Guid, HashSet<Guid>>> MessagesAsync(Shard shard, long after, long end, CancellationToken ct)
    {
        var (found, count) = (new Dictionary<Guid, HashSet<Guid>>(), 0);
        var types = EventTypes.NamesOf<MessageEvent>();
        while (after < end && count < MovedMessagesMax)
        {
            var page = await readers.Of(shard).ReadAsync(after, types, PageEvents, ct);
            foreach (var stored in page.Events)
            {
                count += found.TryGetValue(stored.OrganizationId, out var own) ? own.Add(stored.StreamId) ? 1 : 0
                    : (found[stored.OrganizationId] = [stored.StreamId]).Count;
            }

            if (page.UpTo == after)
            {
                break;
            }

            after = page.UpTo;
        }

        return found;
    }

    private bool Saved(ReconciliationView view)
    {
        if (view.Status != ReconciliationStatus.Different)
        {
            return false;
        }

        LogDifferent(view.OrganizationId, view.First?.Store ?? "", view.First?.View ?? "", view.First?.Detail ?? "");
        return true;
    }

    private async Task<(long Sequence, DateTimeOffset At)?> LastAsync(Shard shard, string scope, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT sequence, at, different FROM bsp.reconciled WHERE name = $1");
        command.Parameters.Add(new() { Value = scope });
        await using var reader = await command.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct))
        {
            return null;
        }

        last[(shard.Name, scope)] = (reader.GetFieldValue<DateTimeOffset>(1), reader.GetInt32(2));
        return (reader.GetInt64(0), reader.GetFieldValue<DateTimeOffset>(1));
    }

    private async Task DoneAsync(Shard shard, string scope, long sequence, int different, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var command = shard.App.CreateCommand("""
            INSERT INTO bsp.reconciled (name, sequence, at, different) VALUES ($1, $2, $3, $4)
            ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence, at = excluded.at, different = excluded.different
            """);
        foreach (var value in (object[])[scope, sequence, now.UtcDateTime, different])
        {
            command.Parameters.Add(new() { Value = value });
        }

        await command.ExecuteNonQueryAsync(ct);
        last[(shard.Name, scope)] = (now, different);
    }

    private IEnumerable<Measurement<long>> Each(Func<(DateTimeOffset At, int Different), long> value) => last.Select(l =>
        new Measurement<long>(value(l.Value), new KeyValuePair<string, object?>("shard", l.Key.Shard),
            new KeyValuePair<string, object?>("scope", l.Key.Scope)));

    [LoggerMessage(Level = LogLevel.Error, Message = "organization {OrganizationId}: {Store}'s {View} differs from the log: {Detail}")]
    private partial void LogDifferent(Guid organizationId, string store, string view, string detail);

    [LoggerMessage(Level = LogLevel.Warning, Message = "shard {Shard} could not be compared with its stores; tried again in a few minutes")]
    private partial void LogFailed(Exception e, string shard);
}
