using System.Globalization;
using System.Text.Json;
using Bsp.Application.Analytics;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ClickHouse;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.Views;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Analytics;

/// <summary>Reports over rows whose figures are known: zones, days on which clocks change, replies, people, neighbours, hostile
/// words.</summary>
public sealed class ReportTests(StoresFixture fixture)
{
    private static readonly Guid Zero = Guid.Empty;
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Days_on_which_clocks_change_have_the_hours_that_they_have()
    {
        await using var world = await World.NewAsync(fixture);
        // Cairo put its clocks forward at midnight of 24 April 2026; Madrid put them back at three on 25 October
        await world.InsertAsync(At("2026-04-23T21:59:59Z"), At("2026-04-23T22:00:00Z"), At("2026-04-24T20:59:59Z"),
            At("2026-04-24T21:00:00Z"));
        await world.InsertAsync(At("2026-10-25T00:30:00Z"), At("2026-10-25T01:30:00Z"), At("2026-10-25T01:45:00Z"));
        await world.CountAsync();

        var cairo = await world.CountsAsync("day", "Africa/Cairo", new(2026, 4, 20), new(2026, 4, 26));
        cairo.Rows.Select(r => $"{r.Group} {r.Received}").ShouldBe(["2026-04-23 1", "2026-04-24 2", "2026-04-25 1"]);
        var first = await world.CountsAsync(AnalyticsGroups.EachHour, "Africa/Cairo", new(2026, 4, 24), new(2026, 4, 24));
        first.Rows[0].Group.ShouldBe("2026-04-24T01:00:00+03:00"); // there was no hour of midnight
        var madrid = await world.CountsAsync(AnalyticsGroups.EachHour, "Europe/Madrid", new(2026, 10, 25), new(2026, 10, 25));
        madrid.Rows.Select(r => $"{r.Group} {r.Received}").ShouldBe(["2026-10-25T02:00:00+02:00 1", "2026-10-25T02:00:00+01:00 2"]);
        var heat = (await world.Reader.Handle(new GetHeatMap(world.Scope(new(2026, 10, 25), new(2026, 10, 25), "Europe/Madrid"), "day"),
            Ct)).Rows;
        heat.Count.ShouldBe(24);
        heat.Sum(c => c.Hours).ShouldBe(25);
        var repeated = heat.Single(c => c.Hour == 2);
        (repeated.DayOfWeek, repeated.Hours, repeated.Received, repeated.ReceivedPerHour).ShouldBe((7, 2, 3, 1.5));
        (await world.Reader.Handle(new GetHeatMap(world.Scope(new(2026, 4, 24), new(2026, 4, 24), "Africa/Cairo"), "day"), Ct)).Rows
            .Sum(c => c.Hours).ShouldBe(23);
        var kolkata = await world.CountsAsync("day", "Asia/Kolkata", new(2026, 4, 23), new(2026, 4, 25));
        kolkata.Rows.Select(r => $"{r.Group} {r.Received}").ShouldBe(["2026-04-24 2", "2026-04-25 2"]);
        (await world.CountsAsync("week", "Europe/Madrid", new(2026, 10, 1),
            new(2026, 10, 31))).Rows.ShouldHaveSingleItem().Group.ShouldBe("2026-10-19");
        (await world.CountsAsync("month", null, new(2026, 4, 1), new(2026, 10, 31))).Rows.Select(r =>
            r.Group).ShouldBe(["2026-04", "2026-10"]);
        cairo.Zone.ShouldBe("Africa/Cairo");
    }

