using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.LedgerAudits;
using Bsp.Infrastructure.LedgerAudits.Shown;
using Bsp.Infrastructure.Sealing;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Charging;

/// <summary>What documents and analytics show as costs beside what was charged; and a launch whose answer is lost.</summary>
public sealed partial class ChargingTests
{
    private const decimal U = 0.001600m;

    [Fact]
    public async Task An_audit_names_the_message_whose_document_or_analytics_show_another_cost_than_its_charges()
    {
        using var tenant = await app.NewTenantAsync();
        var messages = await ThreeChargedAsync(tenant);
        (await CostsAsync(tenant)).ShouldBe((null, "documents passed 3, analytics passed 3"));

        await FaultAsync(() => app.Views.Documents.SpoilCostAsync(messages[1], 0.0017m), "document.cost_differs",
            $"Message {messages[1]}: its charges come to 0.001600 USD, and its document shows 0.001700 USD.");
        await FaultAsync(() => app.Views.Documents.SpoilCostAsync(messages[1], null), "document.cost_differs",
            $"Message {messages[1]}: its charges come to 0.001600 USD, and its document shows nothing.");
        await app.Views.Documents.SpoilCostAsync(messages[0], 5m);
        await FaultAsync(() => app.Views.Documents.SpoilCostAsync(messages[2], 0m), "document.cost_differs",
            $"Message {messages[0]}: its charges come to 0.001600 USD, and its document shows 5.000000 USD."
            + " So it is with 3 messages: this is the first.");
        foreach (var message in messages)
        {
            await app.Views.Documents.SpoilCostAsync(message, U);
        }

        (await CostsAsync(tenant)).Code.ShouldBeNull();
        await FaultAsync(() => SpoilRowAsync(messages[1], "delivered", 0.0017m), "analytics.cost_differs",
            $"Message {messages[1]}: its charges come to 0.001600 USD, and the analytics show 0.001700 USD.");
        await SpoilRowAsync(messages[1], "delivered", U);
        await FaultAsync(() => SpoilRowAsync(messages[0], "delivered", 0m), "analytics.cost_differs",
            $"Message {messages[0]}: its charges come to 0.001600 USD, and the analytics show nothing.");

        async Task FaultAsync(Func<Task> spoil, string code, string says)
        {
            await spoil();
            var report = await ReportAsync(tenant);
            report.FirstFault.ShouldNotBeNull();
            report.FirstFault!.Code.ShouldBe(code);
            report.FirstFault.Detail.ShouldEndWith(says);
            (await app.Views.ScalarAsync("SELECT metadata ->> 'message_id' FROM transactions WHERE id = $1", report.FirstFault.Entry!))
                .ShouldBe(says[8..44]);
        }
    }

    [Fact]
    public async Task An_audit_compares_a_store_up_to_where_it_stands_and_says_of_one_that_is_away_that_it_was_not_checked()
    {
        using var tenant = await app.NewTenantAsync();
        await ThreeChargedAsync(tenant);
        await MoveAsync("pause", "paused");
        (await SendAsync(tenant, "+919876541003")).Status.ShouldBe(201);
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w.Balance == 1 - (4 * U), "a fourth one is charged");
        var behind = await ReportAsync(tenant);
        behind.FirstFault.ShouldBeNull();
        behind.Checks.Where(c => c.Name is "documents" or "analytics").Select(c => c.Result).ShouldBe(["passed", "passed"]);
        await MoveAsync("resume", "running");

        using var nobody = new ClickHouseClient("http://127.0.0.1:1/?database=bsp");
        var away = Costs(nobody);
        var report = await ReportAsync(tenant, away);
        report.Passed.ShouldBeTrue();
        var unsaid = report.NotChecked.ShouldHaveSingleItem();
        (unsaid.Name, unsaid.Result).ShouldBe(("analytics", "not_checked"));
        unsaid.Detail.ShouldNotBeNull().ShouldStartWith("not checked: ClickHouse could not be asked: ");
        (await LedgerAuditVerb.RunAsync(app.Services.GetRequiredService<Shards>(), app.Services.GetRequiredService<LogSigner>(), away,
            tenant.Id, null, null, json: true, Ct)).ShouldBe(3);

