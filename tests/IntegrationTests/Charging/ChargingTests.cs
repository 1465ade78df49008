using Bsp.Domain.Common;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Charging;

/// <summary>
/// What messages cost, from the launch to the last entry; by the demo card, whose prices for India are I = 0.013500 (marketing) and
/// 0.001600 (utility).
/// </summary>
public sealed partial class ChargingTests(ChargingApp app) : IClassFixture<ChargingApp>
{
    private const decimal I = 0.013500m;
    private static readonly object Sale =
        new { body = new { text = "Good news, {{1}}: everything is cheaper until Friday evening.", example = new[] { "Asha" } } };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_campaign_of_a_thousand_costs_what_the_card_says_of_those_it_reached()
    {
        using var tenant = await app.NewTenantAsync();
        await app.TopUpAsync(tenant.Id, 100);
        var template = await tenant.NewTemplateAsync("sale", Sale, "MARKETING");
        string[] reached = [.. Tenant.PlainNumbers(920), .. Ending("0004", 10), .. Ending("0018", 5), .. Ending("0012", 5)];
        await tenant.ImportAsync([.. reached, .. Ending("0001", 15), .. Ending("0019", 10), .. Ending("0009", 15)]);
        await tenant.ImportAsync(Ending("7777", 20)); // they are passed over after the launch: their consent is taken back
        var campaign = await DraftAsync(tenant, template);
        var estimate = await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/estimate");
        (estimate["cost"].GetString(), estimate["currency"].GetString(), estimate["missing"].GetString(), estimate["available_budget"]
            .GetString()).ShouldBe(("13.500000", "USD", "0.000000", "100.000000"), estimate.Text);
        await app.AdminAsync(
            "CREATE FUNCTION bsp.test_consent() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN UPDATE contacts SET consent_status = 'OPTED_OUT' WHERE organization_id = NEW.organization_id AND phone_number LIKE '%7777'; RETURN NEW; END $f$");
        await app.AdminAsync(
            $"CREATE TRIGGER test_consent AFTER UPDATE ON bsp.campaign_dispatch FOR EACH ROW WHEN (NEW.campaign_id = '{campaign}' AND OLD.total IS NULL) EXECUTE FUNCTION bsp.test_consent()");
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);
        var held = await app.SeenAsync(tenant.Id);
        held.Balance.ShouldBeLessThanOrEqualTo(100);
        await tenant.CompletedAsync(campaign);
        await app.AdminAsync("DROP TRIGGER test_consent ON bsp.campaign_dispatch; DROP FUNCTION bsp.test_consent()");
        var unknown =
            (await Patience.UntilAsync(() => tenant.MembersAsync(campaign), m =>
                m.Count(x => x.Status == "outcome_unknown") == 15 && m.Count(x => x.Status is "delivered" or "read") == 940
                && m.Count(x => x.Status == "failed") == 25, "all but the unknown have ended"))
            .Where(m => m.Status == "outcome_unknown").ToList();

