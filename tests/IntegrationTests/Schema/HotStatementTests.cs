using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Bsp.IntegrationTests.Schema;

/// <summary>An application whose database nobody analyzes but the test.</summary>
public sealed class UnanalyzedApp(StoresFixture stores) : EndToEndApp(stores)
{
    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await AdminAsync("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
        await AdminAsync("""
            DO $$ DECLARE t regclass; BEGIN
              FOR t IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('public', 'bsp', 'documents') AND c.relkind = 'r' LOOP
                EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', t);
              END LOOP;
            END $$
            """);
        // What tells the planner of an import is not to be relied upon: it gives way to whoever vacuums.
        await AdminAsync(
            "CREATE OR REPLACE FUNCTION bsp.settle_contacts() RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS ''");
    }
}

/// <summary>
/// No statement's plan depends on statistics about a value that is new by nature (campaign, import, organization, message): the whole of a
/// day's work is done on a database that was never
/// analyzed, on one that was analyzed before this organization came, and after; whatever statement PostgreSQL carried out for it is bounded
/// by what it was asked for.
/// </summary>
public sealed class HotStatementTests(UnanalyzedApp app) : IClassFixture<UnanalyzedApp>
{
    private const int People = 3_000;

    // What a call may look at: a fixed part (a page of 500 ids looked up in vain, three pages each), and a part for each row that it
    // returns or writes with its indexes.
    private const double BuffersPerCallMax = 1_500;
    private const double BuffersPerRowMax = 30;

    // Statements that are given more than they return: beginning → rows a call is given.
    private static readonly (string Beginning, int Given)[] Given = 
    [
        // each row stands in nine indexes; of two of them, what is not sorted in yet is sorted in by whoever comes when there is much of it
        ("WITH merged AS ( INSERT INTO contacts", 2 * People),
        // a page of a campaign: they return arrays
        ("SELECT c.id FROM unnest($1::uuid[]) AS c (id) CROSS JOIN LATERAL (SELECT e.data", 500),
        ("SELECT granted, next_at FROM bsp.take_reach", 500), ("WITH asked AS ( SELECT a.contact", 500),
        ("WITH written AS ( INSERT INTO public.mt_events", 500), ("SELECT verdicts, versions, seqs FROM bsp.append_batch", 500),
    ];

    // Routes that a day's work does not read, and why.
    private static readonly string[] NotRead =
    [
        // the platform's: rows of the directory, by their key
        "/v1/organizations", "/v1/organizations/*", "/v1/plans", "/v1/plans/*", "/v1/rate-cards", "/v1/rate-cards/*", "/v1/projections",
            "/v1/operations/queues",
            "/v1/retention", "/v1/sending", "/v1/shards", "/v1/organizations/*/move",
            "/v1/incoming-webhooks/notes", "/v1/incoming-webhooks/set-aside",
        // what GET …/progress reads, again and again
        "/v1/campaigns/*/progress/stream", "/v1/imports/*/stream", "/v1/events/stream", "/v1/stream",
        "/v1/analytics/*", // ClickHouse
        "/v1/mentions", // of a person, by their id
        "/v1/auth/session", "/v1/auth/sessions", "/v1/auth/second-factor", // of a person, by their id
    ];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whatever_the_planner_knows_each_statement_of_a_days_work_looks_at_what_it_was_asked_for()
    {
        Assert.SkipUnless(await StatementCosts.AreCountedAsync(app.Admin, Ct),
            "This PostgreSQL does not count statements (pg_stat_statements).");
        var faults = new List<string>();
        using var first = await app.NewTenantAsync();
        await DayAsync("never analyzed", first, 0, faults);
        await app.AdminAsync("VACUUM ANALYZE");
        using var second = await app.NewTenantAsync();
        await DayAsync("analyzed before", second, 1, faults);
        await app.AdminAsync("VACUUM ANALYZE");
        await DayAsync("analyzed after", second, 2, faults);
        faults.ShouldBeEmpty(string.Join('\n', faults));
    }

    private async Task DayAsync(string condition, Tenant tenant, int day, List<string> faults)
    {
        await StatementCosts.ResetAsync(app.Admin, Ct);
        var import = await ImportAsync(tenant);
        var list = await ListAsync(tenant, day);
        var campaign = await CampaignAsync(tenant);
        await WriteToUsAsync(tenant, day);
        await LookAsync(tenant, campaign, list, import);
        var costs = await StatementCosts.ReadAsync(app.Admin, Ct);
        costs.Count.ShouldBeGreaterThan(60); // the counting works
        faults.AddRange(costs.Where(c =>
            c.BuffersPerCall > BuffersPerCallMax + (BuffersPerRowMax * Math.Max(c.RowsPerCall, GivenTo(c))))
            .Select(c => $"{condition}: {c}"));
        if (Environment.GetEnvironmentVariable("BSP_TEST_COSTS") is { Length: > 0 } file)
        {
            await File.AppendAllLinesAsync(file, costs.OrderByDescending(c => c.BuffersPerCall / (25 + c.RowsPerCall)).Take(60)
                .Select(c => $"{condition}: {c}"), Ct);
        }
    }

