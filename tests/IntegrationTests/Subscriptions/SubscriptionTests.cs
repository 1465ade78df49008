using Bsp.Application.Common;
using Bsp.Application.Subscriptions;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Sharding;
using Bsp.Infrastructure.Subscriptions;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Subscriptions;

/// <summary>Plans, subscriptions and what they allow, over HTTP.</summary>
public sealed class SubscriptionTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_subscription_lives()
    {
        var organization = await app.NewOrganizationAsync();
        var (start, pro) = (await PlanAsync("30", features: new { inbox = true }), await PlanAsync("90"));
        (await organization.Admin.SendAsync("POST", "/v1/subscriptions", new { plan_id = start }))
            .ShouldBeProblem(402, "wallet.insufficient").Text.ShouldContain("30.000000 USD");
        (await organization.Admin.SendAsync("GET", "/v1/subscriptions"))["data"].GetArrayLength().ShouldBe(0);

        await TopUpAsync(organization.Id, 200m);
        var created =
            await organization.Admin.SendAsync("POST", "/v1/subscriptions",
                new { plan_id = start, payment_method = new { type = "card", token = "pm_1", last4 = "4242" }, trial_days = 0 });
        created.Status.ShouldBe(201, created.Text);
        (created["status"].GetString(), created["status_exact"].GetString(), created["plan_id"].GetGuid(), created["organization_id"]
            .GetGuid()).ShouldBe(("active", "active", start, organization.Id));
        created["plan"].GetProperty("monthly_price").GetString().ShouldBe("30.000000");
        created["payment_method"].GetProperty("token").GetString().ShouldBe("pm_1");
        var (from, until) = (created["started_at"].GetDateTimeOffset(), created["expires_at"].GetDateTimeOffset());
        until.ShouldBe(from.AddMonths(1));
        var path = created.Header("Location")!;
        (await organization.Reader.SendAsync("GET", path)).Text.ShouldBe(created.Text);
        (await organization.Admin.SendAsync("POST", "/v1/subscriptions", new { plan_id = pro }))
            .ShouldBeProblem(409, "subscription.exists");
        (await organization.Writer.SendAsync("POST", "/v1/subscriptions", new { plan_id = pro })).ShouldBeProblem(403, "access.denied");

        (await app.Platform.SendAsync("PATCH", $"/v1/plans/{start}", """{"monthly_price":"31"}""")).Status.ShouldBe(200);
        (await organization.Admin.SendAsync("GET", path))["plan"].GetProperty("monthly_price").GetString()
            .ShouldBe("30.000000", "as it was bought");
        (await organization.Admin.SendAsync("POST", path + "/change", new { plan_id = pro }, ("If-Match", "\"77\"")))
            .ShouldBeProblem(412, "version.mismatch");
        var changed =
            await organization.Admin.SendAsync("POST", path + "/change", new { plan_id = pro }, ("If-Match", created.Header("ETag")!));
        changed.Status.ShouldBe(200, changed.Text);
        changed["plan_id"].GetGuid().ShouldBe(pro);
        var entries = await EntriesAsync(organization.Id);
        entries.Select(e => e.Type).ShouldBe(["debit", "credit", "debit"]);
        (entries[0].Amount, entries[1].Amount <= 30m, entries[2].Amount <= 90m).ShouldBe((30m, true, true));
        (await organization.Admin.SendAsync("POST", path + "/change", new { plan_id = pro })).Status.ShouldBe(200);
        (await EntriesAsync(organization.Id)).Count.ShouldBe(3, "the same plan again is no change");

        var ending = await organization.Admin.SendAsync("POST", path + "/cancel");
        (ending["status"].GetString(), ending["cancel_at"].GetDateTimeOffset()).ShouldBe(("active", until));
        (await organization.Admin.SendAsync("POST",
            path + "/revoke-cancellation"))["cancel_at"].ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
        (await organization.Admin.SendAsync("POST", path + "/cancel", new { at = "tomorrow" })).ShouldBeProblem(400, "request.invalid");
        var ended = await organization.Admin.SendAsync("POST", path + "/cancel", new { at = "now" });
        (ended["status"].GetString(), ended["status_exact"].GetString()).ShouldBe(("cancelled", "cancelled"));
        (await organization.Admin.SendAsync("POST", path + "/cancel", new { at = "now" })).Status.ShouldBe(200, "ended is ended");
        (await organization.Admin.SendAsync("POST", path + "/change", new { plan_id = start })).ShouldBeProblem(409, "subscription.ended");
        (await organization.Admin.SendAsync("POST", "/v1/subscriptions", new { plan_id = start })).Status.ShouldBe(201);
        (await organization.Admin.SendAsync("GET", "/v1/subscriptions?status=cancelled"))["data"].GetArrayLength().ShouldBe(1);
        (await organization.Admin.SendAsync("GET", "/v1/audit-trail?limit=50")).Text.ShouldContain("subscription.changed");
    }

    [Fact]
    public async Task A_repeat_under_its_key_takes_one_plan()
    {
        var organization = await app.NewOrganizationAsync();
        await TopUpAsync(organization.Id, 100m);
        var plan = await PlanAsync("30");
        var answers =
            await Task.WhenAll(Enumerable.Range(0, 8)
                .Select(_ =>
                    organization.Admin.SendAsync("POST", "/v1/subscriptions", new { plan_id = plan }, ("Idempotency-Key", "once"))));
        answers.Count(a => a.Status == 201).ShouldBeGreaterThan(0);
        answers.Where(a => a.Status != 201).ShouldAllBe(a => a.Code == "idempotency.in_flight");
        answers.Where(a => a.Status == 201).Select(a => a["id"].GetGuid()).Distinct().Count().ShouldBe(1);
        (await EntriesAsync(organization.Id)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task What_is_not_well_formed_is_refused_with_what_to_do()
    {
        var organization = await app.NewOrganizationAsync();
        await TopUpAsync(organization.Id, 100m);
        var plan = await PlanAsync("10", features: new { trial_days = 7 });
        foreach (var (body, status, code) in new (object, int, string)[]
                 {
                     (new { plan_id = Guid.NewGuid() }, 404, "plan.unknown"), (new { plan_id = Guid.Empty }, 400, "request.invalid"),
                         (new { plan_id = plan, trial_days = -1 }, 400, "request.invalid"),
                     (new { plan_id = plan, trial_days = 366 }, 400, "request.invalid"),
                     (new { plan_id = plan, trial_days = 8 }, 409, "subscription.trial_too_long"),
                     (new { plan_id = plan, payment_method = new { card = new { number = "4242 4242 4242 4242" } } }, 400,
                         "payment_method.card_number"),
                     (new { plan_id = plan, payment_method = new { note = new string('x', 5_000) } }, 400, "request.invalid"),
                     (new { plan_id = plan, payment_method = "card" }, 400, "request.invalid"),
                     (new { plan_id = plan, price = "1" }, 400, "request.unknown_field"), ("{}", 400, "request.invalid"),
                 })
        {
            (await organization.Admin.SendAsync("POST", "/v1/subscriptions", body)).ShouldBeProblem(status, code);
        }

        (await organization.Admin.SendAsync("POST", $"/v1/subscriptions/{Guid.NewGuid()}/change", new { plan_id = plan }))
            .ShouldBeProblem(404, "subscription.unknown");
        (await organization.Admin.SendAsync("POST", $"/v1/subscriptions/{organization.AccountId}/cancel"))
            .ShouldBeProblem(404, "subscription.unknown");
        (await app.Client(AppFixture.PlatformKey, organization.Id).SendAsync("POST", $"/v1/subscriptions/{Guid.NewGuid()}/suspend"))
            .ShouldBeProblem(404, "subscription.unknown");
        (await EntriesAsync(organization.Id)).ShouldBeEmpty();

        var trial = await organization.Admin.SendAsync("POST", "/v1/subscriptions", new { plan_id = plan, trial_days = 7 });
        (trial["status"].GetString(), trial["status_exact"].GetString(), trial["trial_until"].GetDateTimeOffset() - trial["started_at"]
            .GetDateTimeOffset()).ShouldBe(("active", "trial", TimeSpan.FromDays(7)));
        (await EntriesAsync(organization.Id)).ShouldBeEmpty();
        await organization.Admin.SendAsync("POST", $"/v1/subscriptions/{trial["id"].GetGuid()}/cancel", new { at = "now" });
        (await organization.Admin.SendAsync("POST", "/v1/subscriptions", new { plan_id = plan, trial_days = 7 }))
            .ShouldBeProblem(409, "subscription.trial_used");
        (await app.Client(AppFixture.PlatformKey, organization.Id)
            .SendAsync("POST", "/v1/subscriptions", new { plan_id = plan, trial_days = 90 })).Status.ShouldBe(201);
    }

    [Fact]
    public async Task A_plan_in_use_stays_one_that_nobody_had_goes_and_one_off_sale_takes_nobody_new()
    {
        var organization = await app.NewOrganizationAsync();
        await TopUpAsync(organization.Id, 100m);
        var (used, unused, off) = (await PlanAsync("1"), await PlanAsync("1"), await PlanAsync("1"));
        (await app.Platform.SendAsync("PATCH", $"/v1/plans/{off}", """{"status":"inactive"}""")).Status.ShouldBe(200);
        (await organization.Admin.SendAsync("POST", "/v1/subscriptions", new { plan_id = off })).ShouldBeProblem(409, "plan.inactive");
        (await organization.Admin.SendAsync("POST", "/v1/subscriptions", new { plan_id = used })).Status.ShouldBe(201);
        (await app.Platform.SendAsync("DELETE", $"/v1/plans/{used}")).ShouldBeProblem(409, "plan.in_use");
        (await app.Platform.SendAsync("GET", $"/v1/plans/{used}"))["status"].GetString().ShouldBe("active", "nothing half-done");
        (await app.Platform.SendAsync("DELETE", $"/v1/plans/{unused}")).Status.ShouldBe(204);
        (await app.Platform.SendAsync("DELETE", $"/v1/plans/{unused}")).ShouldBeProblem(404, "plan.unknown");
        (await app.Platform.SendAsync("POST", "/v1/plans",
            new { name = "Bad", code = $"bad-{Guid.NewGuid():N}", monthly_price = "1", per_message_price = "0",
                features = new { numbers = "two", ai = 3 } }))
            .ShouldBeProblem(400, "request.invalid").Body.GetProperty("errors").EnumerateObject().Select(e => e.Name)
            .ShouldBe(["features.numbers", "features.ai"], ignoreOrder: true);

        // A plan that is taken while it is deleted: one of the two happens.
        var contested = await PlanAsync("1");
        var other = await app.NewOrganizationAsync();
        await TopUpAsync(other.Id, 10m);
        var (taken, deleted) =
            (other.Admin.SendAsync("POST", "/v1/subscriptions", new { plan_id = contested }),
                app.Platform.SendAsync("DELETE", $"/v1/plans/{contested}"));
        ((await taken).Status, (await deleted).Status).ShouldBeOneOf((201, 409), (404, 204));
    }

    [Fact]
    public async Task What_a_plan_limits_is_exact_when_many_ask_at_once_and_the_refusal_names_who_has_more()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(["+919871600101"]);
        await TopUpAsync(tenant.Id, 100m);
        var limited =
            await PlanAsync("1", features: new { users = 3, numbers = 1, campaigns_per_month = 2, ai = false }, currency: "EUR",
                name: "Little");
        await TopUpAsync(tenant.Id, 100m, "EUR");
        await PlanAsync("9", features: new { users = 10, numbers = true }, currency: "EUR", name: "Roomy");
        (await tenant.Api.SendAsync("POST", "/v1/subscriptions", new { plan_id = limited })).Status.ShouldBe(201);
        var people =
            await Task.WhenAll(Enumerable.Range(0, 8)
                .Select(_ => tenant.Api.SendAsync("POST", "/v1/users", new { email = People.NewEmail(), role = "agent" })));
        people.Count(p => p.Status == 201).ShouldBe(3);
        people.Where(p => p.Status != 201)
            .ShouldAllBe(p => p.Status == 402 && p.Code == "plan.limit_reached" && p["detail"].GetString()!.Contains("Roomy allows 10"));

        (await tenant.Api.SendAsync("POST", "/v1/accounts",
            new { phone_number_id = "177700011122", phone_number = "+15557770001", display_name = "Second", meta_waba_id = "2777",
                credentials = new { access_token = "EAA-x" } }))
            .ShouldBeProblem(402, "plan.limit_reached").Text.ShouldContain("Roomy has no limit");
        var campaigns = new List<Guid>();
        for (var i = 0; i < 4; i++)
        {
            campaigns.Add((await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns", new
            {
                name = $"News {i}", type = "BROADCAST", template_id = tenant.TemplateId, account_id = tenant.AccountId,
                    audience_segment = new { all = true }, metadata = new { template_parameters = new { body = new[] { "you" } } },
            })).GetProperty("id").GetGuid());
        }

        var launched = await Task.WhenAll(campaigns.Select(c => tenant.Api.SendAsync("POST", $"/v1/campaigns/{c}/launch")));
        launched.Select(l => l.Status).Order().ToArray().ShouldBe([200, 200, 402, 402], string.Join('\n', launched.Select(l => l.Text)));
        launched.Where(l => l.Status == 402).ShouldAllBe(l => l.Code == "plan.limit_reached");
        (await Should.ThrowAsync<Refusal>(app.Services.GetRequiredService<Application.Plans.IEntitlements>()
            .RequireAsync(tenant.Id, Domain.Plans.PlanFeatures.Ai, Ct))).ShouldSatisfyAllConditions(
            r => r.Code.ShouldBe("plan.feature_missing"), r => r.Message.ShouldContain("Roomy has it"));
        (await tenant.Api.SendAsync("POST",
            $"/v1/subscriptions/{(await tenant.Api.SendAsync("GET", "/v1/subscriptions"))["data"][0].GetProperty("id").GetGuid()}/change",
            new { plan_id = await PlanAsync("1", features: new { users = 2 }, currency: "EUR") }))
            .ShouldBeProblem(409, "subscription.plan_too_small");
    }

    [Fact]
    public async Task A_suspended_subscription_sends_nothing_new_and_says_so_everywhere_with_one_code()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(["+919871600201"]);
        await TopUpAsync(tenant.Id, 100m);
        var created = await tenant.Api.SendAsync("POST", "/v1/subscriptions", new { plan_id = await PlanAsync("1") });
        var platform = app.Client(AppFixture.PlatformKey, tenant.Id);
        var stopped = await platform.SendAsync("POST", $"{created.Header("Location")}/suspend");
        (stopped["status"].GetString(), stopped["suspended_reason"].GetString()).ShouldBe(("suspended", "platform"));
        (await tenant.Api.SendAsync("POST", $"{created.Header("Location")}/reactivate")).ShouldBeProblem(403, "access.denied");
        var message =
            new { account_id = tenant.AccountId, to = "+919871600201", type = "template",
                template = new { name = "order_on_its_way", language = new { code = "en" },
                    components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } } };
        (await tenant.Api.SendAsync("POST", "/v1/messages", message)).ShouldBeProblem(402, "subscription.suspended");
        var campaign = (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns", new
        {
            name = "News", type = "BROADCAST", template_id = tenant.TemplateId, account_id = tenant.AccountId,
                audience_segment = new { all = true }, metadata = new { template_parameters = new { body = new[] { "you" } } },
        })).GetProperty("id").GetGuid();
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).ShouldBeProblem(402, "subscription.suspended");
        (await platform.SendAsync("POST", $"{created.Header("Location")}/reactivate"))["status"].GetString().ShouldBe("active");
        (await tenant.Api.SendAsync("POST", "/v1/messages", message)).Status.ShouldBe(201);
    }

    [Fact]
    public async Task Without_a_subscription_a_setting_decides_and_by_itself_nobody_is_stopped()
    {
        var organization = await app.NewOrganizationAsync();
        await app.Services.GetRequiredService<ISubscriptionGate>().RequireMaySendAsync(organization.Id, Ct);
        var strict =
            new SubscriptionGate(app.Services.GetRequiredService<Shards>(),
                app.Services.GetRequiredService<BspOptions>() with { SubscriptionRequired = true });
        (await Should.ThrowAsync<Refusal>(strict.RequireMaySendAsync(organization.Id, Ct))).Code.ShouldBe("subscription.missing");
        Api.Common.Problems.StatusOf("subscription.missing").ShouldBe(402);
    }

    [Fact]
    public async Task Another_organizations_subscription_is_unknown_by_any_route()
    {
        var (one, other) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        await TopUpAsync(one.Id, 10m);
        var plan = await PlanAsync("1");
        var path = (await one.Admin.SendAsync("POST", "/v1/subscriptions", new { plan_id = plan })).Header("Location")!;
        foreach (var (method, act) in new[] { ("GET", ""), ("POST", "/cancel"), ("POST", "/change"), ("POST", "/revoke-cancellation") })
        {
            (await other.Admin.SendAsync(method, path + act, act == "/change" ? new { plan_id = plan } : null))
                .ShouldBeProblem(404, "subscription.unknown");
        }
    }

    private async Task<Guid> PlanAsync(string price, object? features = null, string currency = "USD", string name = "Plan") =>
        (await AppFixture.CreatedAsync(app.Platform, "/v1/plans", new
    {
        name, code = $"plan-{Guid.NewGuid():N}", monthly_price = price, per_message_price = "0.012", included_messages = 1_000,
            features = features ?? new { }, currency,
    })).GetProperty("id").GetGuid();

    private async Task TopUpAsync(Guid organization, decimal amount, string currency = "USD")
    {
        var shard = await app.Services.GetRequiredService<Shards>().OfAsync(organization, Ct);
        await using var tx = await shard.BeginAsync(organization, Ct);
        await app.Services.GetRequiredService<LedgerWriter>()
            .PostAsync(tx, shard, organization, currency, [new Credit(amount, EntryCategories.Topup, new(Uuid.New(), "topup"), "pay")], Ct);
        await tx.CommitAsync(Ct);
    }

    private async Task<List<(string Type, decimal Amount)>> EntriesAsync(Guid organization)
    {
        await using var command =
            app.Admin.CreateCommand(
                "SELECT type, amount FROM transactions WHERE organization_id = $1 AND category = 'subscription' ORDER BY id");
        command.Parameters.Add(new() { Value = organization });
        await using var reader = await command.ExecuteReaderAsync(Ct);
        var entries = new List<(string, decimal)>();
        while (await reader.ReadAsync(Ct))
        {
            entries.Add((reader.GetString(0), reader.GetDecimal(1)));
        }

        return entries;
    }
}
