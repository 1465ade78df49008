using Bsp.Application.Analytics;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.Campaigns;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Views;

/// <summary>
/// Redis hash = conversations' messages = ClickHouse = SQL counters = the aggregates, whatever the log says and however it is cut into
/// pages.
/// </summary>
public sealed class AgreementTests(StoresFixture fixture)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Every_view_counts_what_the_aggregates_say(int seed)
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(seed, await database.NewOrganizationAsync());
        await database.WriteAsync(log);
        await using var container = new ViewsContainer(fixture, database);
        var (redis, clickHouse, schema, daily) = (container.Redis, container.ClickHouse, container.ClickHouseSchema, container.Daily);
        foreach (var projection in container.Views)
        {
            await database.RunAsync(projection, log, seed);
        }

        await daily.RebuildAsync(default);

        foreach (var campaign in log.Campaigns)
        {
            var own = log.Ends.Where(m => m.Ref?.CampaignId == campaign).ToList();
            var truth = Truth(own);
            (await SqlAsync(database,
                "SELECT concat_ws(' ', sent_count, delivered_count, read_count, failed_count) FROM campaigns WHERE id = $1", campaign))
                .ShouldBe(truth);
            (await SqlAsync(database,
                "SELECT concat_ws(' ', sent, delivered, read, failed) FROM bsp.campaign_progress WHERE campaign_id = $1", campaign))
                .ShouldBe(truth);
            (await SqlAsync(database, """
                SELECT concat_ws(' ', count(*) FILTER (WHERE doc ? 'sent_at'), count(*) FILTER (WHERE doc ? 'delivered_at'), count(*) FILTER (WHERE doc ? 'read_at'), count(*) FILTER (WHERE status = 'failed'))
                  FROM documents.messages WHERE campaign_id = $1
                """, campaign)).ShouldBe(truth);
            (await clickHouse.QueryAsync("""
                SELECT concat(toString(sumIf(count, status = 'sent')), ' ', toString(sumIf(count, status = 'delivered')), ' ', toString(sumIf(count, status = 'read')), ' ', toString(sumIf(count, status = 'failed'))) AS counts
                  FROM message_analytics FINAL WHERE campaign_id = {campaign:UUID}
                """, r => r.GetString(0), default, ("campaign", campaign)))[0].ShouldBe(truth);
            var hash = (await (await redis.DatabaseAsync()).HashGetAllAsync(CampaignProgressProjection.HashOf(campaign)))
                .ToDictionary(f => (string)f.Name!, f => (string)f.Value!);
            $"{hash["sent"]} {hash["delivered"]} {hash["read"]} {hash["failed"]}".ShouldBe(truth);
            Ledger(own).ShouldBe(string.Join(' ',
                new[] { "queued", "skipped", "pending", "unknown", "cancelled", "unknown_closed", "waiting" }.Select(n => hash[n])));
            (await SqlAsync(database,
                "SELECT concat_ws(' ', queued, skipped, pending, unknown, cancelled, unknown_closed, waiting) FROM bsp.campaign_progress WHERE campaign_id = $1", campaign)).ShouldBe(Ledger(own));
            hash["total"].ShouldBe("120");
        }

        var outbound = log.Ends.Where(m => m.Ref!.Direction == "outbound").ToList();
        var reports = new ReportReader(clickHouse, schema, database.Shards, daily);
        var (reader, days1, funnels) = (new AnalyticsReader(reports), new DailyReader(reports), new FunnelReader(reports, database.Shards));
        var scope = new AnalyticsScope(log.OrganizationId, new(2026, 5, 1), new(2026, 8, 1), null, null);
        var (days, accounts) =
            ((await days1.Handle(new GetDailyStats(scope, "day"), default)).Rows,
                (await days1.Handle(new GetDailyStats(scope, "account"), default)).Rows);
        foreach (var rows in (IReadOnlyList<DailyStatsRow>[])[days, accounts])
        {
            $"{rows.Sum(r => r.SentMessages)} {rows.Sum(r => r.DeliveredMessages)} {rows.Sum(r => r.ReadMessages)} {rows.Sum(r => r.FailedMessages)}".ShouldBe(Truth(outbound));
        }

        days.Count.ShouldBeGreaterThan(1);
        foreach (var by in AnalyticsGroups.All)
        {
            var counts = (await reader.Handle(new GetMessageCounts(scope, by), default)).Rows;
            $"{counts.Sum(r => r.Sent)} {counts.Sum(r => r.Delivered)} {counts.Sum(r => r.Read)} {counts.Sum(r => r.Failed)}".ShouldBe(
                Truth(outbound));
            counts.Sum(r => r.Received).ShouldBe(log.Ends.Count(m => m.Phase == MessagePhase.Inbound));
            if (AnalyticsGroups.Costs.Contains(by))
            {
                (await reader.Handle(new GetCosts(scope, by), default)).Rows.Sum(r => r.SentMessages)
                    .ShouldBe(outbound.Count(m => m.SentAt is not null));
            }
        }

        var funnel =
            (await funnels.Handle(new GetFunnel(scope with { CampaignId = log.Campaigns[0], AccountId = log.Accounts[0] }, "campaign"),
                default)).Rows;
        var part = outbound.Where(m => m.Ref!.CampaignId == log.Campaigns[0] && m.Ref.AccountId == log.Accounts[0]).ToList();
        funnel.ShouldHaveSingleItem().Group.ShouldBe(log.Campaigns[0].ToString());
        $"{funnel[0].Sent} {funnel[0].Delivered} {funnel[0].Read} {funnel[0].Failed}".ShouldBe(Truth(part));
        funnel[0].FailedReasons!.Sum(r => r.Count).ShouldBe(funnel[0].Failed);
        var stranger = await database.NewOrganizationAsync();
        (await reader.Handle(new GetMessageCounts(scope with { OrganizationId = stranger }, "day"), default)).Rows.ShouldBeEmpty();
        (await SqlAsync(database,
            "SELECT concat_ws(' ', sum(total_messages_sent), sum(total_messages_received)) FROM contacts WHERE organization_id = $1",
            log.OrganizationId))
            .ShouldBe($"{outbound.Count(m => m.SentAt is not null)} {log.Ends.Count(m => m.Phase == MessagePhase.Inbound)}");
        (await clickHouse.QueryAsync(
            "SELECT concat(toString(sum(sent_messages)), ' ', toString(sum(delivered_messages)), ' ', toString(sum(read_messages)), ' ', toString(sum(failed_messages))) AS counts FROM daily_stats",
            r => r.GetString(0), default))[0].ShouldBe(Truth(outbound));
        (await SqlAsync(database,
            "SELECT concat_ws(' ', sum((doc -> 'message_count' ->> 'incoming')::int), sum((doc -> 'message_count' ->> 'outgoing')::int)) FROM documents.conversations WHERE organization_id = $1", log.OrganizationId))
            .ShouldBe($"{log.Ends.Count(m => m.Phase == MessagePhase.Inbound)} {outbound.Count(m => m.Phase != MessagePhase.Skipped)}");
    }

    private static string Truth(IReadOnlyCollection<Message> own) =>
        string.Join(' ', own.Count(m => m.SentAt is not null), own.Count(m => m.DeliveredAt is not null),
            own.Count(m => m.ReadAt is not null),
        own.Count(m => m.DeliveredAt is null && (m.FailedAt is not null || m.Phase == MessagePhase.Rejected)));

    private static string Ledger(IReadOnlyCollection<Message> own) =>
        string.Join(' ', own.Count(m => m.Phase is not MessagePhase.Skipped), own.Count(m => m.Phase == MessagePhase.Skipped),
        own.Count(m => m.Phase is MessagePhase.Queued or MessagePhase.Sending), own.Count(m => m.Phase == MessagePhase.Unknown),
        own.Count(m => m.Phase == MessagePhase.Cancelled), own.Count(m => m.Phase == MessagePhase.UnknownClosed),
        own.Count(m => m.Waiting is not null));

    private static Task<string> SqlAsync(ViewsDatabase database, string sql, Guid id) => database.ScalarAsync<string>(sql, id);
}