        var waiting =
            await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w =>
                w.Balance == 87.310000m && w.Held == 15 * I, "those who were reached are charged, and the unknown are held");
        waiting.Reserved.ShouldBe(0);
        foreach (var one in unknown)
        {
            (await tenant.Api.SendAsync("POST", $"/v1/messages/{one.MessageId}/settle", new { outcome = "not_sent" })).Status.ShouldBe(200);
        }

        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w is { Balance: 87.310000m, Held: 0 }, "nothing is held any more");
        (await app.ChargedAsync(tenant.Id)).ShouldBe((12.690000m, 940, 0));

        // One of the unknown was delivered after all: its part of the hold is gone, the balance pays.
        await StatusAsync(tenant, unknown[0].MessageId, "delivered", "marketing");
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w.Balance == 87.296500m, "the late delivery is charged");
        await ShownAsync(tenant, campaign, 941, 941 * I);
    }

    [Fact]
    public async Task A_wallet_that_is_short_or_empty_launches_nothing_and_says_what_is_missing()
    {
        using var tenant = await app.NewTenantAsync();
        await app.TopUpAsync(tenant.Id, 10);
        var template = await tenant.NewTemplateAsync("sale", Sale, "MARKETING");
        await tenant.ImportAsync(Tenant.PlainNumbers(1_000));
        var campaign = await DraftAsync(tenant, template);
        var refused = await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch");
        refused.ShouldBeProblem(402, "wallet.insufficient");
        refused["errors"].GetProperty("missing")[0].GetString().ShouldBe("3.500000");
        (await tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"))["status"].GetString().ShouldBe("DRAFT");
        (await app.SeenAsync(tenant.Id)).ShouldBe(new Purse.Seen(10, 0, 0));
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/estimate"))["missing"].GetString().ShouldBe("3.500000");
        await app.TopUpAsync(tenant.Id, 3.5m);
        var answers =
            await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")));
        answers.Count(a => a.Status == 200).ShouldBeGreaterThan(0);
        await tenant.CompletedAsync(campaign);
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w == new Purse.Seen(0, 0, 0), "all is charged, once");
        (await app.ChargedAsync(tenant.Id)).ShouldBe((13.5m, 1_000, 0));

        // Empty: neither a campaign nor a single message.
        var second = await DraftAsync(tenant, template);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{second}/launch")).ShouldBeProblem(402, "wallet.insufficient");
        (await SendAsync(tenant, "+919876000123")).ShouldBeProblem(402, "wallet.insufficient");
    }

    [Fact]
    public async Task Single_messages_reserve_what_they_may_cost_and_no_more_leave_than_the_wallet_can_pay()
    {
        using var tenant = await app.NewTenantAsync();
        await app.TopUpAsync(tenant.Id, 0.008m); // five of 0.0016
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => SendAsync(tenant, $"+9198765{20_500 + i}")));
        answers.Count(a => a.Status == 201).ShouldBe(5, string.Join("\n", answers.Select(a => a.Text)));
        answers.Where(a => a.Status != 201).ShouldAllBe(a => a.Status == 402);
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w =>
            w == new Purse.Seen(0, 0, 0), "five are charged, and nothing is reserved");
        (await app.ChargedAsync(tenant.Id)).ShouldBe((0.008m, 5, 0));
        var (failing, _) = (await app.NewTenantAsync(), 0);
        await app.TopUpAsync(failing.Id, 1);
        (await SendAsync(failing, "+919876510001")).Status.ShouldBe(201);
        await Patience.UntilAsync(() => app.SeenAsync(failing.Id), w =>
            w == new Purse.Seen(1, 0, 0), "what failed costs nothing and reserves nothing");
        failing.Dispose();
    }

    [Fact]
    public async Task What_turns_out_dearer_than_it_was_held_for_overdraws_and_the_next_launch_is_refused()
    {
        using var tenant = await app.NewTenantAsync();
        await app.TopUpAsync(tenant.Id, 1);
        await tenant.ImportAsync(Tenant.PlainNumbers(100));
        var campaign = await DraftAsync(tenant, tenant.TemplateId);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);
        await tenant.CompletedAsync(campaign);
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w == new Purse.Seen(0.84m, 0, 0), "a hundred of 0.0016 are charged");
        await Patience.UntilAsync(() => tenant.MembersAsync(campaign), m => m.All(x => x.Status == "read"), "all are read");
        await StatusesAsync(tenant, [.. (await tenant.MembersAsync(campaign)).Select(m => m.MessageId)], "read", "marketing");
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w == new Purse.Seen(-0.35m, 0, 0), "all are marketing");
        (await app.ChargedAsync(tenant.Id)).ShouldBe((1.35m, 200, 0));
        (await tenant.Api.SendAsync("GET", "/v1/wallet"))["available"].GetString().ShouldBe("-0.350000");
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{await DraftAsync(tenant, tenant.TemplateId)}/launch"))
            .ShouldBeProblem(402, "wallet.insufficient")["errors"].GetProperty("missing")[0].GetString().ShouldBe("0.510000");

        // What other stores are held against: by day of delivery, the messages, their sum, and a mark that both can make.
        var today = DateOnly.FromDateTime(DateTime.UtcNow);
        var days = await Patience.UntilAsync(() => app.Services.GetRequiredService<Application.Ledger.IChargedDays>()
            .OfAsync(tenant.Id, today.AddDays(-1), today.AddDays(1), Ct), d => (d.Sum(x => x.Count), d.Sum(x => x.Sum)) == (100, 1.35m),
            "the days have all");
        var shown = await Patience.UntilAsync(() => app.Views.Click.QueryAsync("""
            SELECT count(), sum(cost), groupBitXor(reinterpretAsInt64(reverse(substring(
                MD5(concat(toString(message_id), ':USD:', toDecimalString(cost, 6))), 1, 8))))
              FROM message_analytics FINAL WHERE organization_id = {o:UUID} AND cost > 0
            """, r => (r.GetFieldValue<ulong>(0), r.GetDecimal(1), r.GetInt64(2)), Ct, ("o", tenant.Id)), rows => rows[0].Item2 == 1.35m,
            "ClickHouse has the costs");
        (shown[0].Item1, shown[0].Item3).ShouldBe((100UL, days.Aggregate(0L, (xor, d) => xor ^ d.Xor)));
    }

    [Fact]
    public async Task The_plans_messages_come_first_and_those_beyond_it_are_charged()
    {
        using var tenant = await app.NewTenantAsync();
        await app.TopUpAsync(tenant.Id, 2);
        var plan = await AppFixture.CreatedAsync(app.Platform, "/v1/plans", new { name = "Three", code = $"three-{Guid.NewGuid():N}",
            monthly_price = "1", per_message_price = "0.000400", included_messages = 3 });
        (await tenant.Api.SendAsync("POST", "/v1/subscriptions", new { plan_id = plan.GetProperty("id").GetGuid() })).Status.ShouldBe(201);
        var sent = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => SendAsync(tenant, $"+9198765{30_500 + i}")));
        sent.ShouldAllBe(a => a.Status == 201);
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w == new Purse.Seen(0.99m, 0, 0), "five of 0.0020 are charged");
        (await app.ChargedAsync(tenant.Id)).ShouldBe((0.01m, 5, 0));
        var outcomes = (await tenant.AllAsync("/v1/charges")).Select(c => c.GetProperty("outcome").GetString()).GroupBy(o => o)
            .ToDictionary(g => g.Key!, g => g.Count());
        (outcomes["included"], outcomes["charged"]).ShouldBe((3, 5));
        var told = await Patience.UntilAsync(async () =>
            (await tenant.Api.SendAsync("GET", "/v1/events?form=public&types=message.charged"))["data"].EnumerateArray()
            .Select(e => e.GetProperty("data")).ToList(),
                all => all.Sum(d => d.GetProperty("charges").GetArrayLength()) == 8, "eight are told");
        told.ShouldAllBe(d => d.GetProperty("account_id").GetGuid() == tenant.AccountId);
    }

    [Fact]
    public async Task What_waits_for_a_card_is_charged_by_the_one_that_is_imported()
    {
        using var tenant = await app.NewTenantAsync();
        await app.TopUpAsync(tenant.Id, 1, "NOK");
        var message = (await SendAsync(tenant, "+919876501888"))["id"].GetGuid();
        var pending = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", "/v1/charges?outcome=pending"), p =>
            p["data"].GetArrayLength() == 1, "it is delivered, and nobody knows its price");
        (pending["data"][0].GetProperty("message_id").GetGuid(), pending["data"][0].GetProperty("reason").GetString())
            .ShouldBe((message, "no_card"));
        (await app.Platform.SendAsync("POST", "/v1/rate-cards", """
            card,effective_from,market,category,tier_from,tier_to,currency,unit_price,markup_rate,markup_fixed
            nok-1,,*,utility,1,,NOK,0.1,0,0.05
            """, ("Content-Type", "text/csv"))).Status.ShouldBe(201);
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id, "NOK"), w => w.Balance == 0.85m, "it is charged by the card that came");
        (await tenant.Api.SendAsync("GET", "/v1/charges?outcome=pending"))["data"].GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task A_launch_whose_COMMIT_is_not_answered_is_launched_once_and_the_caller_told_so()
    {
        using var tenant = await app.NewTenantAsync();
        await app.TopUpAsync(tenant.Id, 1);
        await tenant.ImportAsync(Tenant.PlainNumbers(10));
        var campaign = await DraftAsync(tenant, tenant.TemplateId);
        await app.AdminAsync("CREATE SEQUENCE bsp.test_first");
        await app.AdminAsync("""
            CREATE FUNCTION bsp.test_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $f$ BEGIN
              IF nextval('bsp.test_first') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $f$
            """);
        await app.AdminAsync($"""
            CREATE CONSTRAINT TRIGGER test_gone AFTER INSERT ON bsp.campaign_holds DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
              WHEN (NEW.campaign_id = '{campaign}') EXECUTE FUNCTION bsp.test_gone()
            """);
        var launched = await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch", null, ("Idempotency-Key", $"{campaign}"));
        launched.Status.ShouldBe(200, launched.Text);
        await app.AdminAsync("DROP TRIGGER test_gone ON bsp.campaign_holds");
        await app.AdminAsync("DROP FUNCTION bsp.test_gone(); DROP SEQUENCE bsp.test_first");
        await tenant.CompletedAsync(campaign);
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w == new Purse.Seen(0.984m, 0, 0), "ten are charged, once");
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch", null, ("Idempotency-Key", $"{campaign}"))).Status
            .ShouldBe(200);
        (await app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE stream_id = $1 AND type = 'campaign_launched'", campaign))
            .ShouldBe("1");
    }

    [Fact]
    public async Task Without_a_wallet_everything_goes_on_as_ever()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(3));
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        await tenant.ReadAsync(campaign);
        (await SendAsync(tenant, "+919876501500")).Status.ShouldBe(201);
        (await app.Views.ScalarAsync("SELECT count(*) FROM bsp.message_bills WHERE organization_id = $1", tenant.Id)).ShouldBe("0");
    }

    [Fact]
    public async Task What_Meta_says_later_takes_the_charge_back_and_charges_anew_and_what_nobody_has_a_price_for_waits()
    {
        using var tenant = await app.NewTenantAsync();
        await app.TopUpAsync(tenant.Id, 1);
        var message = (await SendAsync(tenant, "+919876501777"))["id"].GetGuid();
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w.Balance == 0.998400m, "it is charged as utility");
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/messages/{message}"), m =>
            m.Status == 200 && m["status"].GetString() == "read", "it is read");
        await StatusAsync(tenant, message, "read", "marketing");
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w.Balance == 0.986500m, "it is charged as marketing");
        await StatusAsync(tenant, message, "read", "holograms");
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w.Balance == 1, "it is taken back, and waits");
        var pending = await tenant.Api.SendAsync("GET", "/v1/charges?outcome=pending");
        (pending["data"][0].GetProperty("message_id").GetGuid(), pending["data"][0].GetProperty("reason").GetString())
            .ShouldBe((message, "category_unknown"));
        await Patience.UntilAsync(() => app.Platform.SendAsync("GET", "/health/ready"), h =>
            h.Text.Contains("wait for a price", StringComparison.Ordinal), "the health says so");
        await StatusAsync(tenant, message, "read", "marketing");
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w.Balance == 0.986500m, "it is charged again");
        (await app.ChargedAsync(tenant.Id)).ShouldBe((I, 3, 0));
        await ShownAsync(tenant, null, 1, I);

        // An audit compares what was delivered with what was charged, and names the message.
        (await AuditAsync(tenant)).ShouldBe(("passed", null, "passed"));
        await SpoiledAsync(tenant, message, "message.misbilled", "UPDATE bsp.message_bills SET amount = amount + 0.000001",
            "UPDATE bsp.message_bills SET amount = amount - 0.000001");
        await SpoiledAsync(tenant, message, "message.misbilled", "UPDATE bsp.message_bills SET outcome = 'free'",
            "UPDATE bsp.message_bills SET outcome = 'charged'");
        await SpoiledAsync(tenant, message, "charge.undelivered", "UPDATE mt_events SET type = 'message_delivered_'",
            "UPDATE mt_events SET type = 'message_delivered'", "stream_id", " AND type LIKE 'message_delivered%'");
        var second = (await SendAsync(tenant, "+919876501778"))["id"].GetGuid();
        await Patience.UntilAsync(() => app.SeenAsync(tenant.Id), w => w.Balance == 0.984900m, "a second one is charged");
        await app.AdminAsync($"CREATE TABLE bsp.test_bills AS SELECT * FROM bsp.message_bills WHERE message_id = '{second}'");
        await SpoiledAsync(tenant, second, "message.uncharged", "DELETE FROM bsp.message_bills",
            "INSERT INTO bsp.message_bills SELECT * FROM bsp.test_bills");
        await app.AdminAsync("DROP TABLE bsp.test_bills");
    }

    private async Task SpoiledAsync(Tenant tenant, Guid message, string code, string spoil, string mend, string column = "message_id",
        string more = "")
    {
        var of = $" WHERE {column} = '{message}'{more}";
        await app.AdminAsync(spoil + of);
        (await AuditAsync(tenant)).ShouldBe(("failed", code, "failed"), spoil);
        await app.AdminAsync(mend + (mend.StartsWith("INSERT", StringComparison.Ordinal) ? "" : of));
        (await AuditAsync(tenant)).ShouldBe(("passed", null, "passed"), mend);
    }

    private static async Task<(string? Status, string? Code, string? Deliveries)> AuditAsync(Tenant tenant)
    {
        var started = await tenant.Api.SendAsync("POST", "/v1/ledger/audits", new { });
        started.Status.ShouldBe(202, started.Text);
        var ended = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/ledger/audits/{started["id"].GetGuid()}"), a =>
            a.Status == 200 && a["status"].GetString() != "running", "the audit has ended");
        var fault = ended["first_fault"];
        return (ended["status"].GetString(),
            fault.ValueKind == System.Text.Json.JsonValueKind.Null ? null : fault.GetProperty("code").GetString(),
            ended["checks"].EnumerateArray().Where(c => c.GetProperty("name").GetString() == "deliveries")
                .Select(c => c.GetProperty("result").GetString()).SingleOrDefault());
    }

    [Fact]
    public async Task An_event_that_cannot_be_read_stops_its_own_organization_only_until_it_can()
    {
        using var stopped = await app.NewTenantAsync();
        using var other = await app.NewTenantAsync();
        await app.TopUpAsync(stopped.Id, 1);
        await app.TopUpAsync(other.Id, 1);
        await app.AdminAsync(
            "CREATE FUNCTION bsp.test_bill() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION 'a bad bill'; END $f$");
        await app.AdminAsync(
            $"CREATE TRIGGER test_bill BEFORE INSERT ON bsp.message_bills FOR EACH ROW WHEN (NEW.organization_id = '{stopped.Id}') EXECUTE FUNCTION bsp.test_bill()");
        (await SendAsync(stopped, "+919876501701")).Status.ShouldBe(201);
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync("SELECT count(*) FROM bsp.charging WHERE organization_id = $1 AND stopped_after IS NOT NULL",
                stopped.Id), n => n == "1", "its charging stops");
        (await SendAsync(stopped, "+919876501702")).Status.ShouldBe(201);
        (await SendAsync(other, "+919876501703")).Status.ShouldBe(201);
        await Patience.UntilAsync(() => app.SeenAsync(other.Id), w => w.Balance == 0.998400m, "the other is charged");
        await app.AdminAsync("DROP TRIGGER test_bill ON bsp.message_bills; DROP FUNCTION bsp.test_bill()");
        await Patience.UntilAsync(() => app.SeenAsync(stopped.Id), w =>
            w == new Purse.Seen(0.996800m, 0, 0), "what was left out is charged");
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync("SELECT count(*) FROM bsp.charging WHERE organization_id = $1 AND stopped_after IS NULL", stopped.Id),
            n => n == "1", "it has caught up");
    }

    // Documents, analytics and the ledger say the same.
    private async Task ShownAsync(Tenant tenant, Guid? campaign, int messages, decimal cost)
    {
        await Patience.UntilAsync(() =>
            app.Views.Click.QueryAsync("SELECT toString(sum(cost)) AS c FROM message_analytics FINAL WHERE organization_id = {o:UUID}",
                r => r.GetString(0), Ct, ("o", tenant.Id)),
            found => decimal.Parse(found[0], System.Globalization.CultureInfo.InvariantCulture) == cost,
            "ClickHouse's costs are the ledger's");
        var some = campaign is { } id ? (await tenant.MembersAsync(id)).First(m => m.Status == "read").MessageId
            : (await tenant.AllAsync("/v1/charges"))[0].GetProperty("message_id").GetGuid();
        var shown = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/messages/{some}"), m =>
            m["cost"] is { ValueKind: System.Text.Json.JsonValueKind.Object } c
            && c.GetProperty("amount").ValueKind != System.Text.Json.JsonValueKind.Null, "the document has its cost");
        shown["cost"].GetProperty("amount").GetString().ShouldBe(Money.Text(cost / messages));
        shown["cost"].GetProperty("currency").GetString().ShouldBe("USD");
    }

    private static string[] Ending(string last, int count) => [.. Enumerable.Range(0, count).Select(i => $"+9198{1_000 + i}{last}")];

    private static async Task<Guid> DraftAsync(Tenant tenant, Guid template) =>
        (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns",
            new { name = "Sale", template_id = template, account_id = tenant.AccountId, audience_segment = new { all = true },
                metadata = new { template_parameters = new { body = new[] { "Asha" } } } })).GetProperty("id").GetGuid();

    private static Task<Answer> SendAsync(Tenant tenant, string to) => tenant.Api.SendAsync("POST", "/v1/messages", new
    {
        account_id = tenant.AccountId, to, type = "template",
        template = new { name = "order_on_its_way", language = new { code = "en" },
            components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } },
    });

    private Task StatusAsync(Tenant tenant, Guid message, string status, string category) =>
        StatusesAsync(tenant, [message], status, category);

    // In a second of its own: Meta tells whole ones, and the very same status again says nothing new.
    private async Task StatusesAsync(Tenant tenant, IReadOnlyList<Guid> messages, string status, string category)
    {
        var second = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var at = await Patience.UntilAsync(() => Task.FromResult(DateTimeOffset.UtcNow.ToUnixTimeSeconds()), now =>
            now > second, "another second has begun");
        var items = messages.Select(message => $$$"""
            {"id":"wamid.{{{message:N}}}","status":"{{{status}}}","timestamp":"{{{at}}}","recipient_id":"919876500001",
            "biz_opaque_callback_data":"{{{message}}}","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"{{{category}}}"} }
            """);
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $"\"statuses\":[{string.Join(',', items)}]"))).Status.ShouldBe(200);
    }
}