    // Earlier campaigns of the same organization: rows in the tables of sending, as many as nobody has looked at since.
    private const int Earlier = 150_000;
    private const int FewBuffers = 3_000;

    [Fact]
    public async Task What_a_campaign_costs_depends_neither_on_statistics_nor_on_what_was_sent_before_it()
    {
        Assert.SkipUnless(await StatementCosts.AreCountedAsync(app.Admin, Ct),
            "This PostgreSQL does not count statements (pg_stat_statements).");
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(600));
        await CampaignAsync(tenant); // what the first of all makes
        var before = await CostsAsync(tenant);
        await app.AdminAsync("""
            INSERT INTO bsp.send_queue (message_id, organization_id, account_id, campaign_id, state, due_at)
            SELECT gen_random_uuid(), $1, $2, gen_random_uuid(), 3, now() + interval '20 days' FROM generate_series(1, $3)
            """, tenant.Id, tenant.AccountId, Earlier);
        await app.AdminAsync("""
            INSERT INTO bsp.wamids (wamid, organization_id, message_id) SELECT 'wamid.' || gen_random_uuid(), $1, gen_random_uuid()
              FROM generate_series(1, $2)
            """, tenant.Id, Earlier);
        await app.AdminAsync("""
            INSERT INTO bsp.campaign_audience (campaign_id, ordinal, organization_id, contact_id)
            SELECT $2, i, $1, gen_random_uuid() FROM generate_series(1, $3) i
            """, tenant.Id, Guid.NewGuid(), Earlier);
        await app.AdminAsync("""
            INSERT INTO bsp.reached (organization_id, contact_id, portfolio, message_id, until)
            SELECT $1, gen_random_uuid(), $2, gen_random_uuid(), now() + interval '1 day' FROM generate_series(1, $3)
            """, tenant.Id, tenant.WabaId, Earlier);
        var after = await CostsAsync(tenant);
        after.Where(c => c.Value.Buffers > FewBuffers && before.TryGetValue(c.Key, out var was)
            && Each(c.Value) > (2 * Each(was)) + 5
            // what returns an array of all that it was given: how much that was, its rows do not say
            && (GivenTo(c.Value) == 0 || c.Value.BuffersPerCall > BuffersPerCallMax + (BuffersPerRowMax * GivenTo(c.Value))))
            .Select(c => $"{c.Value}, before: {before[c.Key]}").ShouldBeEmpty();

