using System.Diagnostics;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Charging;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Bsp.LocalStores;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Wallets = Bsp.Infrastructure.Charging.Wallets;

namespace Bsp.Benchmarks;

/// <summary>
/// Delivered messages of one organization, charged by the process manager as it runs in the application: log, bills, ledger, checkpoint.
/// <c>BENCH_MESSAGES</c> changes how many.
/// </summary>
internal static class ChargingBench
{
    private const int MessagesStandard = 30_000;
    private const int PageRows = 200;
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(10);

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        var messages = int.TryParse(Environment.GetEnvironmentVariable("BENCH_MESSAGES"), out var given) && given > 0 ? given
            : MessagesStandard;
        await using var stores = await Installation.StoresAsync(StoreKinds.Postgres, ct);
        var (own, bare) = (new List<double>(), new List<double>());
        for (var run = 0; run < Medians.Runs; run++)
        {
            Report.Say($"run {run + 1}: {messages:N0} delivered messages of one organization");
            await using var log = await OwnLog.CreateAsync(stores.Postgres, ct);
            own.Add(messages / await ChargeAsync(log, messages, ct));
            bare.Add(messages / await BareAsync(log, messages, ct));
        }

        report.Add(new("one hot wallet: delivered messages charged, from the log to the ledger (mark 3,000)", own.Median(), "messages/s",
            bare.Median(), "the same rows by a bare insert, 200 a transaction"));
    }

    private static async Task<double> ChargeAsync(OwnLog log, int messages, CancellationToken ct)
    {
        var options = new BillingOptions { Mode = BillingMode.Wallets, DemoRates = true };
        var signals = new LogSignals(TimeProvider.System, NullLogger<LogSignal>.Instance);
        await using var store = new PostgresEventStore(log.Shards, [new TransactionsView()], signals, new(), TimeProvider.System);
        var ledger = new LedgerWriter(store, new(), TimeProvider.System);
        var tariffs = new TariffSource(log.Shards, options, TimeProvider.System);
        var wallets = new Wallets(options);
        var charger = new Charger(store, ledger, tariffs, new PlansInForce(), TimeProvider.System);
        var view = new ChargingReactor(options, charger, wallets, TimeProvider.System, NullLogger<ChargingReactor>.Instance);
        await using (var tx = await log.Shard.BeginAsync(log.Organization, ct))
        {
            await ledger.PostAsync(tx, log.Shard, log.Organization, "USD",
                [new Credit(1_000_000, EntryCategories.Topup, new(Uuid.Of("bench"), "topup"), "bench")], ct);
            await tx.CommitAsync(ct);
        }

        await ExecuteAsync(log, FillSql(log.Organization, messages), ct);
        var end = await NumberAsync(log, "SELECT max(seq_id) FROM mt_events", ct);
        await using var readers = new LogReaders(new());
        using var runner =
            new ProjectionRunner([view], log.Shards, readers, signals, TimeProvider.System, NullLogger<ProjectionRunner>.Instance);
        var began = Stopwatch.GetTimestamp();
        await runner.StartAsync(ct);
        await runner.WaitAsync(view.Name, log.Shard, end, Deadline, ct);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await runner.StopAsync(CancellationToken.None);
        var charged = await NumberAsync(log, "SELECT count(*) FROM transactions WHERE type = 'debit'", ct);
        return charged == messages ? seconds : throw new InvalidOperationException($"{charged} of {messages} messages are charged.");
    }

    // Deliveries as Meta reports them, with their pricing; each the fifth event of its stream.
    private static string FillSql(Guid organization, int messages) => $$"""
        SET session_replication_role = replica;
        INSERT INTO mt_streams (tenant_id, id, type, version) SELECT '{{organization}}', md5('m' || i)::uuid, 'message', 5 FROM generate_series(1, {{messages}}) i;
        INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id, mt_dotnet_type)
        SELECT nextval('mt_events_sequence'), gen_random_uuid(), md5('m' || i)::uuid, 5,
               jsonb_build_object('ref', jsonb_build_object('message_id', md5('m' || i)::uuid, 'account_id', md5('a')::uuid, 'contact_id', md5('c' || i)::uuid, 'conversation_id', md5('v' || i)::uuid,
                   'campaign_id', null, 'type', 'template', 'direction', 'outbound'), 'implied', false, 'sent_at', now(), 'failed_at', null,
                 'evidence', jsonb_build_object('journal_id', i, 'body_sha256', repeat('0', 64), 'signed_by', 'app', 'to', '9198',
                   'item', jsonb_build_object('id', 'wamid.' || i, 'status', 'delivered', 'timestamp', '1790000000',
                     'pricing', jsonb_build_object('billable', true, 'pricing_model', 'PMP', 'type', 'regular', 'category', 'marketing'))), 'at', now()),
               'message_delivered', '{{organization}}', 'Bsp.Domain.Messages.MessageDelivered, Bsp.Domain'
          FROM generate_series(1, {{messages}}) i;
        ANALYZE mt_events; ANALYZE mt_streams;
        """;

    private static async Task<double> BareAsync(OwnLog log, int messages, CancellationToken ct)
    {
        await ExecuteAsync(log, "CREATE TABLE public.bare (LIKE public.transactions INCLUDING ALL)", ct);
        var began = Stopwatch.GetTimestamp();
        await using var connection = new NpgsqlConnection(log.Admin);
        await connection.OpenAsync(ct);
        for (var offset = 0; offset < messages; offset += PageRows)
        {
            await using var copy = new NpgsqlCommand("""
                INSERT INTO public.bare SELECT gen_random_uuid(), t.organization_id, t.type, t.amount, t.balance_after, t.currency, t.category, t.reference_id, t.description, t.metadata, t.created_at,
                  t.sequence, t.previous_hash, t.hash FROM public.transactions t WHERE t.type = 'debit' ORDER BY t.id LIMIT $1
                """, connection) { Parameters = { new() { Value = PageRows } } };
            await copy.ExecuteNonQueryAsync(ct);
        }

        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static async Task ExecuteAsync(OwnLog log, string sql, CancellationToken ct)
    {
        await using var connection =
            new NpgsqlConnection(new NpgsqlConnectionStringBuilder(log.Admin) { Pooling = false, CommandTimeout = 600 }.ConnectionString);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    private static async Task<long> NumberAsync(OwnLog log, string sql, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(log.Admin);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection);
        return Convert.ToInt64(await command.ExecuteScalarAsync(ct), System.Globalization.CultureInfo.InvariantCulture);
    }
}