        async Task MoveAsync(string how, string state)
        {
            foreach (var view in new[] { ViewNames.Conversations, ViewNames.MessageAnalytics })
            {
                (await app.Platform.SendAsync("POST", $"/v1/projections/{view}/{how}")).Status.ShouldBe(202);
                await Patience.UntilAsync(() => app.Platform.SendAsync("GET", "/v1/projections"), p => p["data"].EnumerateArray()
                    .Single(v => v.GetProperty("name").GetString() == view).GetProperty("state").GetString() == state, $"{view} {state}");
            }
        }
    }

    [Fact]
    public async Task A_launch_whose_COMMIT_went_through_unheard_is_launched_once_with_one_hold()
    {
        using var tenant = await app.NewTenantAsync();
        await app.TopUpAsync(tenant.Id, 1);
        await tenant.ImportAsync(Tenant.PlainNumbers(10));
        var campaign = await DraftAsync(tenant, tenant.TemplateId);
        var lost = app.Postgres.LoseNextCommitAfter($"campaign/{campaign}");

        var launched = await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch", null, ("Idempotency-Key", $"{campaign}"));

        launched.Status.ShouldBe(200, launched.Text);
        await lost.WaitAsync(Patience.Deadline, Ct);
        (await app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE stream_id = $1 AND type = 'campaign_launched'", campaign))
            .ShouldBe("1");
        (await app.Views.ScalarAsync("""
            SELECT string_agg(data #>> '{entry,reference_id}' || ' ' || (data #>> '{entry,amount}'), ';')
              FROM mt_events WHERE tenant_id = $1::text AND type = 'hold_placed'
            """, tenant.Id)).ShouldBe($"campaign/{campaign} 0.016000");
        var again = await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch", null, ("Idempotency-Key", $"{campaign}"));
        (again.Status, again.Text).ShouldBe((200, launched.Text));
        await tenant.CompletedAsync(campaign);
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w == new Purse.Seen(0.984m, 0, 0), "ten are charged, once");
        (await ReportAsync(tenant)).FirstFault.ShouldBeNull();
    }

    private async Task<Guid[]> ThreeChargedAsync(Tenant tenant)
    {
        await app.TopUpAsync(tenant.Id, 1);
        var messages = new List<Guid>();
        for (var i = 0; i < 3; i++)
        {
            messages.Add((await SendAsync(tenant, $"+91987654{1_000 + i}"))["id"].GetGuid());
            await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w.Balance == 1 - (messages.Count * U), "it is charged");
            // Nothing more is heard of it that would write what a test spoils.
            await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/messages/{messages[^1]}"), m =>
                m.Status == 200 && m["status"].GetString() == "read", "it is read");
        }

        await Patience.UntilAsync(async () => (await ReportAsync(tenant)).Checks.Where(c => c.Name is "documents" or "analytics").ToList(),
            found => found.All(c => c is { Result: "passed", Items: 3 }), "documents and analytics have all three");
        return [.. messages];
    }

    private ShownCosts Costs(ClickHouseClient clickHouse) => new(app.Services.GetRequiredService<IDocumentStore>(),
        app.Services.GetRequiredService<IDocumentDigests>(), clickHouse, new ClickHouseSchema(clickHouse), TimeProvider.System);

    private async Task<LedgerAuditReport> ReportAsync(Tenant tenant, ShownCosts? costs = null) =>
        await new LedgerAudit(await app.Services.GetRequiredService<Shards>().OfAsync(tenant.Id, Ct), tenant.Id, null, null, workers: 1,
            TimeProvider.System) { Costs = costs ?? app.Services.GetRequiredService<ShownCosts>() }.RunAsync(null, Ct);

    private async Task<(string? Code, string Checks)> CostsAsync(Tenant tenant)
    {
        var report = await ReportAsync(tenant);
        return (report.FirstFault?.Code, string.Join(", ", report.Checks.Where(c => c.Name is "documents" or "analytics")
            .Select(c => $"{c.Name} {c.Result} {c.Items}")));
    }

    // The same row once more: the last one of a key and place counts.
    private Task SpoilRowAsync(Guid message, string status, decimal cost) => app.Views.Click.ExecuteAsync(
        $"INSERT INTO message_analytics SELECT * REPLACE (toDecimal64('{Money.Text(cost)}', 6) AS cost) FROM message_analytics FINAL "
        + "WHERE message_id = {message:UUID} AND status = {status:String}", Ct, ("message", message), ("status", status));
}