    [Fact]
    public async Task A_reply_counts_once_for_the_latest_delivered_message_within_seven_days_and_failures_say_why()
    {
        await using var world = await World.NewAsync(fixture);
        var (campaign, template, other) = (Uuid.Of("campaign"), Uuid.Of("template"), Uuid.Of("other"));
        var start = At("2026-06-10T10:00:00Z");
        await world.InsertAsync(
            world.Row("sent", start, "m1", campaign: campaign, template: template),
                world.Row("delivered", start.AddSeconds(4), "m1", campaign: campaign, template: template, deliveryMs: 4_000),
            world.Row("read", start.AddMinutes(1), "m1", campaign: campaign, template: template),
            world.Row("delivered", start.AddHours(1), "m2", contact: "b", campaign: campaign, template: template),
            world.Row("sent", start.AddHours(1), "m2", contact: "b", campaign: campaign, template: template),
            world.Row("failed", start.AddHours(2), "m3", contact: "c", campaign: campaign, template: other, error: "131026"),
            world.Row("failed", start.AddHours(2), "m4", contact: "d", campaign: campaign, template: other, error: "131026"),
            world.Row("failed", start.AddHours(3), "m5", contact: "e", campaign: campaign, template: other, error: "131047"),
            // the first contact answers twice, a day later and on the next: one reply; the second one answers too late
            world.Row("delivered", start.AddDays(1), "i1", direction: "inbound"),
                world.Row("delivered", start.AddDays(2), "i2", direction: "inbound"),
            world.Row("delivered", start.AddDays(8).AddHours(2), "i3", contact: "b", direction: "inbound"));
        await world.CountAsync();

        var scope = world.Scope(new(2026, 6, 1), new(2026, 6, 30), "UTC");
        var funnel = (await world.Funnels.Handle(new GetFunnel(scope, "variant"), Ct)).Rows;
        var own = funnel.Single(r => r.Group == $"{campaign}/{template}");
        (own.Sent, own.Delivered, own.Read, own.Replied, own.Failed).ShouldBe((2, 2, 1, 1, 0));
        own.AvgDeliveryTimeMs.ShouldBe(2_000);
        var failed = funnel.Single(r => r.Group == $"{campaign}/{other}");
        failed.FailedReasons!.Select(r => $"{r.Code}={r.Count}").ShouldBe(["131026=2", "131047=1"]);
        (await world.Funnels.Handle(new GetFunnel(scope, "campaign"), Ct)).Rows.Single(r =>
            r.Group == campaign.ToString()).Replied.ShouldBe(1);
        (await world.Funnels.Handle(new GetFunnel(scope, "day"), Ct)).Rows.Single(r => r.Replied > 0).Group.ShouldBe("2026-06-11");
        var templates = (await world.Funnels.Handle(new GetTemplatePerformance(scope, "day"), Ct)).Rows;
        templates.Single(t => t.TemplateId == template).ReplyRate.ShouldBe(0.5);
        templates.Single(t => t.TemplateId == other).FailedReasons[0].Code.ShouldBe("131026");

        // a charge replaces the delivery's row; what it was grouped under before is zero from then on
        await world.InsertAsync(world.Row("delivered", start.AddSeconds(4), "m1", campaign: campaign, template: template, deliveryMs: 4_000,
            cost: 0.0123m, category: "marketing", market: "India", currency: "USD"));
        await world.CountAsync();
        var costs = (await world.Reader.Handle(new GetCosts(scope, "category"), Ct)).Rows;
        costs.Sum(c => c.Cost).ShouldBe(0.0123m);
        (costs.Single(c => c.Group == "marketing").Currency, costs.Single(c => c.Group == "marketing").Charged).ShouldBe(("USD", 1));
        (await world.Reader.Handle(new GetCosts(scope, "market"), Ct)).Rows.Single(c => c.Cost > 0).Group.ShouldBe("India");
        (await world.Funnels.Handle(new GetFunnel(scope, "campaign"), Ct)).Rows.Sum(r => r.Delivered).ShouldBe(2);
    }

