using System.Diagnostics;
using System.Text.Json;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.LedgerAudits;
using Bsp.Infrastructure.LedgerAudits.Runs;
using Bsp.Infrastructure.Sharding;
using Bsp.LocalStores;
using Bsp.LocalStores.Common;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Benchmarks;

/// <summary>
/// Auditing a ledger, stream and table together and the stream alone, beside reading the same rows unchecked; what an audit keeps in
/// memory; the statement of the month.
/// <c>BSP_BENCH_ENTRIES</c>: default 1,000,000, of one wallet and month.
/// </summary>
internal sealed class LedgerAuditBench(OwnLog log)
{
    private const int Workers = 2;
    private const int PageEntries = 5_000;
    private const string Currency = "USD";

    private static long Entries { get; } = Environment.GetEnvironmentVariable("BSP_BENCH_ENTRIES") is not { } text ? 1_000_000
        : long.TryParse(text, out var value) && value >= 10 ? value
            : throw new Obstacle($"BSP_BENCH_ENTRIES is '{text}': it must be a number of at least 10.");

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        await using var stores = await Installation.StoresAsync(StoreKinds.Postgres, ct);
        await using var log = await OwnLog.CreateAsync(stores.Postgres, ct, organizations: 1);
        await new LedgerAuditBench(log).MeasureAsync(report, ct);
    }

    private Guid Organization => log.Organizations[0];

    private async Task MeasureAsync(Report report, CancellationToken ct)
    {
        Report.Say($"{Entries:N0} entries of one wallet and month; {Environment.ProcessorCount} cores");
        await FillAsync(ct);
        var (reading, both, stream, peak, live) = (new List<double>(), new List<double>(), new List<double>(), 0.0, 0.0);
        for (var round = 0; round <= Medians.Runs; round++)
        {
            var unchecked_ = await ReadAsync(ct);
            var began = Stopwatch.GetTimestamp();
            var before = GC.GetTotalMemory(forceFullCollection: true);
            var found = await new LedgerAudit(log.Shard, Organization, null, null, Workers, TimeProvider.System)
            {
                Progressed = _ =>
                {
                    peak = Math.Max(peak, (GC.GetTotalMemory(forceFullCollection: false) - before) / 1048576.0);
                    return Task.CompletedTask;
                },
                Beside = false,
            }.RunAsync(null, ct);
            var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            if (!found.Passed || found.Entries != Entries)
            {
                throw new Obstacle($"The audit saw {found.Entries} of {Entries} entries: {found.FirstFault}");
            }

            live = (GC.GetTotalMemory(forceFullCollection: true) - before) / 1048576.0;
            began = Stopwatch.GetTimestamp();
            await new LedgerAudit(log.Shard, Organization, null, null, Workers, TimeProvider.System) { Beside = false, Table =
                false }.RunAsync(null, ct);
            if (round > 0)
            {
                reading.Add(unchecked_);
                both.Add(seconds);
                stream.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            }
        }

        report.Add(new("audit of stream and table together", Entries / both.Median(), "entries/s", Entries / reading.Median(),
            "reading the same rows of both unchecked, two connections each"));
        report.Add(new("audit of the stream alone", Entries / stream.Median(), "entries/s"));
        report.Add(new("… memory during it, beyond what was there", peak, "MB", live, "what is left afterwards"));
        await StatementAsync(report, ct);
    }

    // Entries as the ledger makes them, put into log and table by COPY: how they get there is another measurement.
    private async Task FillAsync(CancellationToken ct)
    {
        var month = DateTimeOffset.UtcNow.AddMonths(-1);
        var at = LedgerTime.Start(LedgerTime.Month(month));
        var name = LedgerTime.Month(month);
        var stream = Uuid.Ledger(Organization, Currency, name);
        var options = new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition =
            System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull };
        await using var connection = new NpgsqlConnection(log.Admin);
        await connection.OpenAsync(ct);
        await ExecuteAsync(connection, "SET session_replication_role = replica", ct);
        await ExecuteAsync(connection, "SELECT bsp.ledger_make_partitions($1, 2)", ct, DateOnly.FromDateTime(at.UtcDateTime));
        await ExecuteAsync(connection, "INSERT INTO mt_streams (tenant_id, id, type, version) VALUES ($1, $2, 'ledger', $3)", ct,
            Organization.ToString(), stream, Entries);
        await ExecuteAsync(connection, "INSERT INTO organizations (id, name, slug) VALUES ($1, 'Bench', $2) ON CONFLICT DO NOTHING", ct,
            Organization, Organization.ToString());
        var (head, sequence) = (LedgerHead.New(Organization, Currency), 0L);
        while (head.Size < Entries)
        {
            var page = new LedgerPage(head, [], [], at);
            if (head.Size == 0)
            {
                page.Post(new Credit(1_000_000m, EntryCategories.Topup, new(Uuid.Of("topup/pay_1"), "topup"), "pay_1"));
            }

            for (var n = 0; n < PageEntries && page.Head.Size < Entries; n++)
            {
                var id = Uuid.New();
                page.Post(new Debit(0.012150m, EntryCategories.Message, new(id, "message"), $"message/{id}", MayOverdraw: true,
                    EffectiveAt: at, Metadata: new Dictionary<string, string>
                {
                    ["market"] = (n % 3) switch { 0 => "India", 1 => "Brazil", _ => "Germany" }, ["message_id"] = id.ToString(),
                        ["pricing_category"] = n % 2 == 0 ? "marketing" : "utility",
                    ["rate_card"] = "demo-2026-10", ["account_id"] = Organization.ToString(),
                }));
            }

            await WriteAsync(connection, page.Entries, stream, sequence, options, ct);
            foreach (var node in page.Nodes)
            {
                await ExecuteAsync(connection,
                    "INSERT INTO bsp.ledger_nodes (organization_id, currency, month, level, index, hash) VALUES ($1, $2, $3, $4, $5, $6)",
                    ct,
                    Organization, Currency, name, (short)node.Node.Level, node.Node.Index, node.Node.Hash);
            }

            (head, sequence, at) = (page.Head, sequence + page.Entries.Count, at.AddSeconds(5));
        }

        await ExecuteAsync(connection,
            "INSERT INTO bsp.ledger_heads (organization_id, currency, first_month, month, size, hash, balance, held, tree, last_at, "
            + "position) VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10)", ct,
            Organization, Currency, name, head.Size, Convert.FromHexString(head.Hash), head.Balance, head.Held,
                head.Tree.Peaks.ToArray(), head.LastAt.UtcDateTime, sequence);
        await ExecuteAsync(connection, Infrastructure.Statements.DayEntries.Fill, ct, Organization);
        await ExecuteAsync(connection, "VACUUM ANALYZE mt_events", ct);
        await ExecuteAsync(connection, "VACUUM ANALYZE transactions", ct);
    }

    private async Task WriteAsync(NpgsqlConnection connection, IReadOnlyList<LedgerEntry> entries, Guid stream, long after,
        JsonSerializerOptions options, CancellationToken ct)
    {
        await using (var events =
            await connection.BeginBinaryImportAsync(
            "COPY mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type) FROM STDIN (FORMAT binary)",
            ct))
        {
            foreach (var (entry, n) in entries.Select((e, n) => (e, n)))
            {
                await events.StartRowAsync(ct);
                await events.WriteAsync(after + n + 1, ct);
                await events.WriteAsync(entry.Id, ct);
                await events.WriteAsync(stream, ct);
                await events.WriteAsync(entry.Sequence, ct);
                await events.WriteAsync(JsonSerializer.Serialize(new { entry }, options), NpgsqlDbType.Jsonb, ct);
                await events.WriteAsync(entry.Type switch { "opening" => "ledger_opened", "credit" => "ledger_credited", _ =>
                    "ledger_debited" }, ct);
                await events.WriteAsync(entry.CreatedAt.UtcDateTime, NpgsqlDbType.TimestampTz, ct);
                await events.WriteAsync(Organization.ToString(), ct);
                await events.WriteAsync("Bsp.Domain.Ledger.LedgerDebited, Bsp.Domain", ct);
            }

            await events.CompleteAsync(ct);
        }

        await using var rows =
            await connection.BeginBinaryImportAsync(
            "COPY transactions (id, organization_id, type, amount, balance_after, currency, category, reference_id, metadata, "
            + "created_at, sequence, previous_hash, hash) FROM STDIN (FORMAT binary)", ct);
        foreach (var entry in entries.Where(e => EntryTypes.IsTransaction(e.Type)))
        {
            await rows.StartRowAsync(ct);
            await rows.WriteAsync(entry.Id, ct);
            await rows.WriteAsync(entry.OrganizationId, ct);
            await rows.WriteAsync(entry.Type, ct);
            await rows.WriteAsync(entry.Amount, NpgsqlDbType.Numeric, ct);
            await rows.WriteAsync(entry.BalanceAfter, NpgsqlDbType.Numeric, ct);
            await rows.WriteAsync(entry.Currency, ct);
            await rows.WriteAsync(entry.Category!, ct);
            await rows.WriteAsync(entry.ReferenceId!, ct);
            await rows.WriteAsync(JsonSerializer.Serialize(entry.Metadata), NpgsqlDbType.Jsonb, ct);
            await rows.WriteAsync(entry.CreatedAt.UtcDateTime, NpgsqlDbType.TimestampTz, ct);
            await rows.WriteAsync(entry.Sequence, ct);
            await rows.WriteAsync(Convert.FromHexString(entry.PreviousHash), NpgsqlDbType.Bytea, ct);
            await rows.WriteAsync(Convert.FromHexString(entry.Hash), NpgsqlDbType.Bytea, ct);
        }

        await rows.CompleteAsync(ct);
    }

    // The same statements through the same reader, each field looked at and nothing made of it: two workers with half of it each.
    private async Task<double> ReadAsync(CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var stream = Uuid.Ledger(Organization, Currency, LedgerTime.Month(DateTimeOffset.UtcNow.AddMonths(-1)));
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(n => Task.Run(async () =>
        {
            var (from, to) = (Entries * n / Workers, Entries * (n + 1) / Workers);
            await using var one = await OpenAsync(ct);
            await using var two = await OpenAsync(ct);
            using var events =
                new CopyRows(one,
                $"SELECT e.version, e.type, e.data, e.id FROM public.mt_events e WHERE e.tenant_id = '{Organization}' AND e.stream_id "
                + $"= '{stream}' AND e.version > {from} AND e.version <= {to} ORDER BY e.version", 4);
            using var rows = new CopyRows(two, TableRow.Select(Organization, null, $"t.sequence > {from} AND t.sequence <= {to}"),
                TableRow.Columns);
            var bytes = 0L;
            while (events.Next())
            {
                bytes += events[2].Length;
                if (rows.Next())
                {
                    bytes += rows[8].Length;
                }
            }
        }, ct)));
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken ct)
    {
        var connection = await log.Shard.App.OpenConnectionAsync(ct);
        await ExecuteAsync(connection,
            $"SELECT set_config('bsp.tenants', '{Organization}', false), set_config('enable_sort', 'off', false), "
            + $"set_config('enable_seqscan', 'off', false)", ct);
        return connection;
    }

    private async Task StatementAsync(Report report, CancellationToken ct)
    {
        using var signer = new Infrastructure.Sealing.LogSigner(new(new()
        {
            DirectoryApp = "", Shards = [], PlatformKeySha256 = [], MasterKey = new byte[32], Meta =
                new() { BaseUrl = new("http://localhost") },
        }));
        var handler = new Infrastructure.Statements.GetStatementHandler(log.Shards, new(signer), TimeProvider.System);
        var month = LedgerTime.Month(DateTimeOffset.UtcNow.AddMonths(-1));
        var (whole, asOf) = (new List<double>(), new List<double>());
        for (var round = 0; round <= Medians.Runs; round++)
        {
            var began = Stopwatch.GetTimestamp();
            var statement = await handler.Handle(new(Organization, month, null, null), ct);
            whole.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            if (statement.Lines.Sum(l => l.Count) != Entries - 1 || statement.Opening
                + statement.Lines.Sum(l => l.Amount) != statement.Closing)
            {
                throw new Obstacle("The statement does not add up.");
            }

            began = Stopwatch.GetTimestamp();
            await handler.Handle(new(Organization, month, null, LedgerTime.Start(month).AddSeconds(Entries / PageEntries * 5 / 2)), ct);
            asOf.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        report.Add(new($"statement of a month with {Entries:N0} entries", whole.Skip(1).Median(), "ms"));
        report.Add(new("… as of a moment in the middle of its busiest day", asOf.Skip(1).Median(), "ms"));
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct, params object[] arguments)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        await command.ExecuteNonQueryAsync(ct);
    }
}
