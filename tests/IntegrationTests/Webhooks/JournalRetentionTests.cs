using Bsp.Infrastructure.Webhooks;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Webhooks;

public sealed class JournalRetentionTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private const int RetentionDays = 7;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_day_past_retention_stays_until_its_last_webhook_was_carried_out()
    {
        using var partitions =
            new JournalPartitions(database.Shards, new(RetentionDays), TimeProvider.System, NullLogger<JournalPartitions>.Instance);
        var longAgo = DateOnly.FromDateTime(DateTime.UtcNow).AddDays(-RetentionDays - 3);
        await database.AdminQueryAsync("SELECT bsp.journal_make_partitions($1, 2)", _ => 0, longAgo);
        await database.AdminQueryAsync("""
            WITH kept AS (
              INSERT INTO bsp.webhook_journal (received_at, headers, signature, body_sha256, body) SELECT $1::date::timestamp AT TIME ZONE 'UTC' + n * interval '1 hour', '{}', 'app', '', '{}' FROM generate_series(0, 47) n
              RETURNING id, received_at)
            INSERT INTO bsp.webhook_inbox (journal_id, received_at) SELECT id, received_at FROM kept WHERE received_at = $1::date::timestamp AT TIME ZONE 'UTC' + interval '23 hours'
            """, _ => 0, longAgo); // of the second day everything was carried out, of the first all but one

        await partitions.MaintainAsync(Ct);
        (await DaysAsync(longAgo)).ShouldBe([$"webhook_journal_{longAgo:yyyyMMdd}"]);

        await using (var connection = await database.Shards.Directory.OpenConnectionAsync(Ct))
        await using (var transaction = await connection.BeginTransactionAsync(Ct))
        {
            (await WebhookInbox.TakeAsync(connection, 10, Ct)).Webhooks.Count.ShouldBe(1);
            await transaction.CommitAsync(Ct);
        }

        await partitions.MaintainAsync(Ct);
        (await DaysAsync(longAgo)).ShouldBeEmpty();
    }

    private Task<List<string>> DaysAsync(DateOnly from) => database.AdminQueryAsync(
        "SELECT relname::text FROM pg_class WHERE relname = ANY (ARRAY['webhook_journal_' || to_char($1::date, 'YYYYMMDD'), 'webhook_journal_' || to_char($1::date + 1, 'YYYYMMDD')]) ORDER BY 1", row => row.GetString(0), from);
}