        static double Each(StatementCost cost) => (double)cost.Buffers / (cost.Calls + cost.Rows);
    }

    private async Task<Dictionary<string, StatementCost>> CostsAsync(Tenant tenant)
    {
        await StatementCosts.ResetAsync(app.Admin, Ct);
        await CampaignAsync(tenant);
        return (await StatementCosts.ReadAsync(app.Admin, Ct)).ToDictionary(c => c.Text);
    }

    private static int GivenTo(StatementCost cost) =>
        Given.Where(g => cost.Text.StartsWith(g.Beginning, StringComparison.Ordinal)).Select(g => g.Given).FirstOrDefault();

    [Fact]
    public void Every_route_that_reads_is_part_of_the_day()
    {
        var read = PathsOf(Guid.NewGuid(), "+1", 0, Guid.NewGuid(), Guid.NewGuid(), "c", Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid(),
            Guid.NewGuid()).Select(path => Pattern(path.Split('?')[0])).Concat(NotRead).ToHashSet();
        var routes = app.Services.GetServices<Microsoft.AspNetCore.Routing.EndpointDataSource>().SelectMany(s => s.Endpoints)
            .OfType<Microsoft.AspNetCore.Routing.RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<Microsoft.AspNetCore.Routing.IHttpMethodMetadata>()?.HttpMethods.Contains("GET") == true)
            .Select(e => "/" + Regex.Replace(e.RoutePattern.RawText!.Trim('/'), @"\{[^}]*\}", "*"))
            .Where(r => r.StartsWith("/v1/", StringComparison.Ordinal)).Distinct();
        routes.Where(route =>
            !read.Contains(route) && !(route.StartsWith("/v1/analytics/", StringComparison.Ordinal) && read.Contains("/v1/analytics/*")))
            .Order(StringComparer.Ordinal).ShouldBeEmpty();
    }

    private static string Pattern(string path) => string.Join('/', path.Split('/').Select(s => s == "c" || Guid.TryParse(s, out _)
        || Regex.IsMatch(s, @"^\d{4}-\d{2}$") ? "*" : s));

    private static async Task<Guid> ImportAsync(Tenant tenant)
    {
        var csv = new StringBuilder("phone_number,first_name,last_name,email,consent_status,tags,custom.city\n");
        for (var i = 0; i < People; i++)
        {
            csv.Append(CultureInfo.InvariantCulture,
                $"+{919_876_501_000 + i},Asha{i},Rao{i % 700},asha{i}@example{i % 9}.org,OPTED_IN,{(i % 300 == 0 ? "rare" : "many")},{(i % 250 == 0 ? "Goa" : "Pune")}\n");
        }

        var import = await tenant.ImportAsync(csv.ToString());
        import["rejected"].GetInt32().ShouldBe(0);
        return import["id"].GetGuid();
    }

    private static async Task<Guid> ListAsync(Tenant tenant, int day)
    {
        var people = (await tenant.NumbersAsync()).Keys.Take(1_000).ToArray();
        var list = (await AppFixture.CreatedAsync(tenant.Api, "/v1/lists", new { name = $"Regulars {day}" })).GetProperty("id").GetGuid();
        (await tenant.Api.SendAsync("POST", $"/v1/lists/{list}/contacts", new { add = people })).Status.ShouldBe(200);
        return list;
    }

    private static async Task<Guid> CampaignAsync(Tenant tenant)
    {
        (await tenant.Api.SendAsync("PATCH", $"/v1/accounts/{tenant.AccountId}", new { messaging_limit = 100_000 })).Status.ShouldBe(200);
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        await tenant.EndedAsync(campaign);
        return campaign;
    }

    private async Task WriteToUsAsync(Tenant tenant, int day)
    {
        for (var i = 0; i < 200; i++)
        {
            var message = Text(919_876_501_000 + (i * 7), $"hot{tenant.PhoneNumberId}.{day}.{i}");
            (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $"\"messages\":[{message}]"))).Status.ShouldBe(200);
        }

        var many = string.Join(',', Enumerable.Range(0, 100)
            .Select(i => Text(919_876_601_000 + i, $"hotter{tenant.PhoneNumberId}.{day}.{i}")));
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $"\"messages\":[{many}]"))).Status.ShouldBe(200);
        await app.Views.InboxEmptyAsync();
        // whoever wrote is shown, and may be answered, a moment later; asked here so that it costs the application nothing
        await Patience.UntilAsync(() => app.Views.ScalarAsync("""
            SELECT (SELECT sequence FROM bsp.projections WHERE name = 'conversations.v1')
                >= (SELECT max(seq_id) FROM mt_events WHERE tenant_id = $1 AND type LIKE 'message_%')
            """, $"{tenant.Id}"), reached => reached == "True", "the inbox shows who wrote");
    }

    private static string Text(long from, string id) => $$$"""
        {"from":"{{{from}}}","id":"wamid.{{{id}}}","timestamp":"{{{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}}}","type":"text","text":{"body":"Hello."}}
        """;

    // Each several times: a plan that is kept is made after five.
    private static async Task LookAsync(Tenant tenant, Guid campaign, Guid list, Guid import)
    {
        var contacts = (await tenant.NumbersAsync()).Take(8).ToList();
        var members = (await tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}/recipients?limit=8"))["data"].EnumerateArray()
            .Select(r => r.GetProperty("message_id").GetGuid()).ToList();
        var conversations = (await tenant.Api.SendAsync("GET", "/v1/conversations?limit=8"))["data"].EnumerateArray()
            .Select(c => c.GetProperty("id").GetString()).ToList();
        for (var i = 0; i < 8; i++)
        {
            var contact = contacts[i].Key;
            foreach (var path in PathsOf(contact, Uri.EscapeDataString(contacts[i].Value), i, list, campaign, conversations[i]!,
                members[i], tenant.AccountId, tenant.TemplateId, import))
            {
                var answer = await tenant.Api.SendAsync("GET", path);
                answer.Status.ShouldBeOneOf([200, 404], $"{path}: {answer.Text}");
            }

            var reply = await tenant.Api.SendAsync("POST", $"/v1/conversations/{conversations[i]}/messages",
                new { type = "text", text = new { body = "Yes." } }, ("Idempotency-Key", $"{Guid.NewGuid()}"));
            reply.Status.ShouldBe(201, reply.Text);
            (await tenant.Api.SendAsync("POST", $"/v1/contacts/{contact}/consent",
                new { status = "OPTED_OUT", source = "phone" })).Status.ShouldBeOneOf(200, 201);
        }
    }

    // What people and clients read.
    private static string[] PathsOf(Guid contact, string number, int i, Guid list, Guid campaign, string conversation, Guid message,
        Guid account, Guid template, Guid import) =>
    [
        $"/v1/contacts/{contact}", $"/v1/contacts/{contact}/timeline", $"/v1/contacts/{contact}/export", $"/v1/contacts?phone={number}",
            $"/v1/contacts?q=Asha{i * 37}", "/v1/contacts?tag=rare",
        "/v1/contacts?tag=many", "/v1/contacts?consent=PENDING", $"/v1/contacts?email=asha{i}@example{i}.org",
        "/v1/contacts?custom.city=Goa", "/v1/contacts?limit=50", "/v1/contacts/export",
        "/v1/signups", $"/v1/signups/{contact}", $"/v1/accounts/{account}/notices",
        "/v1/media", $"/v1/media/{contact}", $"/v1/media/{contact}/content",
        "/v1/lists", $"/v1/lists/{list}", $"/v1/lists/{list}/contacts?limit=50", "/v1/campaigns", $"/v1/campaigns/{campaign}",
        $"/v1/campaigns/{campaign}/progress", $"/v1/campaigns/{campaign}/events",
        $"/v1/campaigns/{campaign}/recipients?limit=50", $"/v1/campaigns/{campaign}/recipients/{contact}/why",
        "/v1/conversations?limit=50", $"/v1/conversations?contact_id={contact}",
        "/v1/conversations?unread=true", $"/v1/conversations?assigned_to={contact}", "/v1/conversations?tag=none&priority=high",
        "/v1/conversations?unassigned=true&window_open=true&snoozed=false&limit=50",
        $"/v1/conversations/{conversation}/notes", $"/v1/conversations/{conversation}/history", "/v1/teams", $"/v1/teams/{contact}",
        "/v1/canned-replies?shortcut=h", $"/v1/canned-replies/{contact}",
        "/v1/retention/policy", "/v1/retention/holds", $"/v1/retention/holds/{contact}",
        "/v1/ai/settings", "/v1/ai/shadows", $"/v1/ai/shadows/{contact}", $"/v1/ai/shadows/{contact}/items",
        $"/v1/conversations/{conversation}/ai",
        $"/v1/conversations/{conversation}", $"/v1/conversations/{conversation}/messages?limit=50", $"/v1/messages/{message}",
        $"/v1/messages/{message}/history", "/v1/events?limit=50",
        $"/v1/events?stream_id={message}", "/v1/events?types=campaign_launched&limit=50", $"/v1/imports/{import}",
        $"/v1/imports/{import}/rejected", "/v1/accounts", $"/v1/accounts/{account}", "/v1/templates", $"/v1/templates/{template}",
        "/v1/events?form=public&limit=50", "/v1/events?form=public&types=contact.*", "/v1/webhooks", $"/v1/webhooks/{contact}",
        $"/v1/webhooks/{contact}/deliveries",
        $"/v1/templates/{template}/versions", "/v1/users", $"/v1/users/{contact}",
        "/v1/auth/invitations", "/v1/auth/second-factor/policy", "/v1/mail", "/v1/colleagues",
        "/v1/ledger/audits", "/v1/wallet/holds", "/v1/api-keys", $"/v1/api-keys/{contact}",
        "/v1/subscriptions", $"/v1/subscriptions/{contact}",
        "/v1/wallet", "/v1/wallet?as_of=2026-11-30T00:00:00Z", "/v1/transactions?limit=50", "/v1/transactions?category=topup",
        "/v1/transactions?type=refund",
        "/v1/ledger/head", "/v1/ledger/heads", $"/v1/ledger/audits/{contact}", $"/v1/ledger/proof/{contact}",
        "/v1/transactions/export", $"/v1/statements/{DateTime.UtcNow:yyyy-MM}",
        "/v1/campaigns?order=newest", "/v1/transactions?order=newest&limit=50", "/v1/charges?order=newest&limit=50",
        "/v1/transactions?reference_id=pay_1", $"/v1/transactions/{contact}", "/v1/ledger/entries?limit=50", "/v1/charges?limit=50",
        "/v1/charges?outcome=pending", $"/v1/charges?message_id={message}", "/v1/audit-trail?limit=50", "/v1/log/heads", "/v1/me",
        "/v1/presence", "/v1/reconciliations?limit=50", $"/v1/reconciliations/{contact}",
    ];
}