    [Fact]
    public async Task People_are_exact_by_day_and_within_one_percent_over_any_range_and_numbers_of_one_organization_are_told_apart()
    {
        await using var world = await World.NewAsync(fixture);
        // 30,000 people, each writing on three days of half a year, to one of two numbers
        await world.Client.ExecuteAsync($"""
            INSERT INTO messages_kafka (timestamp, organization_id, account_id, campaign_id, contact_id, message_id, direction,
                message_type, status, count, position)
            SELECT toDateTime64('2026-01-01 12:00:00', 3, 'UTC') + INTERVAL ((number * 61) % 179) DAY, toUUID('{world.Organization}'),
                toUUID(if(number % 2 = 0, '{Uuid.Of("a0")}', '{Uuid.Of("a1")}')), toUUID('{Zero}'),
                    toUUID(concat('00000000-0000-0000-0000-', leftPad(toString(number % 30000), 12, '0'))),
                generateUUIDv4(), 'inbound', 'text', 'delivered', 1, number + 1 FROM numbers(90000) SETTINGS
                    max_partitions_per_insert_block = 0
            """, Ct);
        await world.CountAsync();
        var whole = world.Scope(new(2026, 1, 1), new(2026, 6, 30), null);
        var total = (await world.Days.Handle(new GetDailyStats(whole, "total"), Ct)).Rows.ShouldHaveSingleItem();
        total.UniqueContacts.ShouldBeInRange(29_700, 30_300);
        total.TotalMessages.ShouldBe(90_000);
        foreach (var (from, to) in ((DateOnly, DateOnly)[])[(new(2026, 1, 20), new(2026, 4, 9)), (new(2026, 2, 3), new(2026, 2, 5))])
        {
            var exact = (await world.Client.QueryAsync(
                $"SELECT uniqExact(contact_id) FROM message_analytics FINAL WHERE date >= '{ReportSql.Day(from)}' AND date <= "
                    + $"'{ReportSql.Day(to)}'",
                r => Convert.ToInt64(r.GetValue(0), CultureInfo.InvariantCulture), Ct))[0];
            var told = (await world.Days.Handle(new GetDailyStats(world.Scope(from, to, null), "total"), Ct)).Rows[0].UniqueContacts;
            ((double)Math.Abs(told - exact) / exact).ShouldBeLessThan(0.01);
        }

        var day = new DateOnly(2026, 3, 1);
        var accounts = (await world.Days.Handle(new GetDailyStats(world.Scope(day, day, null), "account"), Ct)).Rows;
        accounts.Count.ShouldBe(2);
        var truth = await world.Client.QueryAsync(
            $"SELECT toString(account_id), uniqExact(contact_id) FROM message_analytics FINAL WHERE date = '{ReportSql.Day(day)}' "
                + $"GROUP BY 1 ORDER BY 1",
            r => $"{r.GetString(0)} {r.GetValue(1)}", Ct);
        accounts.Select(a => $"{a.AccountId} {a.UniqueContacts}").Order().ShouldBe(truth.Order());
        (await world.Days.Handle(new GetDailyStats(whole with { AccountId = Uuid.Of("a1") }, "month"), Ct)).Rows.Sum(r => r.TotalMessages)
            .ShouldBe(45_000);
    }

