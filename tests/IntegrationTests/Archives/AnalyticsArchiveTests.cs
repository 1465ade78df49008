using System.Globalization;
using System.Text;
using Bsp.Infrastructure.Retention;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.Views;

namespace Bsp.IntegrationTests.Archives;

public sealed class AnalyticsArchiveTests(StoresFixture fixture)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Months_past_five_years_are_summed_written_as_Parquet_and_dropped_and_a_store_that_is_away_keeps_them()
    {
        await using var world = await RetentionWorld.NewAsync(fixture, 344, 4, whole: true);
        var client = world.Container.ClickHouse;
        await world.Container.ClickHouseSchema.EnsureAsync(Ct);
        // Two years ago, two months; what is older than their table's own bound would be dropped by ClickHouse itself.
        var first = new DateTimeOffset(DateTimeOffset.UtcNow.Year - 2, 3, 5, 10, 0, 0, TimeSpan.Zero);
        var (organization, account) = (Guid.NewGuid(), Guid.NewGuid());
        foreach (var (month, rows) in new[] { (0, 300), (1, 200) })
        {
            await client.ExecuteAsync($"""
                INSERT INTO message_analytics
                  (timestamp, organization_id, account_id, message_id, direction, message_type, status, cost, date, position)
                SELECT toDateTime64('{first.AddMonths(month):yyyy-MM-dd HH:mm:ss}', 3, 'UTC') + number AS at, toUUID('{organization}'),
                       toUUID('{account}'), generateUUIDv4(), 'outbound', 'text', 'delivered', 0.01, toDate(at, 'UTC'), number
                  FROM numbers({rows})
                """, Ct);
        }

        var clock = new SetClock(new DateTimeOffset(first.Year + 5, first.Month, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(1).AddDays(3));
        var step = new AnalyticsStep(world.Database.Shards, client, world.Container.ClickHouseSchema, world.Objects, clock);
        var due = new List<long>();
        await foreach (var row in step.DueAsync(world.Database.Shard, organization, Ct))
        {
            due.Add(row.Due);
        }

        due.ShouldBe([300]);
        world.Objects.Begin(1, false);
        await Should.ThrowAsync<Application.Common.StoreUnavailable>(world.CarryAsync(step));
        (await CountAsync("message_analytics")).ShouldBe(500);

        world.Objects.Begin(0, false);
        (await world.CarryAsync(step)).ShouldBe(300);
        (await CountAsync("message_analytics")).ShouldBe(200);
        (await client.QueryAsync("SELECT sum(count), toString(sum(cost)), count() FROM message_analytics_archive FINAL "
            + "WHERE organization_id = {o:UUID}", r => (Text(r.GetValue(0)), r.GetString(1), Text(r.GetValue(2))), Ct, ("o", organization)))
            .ShouldBe([("300", "3", "1")]);
        (await world.CarryAsync(step)).ShouldBe(0);
        await using var parquet = (await world.Objects.OpenAsync($"archives/analytics/{first:yyyy-MM}.parquet", 0, Ct))!;
        var head = new byte[4];
        await parquet.ReadExactlyAsync(head, Ct);
        Encoding.ASCII.GetString(head).ShouldBe("PAR1");

        async Task<long> CountAsync(string table) => (await client.QueryAsync(
            $"SELECT count() FROM {table} WHERE organization_id = {{o:UUID}}",
            r => Convert.ToInt64(r.GetValue(0), CultureInfo.InvariantCulture), Ct, ("o", organization)))[0];
    }

    private static string Text(object value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
