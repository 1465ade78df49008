using System.Diagnostics;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Sealing;
using Bsp.Infrastructure.Sharding;
using Bsp.LocalStores;
using Bsp.LocalStores.Common;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.Benchmarks;

/// <summary>
/// Sealing the log and auditing it, beside reading the same rows unchecked; what an audit keeps in memory; what an act on the audit trail
/// adds to the change of a contact.
/// <c>BSP_BENCH_EVENTS</c>: default 1,000,000, over ten days and eight organizations.
/// </summary>
internal sealed class AuditBench(OwnLog log) : IAsyncDisposable
{
    private const int Days = 10;
    private const int Callers = 8;
    private const int Rounds = 3;
    private const int PageEvents = 2_000;
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(2);

    private readonly LogReaders readers = new(new());
    private readonly PostgresEventStore store =
        new(log.Shards, [new AuditTrailView(log.Shards)], new(TimeProvider.System, NullLogger<LogSignal>.Instance), new(),
            TimeProvider.System);
    private readonly LogSigner signer =
        new(new MasterKeys(new BspOptions { DirectoryApp = "", Shards = [], PlatformKeySha256 = [], MasterKey = new byte[32],
            Meta = new() { BaseUrl = new("http://localhost") } }));

    private static long Events { get; } = Environment.GetEnvironmentVariable("BSP_BENCH_EVENTS") is not { } text ? 1_000_000
        : long.TryParse(text, out var value) && value >= Days ? value
        : throw new Obstacle($"BSP_BENCH_EVENTS is '{text}': it must be a number of at least {Days}.");

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        await using var stores = await Installation.StoresAsync(StoreKinds.Postgres, ct);
        await using var log = await OwnLog.CreateAsync(stores.Postgres, ct, organizations: Callers);
        await using var bench = new AuditBench(log);
        await bench.MeasureAsync(report, ct);
    }

    public async ValueTask DisposeAsync()
    {
        await store.DisposeAsync();
        await readers.DisposeAsync();
        signer.Dispose();
    }

    private async Task MeasureAsync(Report report, CancellationToken ct)
    {
        Report.Say($"{Events:N0} events of {Callers} organizations over {Days} days; {Environment.ProcessorCount} cores");
        await FillAsync(ct);
        await ReadAsync(ct); // warms the caches
        var reading = await ReadAsync(ct);
        var sealing =
            await TimedAsync(async () =>
                await new LogSealer(log.Shards, readers, signer, TimeProvider.System, NullLogger<LogSealer>.Instance)
                .SweepAsync(log.Shard, ct));
        report.Add(new("sealing the days of the log", Events / sealing, "events/s", Events / reading,
            "reading the same rows unchecked, one connection"));
        await AuditAsync(report, reading, ct);
        await ActsAsync(report, "inserts of contacts with their act, 8 callers, 1 organization", organizations: 1, ct);
        await ActsAsync(report, "… 8 callers, each of its own organization", organizations: Callers, ct);
    }

    private async Task FillAsync(CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(log.Admin);
        await connection.OpenAsync(ct);
        var tenants = string.Join(',', log.Organizations.Select(o => $"'{o}'"));
        await using var command = new NpgsqlCommand($"""
            SET session_replication_role = replica;
            INSERT INTO mt_streams (tenant_id, id, type, version) SELECT (ARRAY[{tenants}])[1 + i % {Callers}], md5('s' || i)::uuid, 'campaign', 1 FROM generate_series(0::bigint, {Events - 1}) i;
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type)
            SELECT i + 1, gen_random_uuid(), md5('s' || i)::uuid, 1, jsonb_build_object('campaign_id', md5('s' || i)::uuid, 'reason', repeat('x', 60), 'at', '2026-01-01T12:00:00.0000000+00:00'), 'campaign_paused',
                   now() - interval '1 day' * ({Days + 1} - i * {Days} / {Events}), (ARRAY[{tenants}])[1 + i % {Callers}], 'Bsp.Domain.Campaigns.CampaignPaused, Bsp.Domain'
              FROM generate_series(0::bigint, {Events - 1}) i;
            SELECT setval('mt_events_sequence', {Events});
            INSERT INTO organizations (id, name, slug) SELECT o, 'Bench', o::text FROM unnest(ARRAY[{tenants}]::uuid[]) AS o;
            RESET session_replication_role;
            ANALYZE mt_events; ANALYZE mt_streams;
            """, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(ct);
    }

    private async Task<double> ReadAsync(CancellationToken ct)
    {
        await using var connection = await log.Shard.App.OpenConnectionAsync(ct);
        await using var command =
            new NpgsqlCommand("SELECT * FROM bsp.read_sealable($1, $2, NULL, $3)",
                connection) { Parameters = { new() { Value = 0L }, new() { Value = Events }, new() { Value = PageEvents } } };
        await command.PrepareAsync(ct);
        return await TimedAsync(async () =>
        {
            for (var (after, more) = (0L, true); more;)
            {
                command.Parameters[0].Value = after;
                await using var reader = await command.ExecuteReaderAsync(ct);
                for (more = false; await reader.ReadAsync(ct); more = true)
                {
                    after = reader.GetInt64(0);
                    for (var column = 1; column < reader.FieldCount; column++)
                    {
                        _ = reader.GetValue(column);
                    }
                }
            }
        });
    }

    private async Task AuditAsync(Report report, double reading, CancellationToken ct)
    {
        var live = new List<long>();
        LogAuditReport? found = null;
        var seconds =
            await TimedAsync(async () =>
                found = await new LogAudit(log.Shards, readers, signer, TimeProvider.System, null, _ =>
                    live.Add(GC.GetTotalMemory(forceFullCollection: true))).RunAsync(ct));
        if (found is not { Passed: true } || found.Events != Events)
        {
            throw new Obstacle($"The audit saw {found?.Events} of {Events} events: {found?.Findings.FirstOrDefault()}");
        }

        report.Add(new("audit --log over the same days", Events / seconds, "events/s", Events / reading,
            "reading the same rows unchecked, one connection"));
        report.Add(new($"… memory that is kept after {Events:N0} events", live[^1] / 1048576.0, "MB", live[0] / 1048576.0,
            "the same after the first day"));
    }

    // In turns, so that both see the same machine.
    private async Task ActsAsync(Report report, string name, int organizations, CancellationToken ct)
    {
        var audit = new AuditLog(store, TimeProvider.System);
        var (bare, noted) = (new List<double>(), new List<double>());
        for (var round = 0; round <= Rounds; round++)
        {
            var pair = (await TurnAsync(null, organizations, ct), await TurnAsync(audit, organizations, ct));
            if (round > 0)
            {
                bare.Add(pair.Item1);
                noted.Add(pair.Item2);
            }
        }

        report.Add(new(name, noted.Median(), "changes/s", bare.Median(), "the same inserts without an act"));
    }

    private async Task<double> TurnAsync(AuditLog? audit, int organizations, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var done = await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var organization = log.Organizations[caller % organizations];
            for (var n = 0; ; n++)
            {
                if (Stopwatch.GetElapsedTime(began) > Turn)
                {
                    return n;
                }

                var id = Uuid.New();
                await using var transaction = await log.Shard.BeginAsync(organization, ct);
                await transaction.ExecuteAsync("INSERT INTO contacts (id, organization_id, first_name) VALUES ($1, $2, 'x')", ct, id,
                    organization);
                if (audit is not null)
                {
                    await audit.NoteAsync(transaction, log.Shard, organization, "contact.created", "contact", id, null, ct, "bench");
                }

                await transaction.CommitAsync(ct);
            }
        }, ct)));
        return done.Sum() / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static async Task<double> TimedAsync(Func<Task> work)
    {
        var began = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }
}