    [Fact]
    public async Task Only_what_received_rows_is_counted_again_and_every_answer_says_up_to_where_it_is_true()
    {
        await using var world = await World.NewAsync(fixture);
        await world.InsertAsync(At("2026-05-01T10:00:00Z"), At("2026-05-02T10:00:00Z"), At("2026-05-03T10:00:00Z"));
        await world.CountAsync();
        // within a second of their rows: once more, because a mark may be seen before its rows
        await EndToEnd.Patience.UntilAsync(world.RoundAsync, n => n == 0, "nothing is left to be counted");
        await world.InsertAsync(At("2026-05-02T11:00:00Z"));
        (await world.RoundAsync()).ShouldBe(1);
        var report = await world.CountsAsync("day", "UTC", new(2026, 5, 1), new(2026, 5, 31));
        report.Rows.Select(r => r.Received).ShouldBe([1, 2, 1]);
        report.AsOf.ShouldNotBeNull();
        (report.AsOf!.Time - DateTimeOffset.UtcNow).Duration().ShouldBeLessThan(TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task A_zone_that_is_none_is_refused_and_becomes_no_statement()
    {
        await using var world = await World.NewAsync(fixture);
        var scope = world.Scope(new(2026, 5, 1), new(2026, 5, 2), null);
        foreach (var zone in (string[])["UTC' OR 1=1 --", "../etc/passwd", ""])
        {
            (await new GetMessageCountsValidator().ValidateAsync(new GetMessageCounts(scope with { Zone = zone }, "day"), Ct)).IsValid
                .ShouldBeFalse(zone);
        }

        var nowhere = new GetMessageCounts(scope with { Zone = "Mars/Olympus" }, "day");
        (await new GetMessageCountsValidator().ValidateAsync(nowhere, Ct)).IsValid.ShouldBeTrue();
        (await Should.ThrowAsync<Refusal>(world.Reader.Handle(nowhere, Ct))).Code.ShouldBe("analytics.zone");
        (await new GetFunnelValidator().ValidateAsync(new GetFunnel(scope, "day; DROP TABLE x"), Ct)).IsValid.ShouldBeFalse();
    }

    private static DateTimeOffset At(string time) => DateTimeOffset.Parse(time, CultureInfo.InvariantCulture);

    private sealed class World : IAsyncDisposable
    {
        private readonly ViewsDatabase database;
        private readonly DailyStats daily;
        private int number;

        private World(ViewsDatabase database, ClickHouseClient client, Guid organization)
        {
            (this.database, Client, Organization) = (database, client, organization);
            var schema = new ClickHouseSchema(client);
            daily = new(client, schema, database.Shards, TimeProvider.System, NullLogger<DailyStats>.Instance);
            var reports = new ReportReader(client, schema, database.Shards, daily);
            (Reader, Days, Funnels) = (new(reports), new(reports), new(reports, database.Shards));
        }

        public ClickHouseClient Client { get; }

        public Guid Organization { get; }

        public AnalyticsReader Reader { get; }

        public DailyReader Days { get; }

        public FunnelReader Funnels { get; }

        public static async Task<World> NewAsync(StoresFixture fixture)
        {
            var database = await ViewsDatabase.NewAsync(fixture);
            var world = new World(database, ClickHouseTests.NewClient(fixture), await database.NewOrganizationAsync());
            await new ClickHouseSchema(world.Client).EnsureAsync(Ct);
            return world;
        }

        public AnalyticsScope Scope(DateOnly from, DateOnly to, string? zone) => new(Organization, from, to, null, null, zone);

        public Task<Report<MessageCountsRow>> CountsAsync(string by, string? zone, DateOnly from, DateOnly to) =>
            Reader.Handle(new GetMessageCounts(Scope(from, to, zone), by), Ct);

        public Task CountAsync() => daily.RebuildAsync(Ct);

        /// <summary>How many buckets were counted.</summary>
        public async Task<int> RoundAsync()
        {
            (await daily.RebuildAsync(Ct)).ShouldBeTrue();
            return (await Client.QueryAsync("SELECT count() FROM daily_round", r =>
                Convert.ToInt32(r.GetValue(0), CultureInfo.InvariantCulture), Ct))[0];
        }

        public Task InsertAsync(params DateTimeOffset[] inbound) =>
            InsertAsync([.. inbound.Select(at => Row("delivered", at, $"in{number++}", direction: "inbound"))]);

        public async Task InsertAsync(params string[] rows) => await Client.InsertAsync("messages_kafka",
            System.Text.Encoding.UTF8.GetBytes(string.Join('\n', rows)), Guid.NewGuid().ToString(), Ct);

        public string Row(string status, DateTimeOffset at, string message, string contact = "a", string direction = "outbound",
            Guid? campaign = null, Guid? template = null, string error = "", int deliveryMs = 0, decimal cost = 0, string category = "",
            string market = "", string currency = "") => JsonSerializer.Serialize(new
        {
            timestamp = at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture), organization_id = Organization,
            account_id = Uuid.Of("account"), campaign_id = campaign ?? Zero, contact_id = Uuid.Of(contact), message_id = Uuid.Of(message),
                direction,
            message_type = "template", status, count = 1, cost = cost.ToString(CultureInfo.InvariantCulture), delivery_time_ms = deliveryMs,
            message_type_exact = "template", position = ++number, template_id = template ?? Zero, error_code = error, category, market,
                currency,
        });

        public async ValueTask DisposeAsync()
        {
            daily.Dispose();
            Client.Dispose();
            await database.DisposeAsync();
        }
    }
}
