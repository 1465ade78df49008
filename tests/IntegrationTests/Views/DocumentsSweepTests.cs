using Bsp.Domain.Common;
using Bsp.Infrastructure.Documents;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Views;

public sealed class DocumentsSweepTests(StoresFixture stores)
{
    [Fact]
    public async Task What_is_past_its_time_goes_page_by_page_and_all_else_stays()
    {
        await using var database = await ViewsDatabase.NewAsync(stores);
        var organization = await database.NewOrganizationAsync();
        await database.ExecuteAsync("""
            INSERT INTO documents.message_logs (_id, organization_id, position, message_id, event_type, created_at, doc)
            SELECT int8send(n), $1, 1, int8send(n), 'sent', now() - CASE WHEN n <= 4500 THEN interval '31 days' ELSE interval '29 days' END, '{}' FROM generate_series(1::bigint, 4503) n
            """, organization);
        await database.ExecuteAsync("""
            INSERT INTO documents.messages (_id, organization_id, position, conversation_id, contact_id, status, created_at, doc)
            SELECT int8send(n), $1, 1, int8send(n), $2, 'read', now() - CASE WHEN n = 1 THEN interval '25 months' ELSE interval '23 months' END, '{}' FROM generate_series(1::bigint, 2) n
            """, organization, Uuid.New());
        await database.ExecuteAsync("""
            INSERT INTO documents.conversations (_id, organization_id, position, contact_id, account_id, status, expires_at, doc)
            SELECT int8send(n), $1, 1, $2, $3, 'active', CASE n WHEN 1 THEN now() - interval '1 minute' WHEN 2 THEN now() + interval '1 day' END, '{}' FROM generate_series(1::bigint, 3) n
            """, organization, Uuid.New(), Uuid.New());

        var sweep = new DocumentsSweep(database.Shards, TimeProvider.System, NullLogger<DocumentsSweep>.Instance);
        (await sweep.SweepAsync(database.Shard, default)).ShouldBe(4_502);
        (await database.ScalarAsync<long>("SELECT count(*) FROM documents.message_logs")).ShouldBe(3);
        (await database.ScalarAsync<long>("SELECT count(*) FROM documents.messages")).ShouldBe(1);
        (await database.ScalarAsync<long>("SELECT count(*) FROM documents.conversations")).ShouldBe(2);
        (await sweep.SweepAsync(database.Shard, default)).ShouldBe(0);
    }
}
