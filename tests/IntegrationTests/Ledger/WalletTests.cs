using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Ledger;

/// <summary>Wallets over HTTP: the platform moves money, the organization and its auditors look.</summary>
public sealed class WalletTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task A_wallet_is_topped_up_refunded_and_corrected_and_its_readers_see_every_link()
    {
        var organization = await app.NewOrganizationAsync();
        var platform = app.Client(AppFixture.PlatformKey, organization.Id);
        (await organization.Reader.SendAsync("GET", "/v1/wallet"))["balance"].GetString().ShouldBe("0.000000");

        var topup = await platform.SendAsync("POST", "/v1/wallet/topups",
            new { amount = "100", currency = "USD", reference = "pay_1", description = "شحن 💳" });
        topup.Status.ShouldBe(201, topup.Text);
        topup.Body.EnumerateObject().Select(p => p.Name).ShouldBe(["id", "organization_id", "type", "amount", "balance_after", "currency",
            "category", "reference_id", "description",
            "metadata", "created_at", "hash", "previous_hash", "sequence"]);
        (topup["type"].GetString(), topup["category"].GetString(), topup["amount"].GetString(), topup["sequence"].GetInt64())
            .ShouldBe(("credit", "topup", "100.000000", 2));
        (await organization.Reader.SendAsync("GET", topup.Header("Location")!)).Text.ShouldBe(topup.Text);

        // The same payment again, without an Idempotency-Key, is the same transaction; another one under its reference is none.
        (await platform.SendAsync("POST", "/v1/wallet/topups", new { amount = "100.00", currency = "USD", reference = "pay_1" }))
            .Text.ShouldBe(topup.Text);
        (await platform.SendAsync("POST", "/v1/wallet/topups", new { amount = "99", currency = "USD", reference = "pay_1" }))
            .ShouldBeProblem(409, "wallet.reference_taken");

        var refund = await platform.SendAsync("POST", "/v1/wallet/refunds",
            new { amount = "30", currency = "USD", reference = "back_1", of = "pay_1" });
        (refund.Status, refund["type"].GetString(), refund["category"].GetString(), refund["balance_after"].GetString())
            .ShouldBe((201, "refund", "refund", "70.000000"), refund.Text);
        (await platform.SendAsync("POST", "/v1/wallet/refunds", new { amount = "50", reference = "back_2", of = topup["id"].GetString() }))
            .Status.ShouldBe(201);
        var third = (await platform.SendAsync("POST", "/v1/wallet/refunds",
            new { amount = "30", currency = "USD", reference = "back_3", of = "pay_1" })).ShouldBeProblem(409, "refund.exceeds");
        third["detail"].GetString()!.ShouldContain("20.000000 USD");
        (await platform.SendAsync("POST", "/v1/wallet/refunds", new { amount = "1", currency = "EUR", reference = "back_4", of = "pay_1" }))
            .ShouldBeProblem(409, "wallet.currency_mismatch");
        (await platform.SendAsync("POST", "/v1/wallet/refunds", new { amount = "1", currency = "USD", reference = "back_5", of = "pay_2" }))
            .ShouldBeProblem(404, "topup.unknown");

        (await platform.SendAsync("POST", "/v1/wallet/adjustments",
            new { amount = "-5.5", currency = "USD", reference = "memo 1" }))["type"].GetString().ShouldBe("debit");
        (await platform.SendAsync("POST", "/v1/wallet/adjustments",
            new { amount = "0.25", currency = "USD", reference = "memo 2" }))["metadata"].GetRawText()
            .ShouldBe("""{"kind":"adjustment"}""");
        (await platform.SendAsync("POST", "/v1/wallet/adjustments", new { amount = "-14.750001", currency = "USD", reference = "memo 3" }))
            .ShouldBeProblem(402, "wallet.insufficient")
            ["detail"].GetString()!.ShouldContain("0.000001 USD");
        (await platform.SendAsync("POST", "/v1/wallet/refunds",
            new { amount = "20", currency = "USD", reference = "back_6", of = "pay_1" })).ShouldBeProblem(402, "wallet.insufficient");

        var wallet = await organization.Reader.SendAsync("GET", "/v1/wallet");
        wallet.Body.EnumerateObject().Select(p => p.Name).ShouldBe(["currency", "balance", "held", "available", "as_of", "position"]);
        (wallet["balance"].GetString(), wallet["available"].GetString()).ShouldBe(("14.750000", "14.750000"));
        var then = await organization.Reader.SendAsync("GET", $"/v1/wallet?as_of={topup["created_at"].GetString()}");
        then["balance"].GetString().ShouldBeOneOf("100.000000", "70.000000"); // two movements may share a millisecond
        (await organization.Reader.SendAsync("GET", "/v1/wallet?as_of=2020-01-01T00:00:00Z"))["balance"].GetString().ShouldBe("0.000000");
        await SeesTheChainAsync(organization, topup);
    }

    private static async Task SeesTheChainAsync(TestOrganization organization, Answer topup)
    {
        async Task<List<string>> IdsAsync(string query) =>
            [.. (await organization.Reader.SendAsync("GET", $"/v1/transactions?{query}"))["data"].EnumerateArray().Select(t =>
                $"{t.GetProperty("type").GetString()} {t.GetProperty("amount").GetString()}")];
        (await IdsAsync("")).ShouldBe(["credit 100.000000", "refund 30.000000", "refund 50.000000", "debit 5.500000", "credit 0.250000"]);
        (await IdsAsync("type=credit")).Count.ShouldBe(2);
        (await IdsAsync("category=topup")).ShouldBe(["credit 100.000000"]);
        (await IdsAsync("reference_id=back_2")).ShouldBe(["refund 50.000000"]);
        (await IdsAsync("reference_id=memo%201&type=debit")).Count.ShouldBe(1);
        (await IdsAsync("from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z")).ShouldBeEmpty();
        (await IdsAsync($"from={topup["created_at"].GetString()}")).Count.ShouldBe(5);
        var first = await organization.Reader.SendAsync("GET", "/v1/transactions?limit=2");
        (await IdsAsync($"limit=2&cursor={first["next_cursor"].GetString()}")).ShouldBe(["refund 50.000000", "debit 5.500000"]);

        var (after, previous, types) = ("", new string('0', 64), new List<string?>());
        for (var more = true; more;)
        {
            var part = await organization.Reader.SendAsync("GET", $"/v1/ledger/entries?limit=4{after}");
            part.Status.ShouldBe(200, part.Text);
            foreach (var entry in part["data"].EnumerateArray())
            {
                entry.GetProperty("previous_hash").GetString().ShouldBe(previous);
                previous = entry.GetProperty("hash").GetString()!;
                types.Add(entry.GetProperty("type").GetString());
            }

            (after, more) = ($"&after={part["next_after"].GetString()}", part["more"].GetBoolean());
        }

        types.ShouldBe(["opening", "credit", "refund", "refund", "debit", "credit"]);
        (await organization.Reader.SendAsync("GET", $"/v1/ledger/entries?{after}"))["data"].GetArrayLength().ShouldBe(0);
    }

    [Theory]
    [InlineData("amount", "-1", "request.amount")]
    [InlineData("amount", "0", "request.amount")]
    [InlineData("amount", "1000000000000", "request.amount")]
    [InlineData("amount", "1.0000001", "request.amount")]
    [InlineData("amount", "NaN", "request.amount")]
    [InlineData("amount", "1e3", "request.amount")]
    [InlineData("amount", "+1", "request.amount")]
    [InlineData("amount", "1,5", "request.amount")]
    [InlineData("amount", null, "request.amount")]
    [InlineData("currency", "usd", "request.currency")]
    [InlineData("currency", "XXX", "request.currency")]
    [InlineData("currency", "", "request.currency")]
    [InlineData("currency", null, "request.currency")]
    [InlineData("reference", "", "request.reference")]
    [InlineData("reference", "  ", "request.reference")]
    [InlineData("reference", null, "request.reference")]
    [InlineData("description", 1001, "request.description")]
    [InlineData("reference", 201, "request.reference")]
    public async Task What_is_no_payment_is_refused_by_name_and_moves_nothing(string field, object? value, string code)
    {
        var platform = app.Client(AppFixture.PlatformKey, (await SharedAsync()).Id);
        var body = new Dictionary<string, object?> { ["amount"] = "1", ["currency"] = "CHF", ["reference"] = "bad",
            [field] = value is int length ? new string('x', length) : value };

        var refused = (await platform.SendAsync("POST", "/v1/wallet/topups", body)).ShouldBeProblem(400, code);

        refused["errors"].EnumerateObject().Select(p => p.Name).ShouldBe([field]);
        (await platform.SendAsync("GET", "/v1/wallet?currency=CHF"))["balance"].GetString().ShouldBe("0.000000");
    }

    [Fact]
    public async Task An_amount_that_is_a_number_is_refused()
    {
        var platform = app.Client(AppFixture.PlatformKey, (await SharedAsync()).Id);
        (await platform.SendAsync("POST", "/v1/wallet/topups", """{"amount":1,"currency":"USD","reference":"bad"}""")).Status.ShouldBe(400);
        (await platform.SendAsync("POST", "/v1/wallet/adjustments", """{"amount":"0","currency":"USD","reference":"bad"}"""))
            .ShouldBeProblem(400, "request.amount");
        (await platform.SendAsync("POST", "/v1/wallet/refunds", """{"amount":"1","currency":"USD","reference":"bad"}"""))
            .ShouldBeProblem(400, "request.reference");
    }

    [Fact]
    public async Task Neither_a_refund_nor_a_correction_takes_an_amount_that_is_none_and_nothing_is_half_done()
    {
        var organization = await app.NewOrganizationAsync();
        var platform = app.Client(AppFixture.PlatformKey, organization.Id);
        (await platform.SendAsync("POST", "/v1/wallet/topups", new { amount = "10", currency = "USD", reference = "paid" })).Status
            .ShouldBe(201);
        foreach (var amount in new[] { "0", "-0", "1000000000000", "1.0000001", "NaN", "Infinity", "1e3", "+1", " 1", "1,5", "0x1", "" })
        {
            (await platform.SendAsync("POST", "/v1/wallet/refunds", new { amount, currency = "USD", reference = "back", of = "paid" }))
                .ShouldBeProblem(400, "request.amount");
            (await platform.SendAsync("POST", "/v1/wallet/adjustments", new { amount, currency = "USD", reference = "memo" }))
                .ShouldBeProblem(400, "request.amount");
        }

        (await platform.SendAsync("POST", "/v1/wallet/refunds", new { amount = "-1", currency = "USD", reference = "back", of = "paid" }))
            .ShouldBeProblem(400, "request.amount");
        (await platform.SendAsync("POST", "/v1/wallet/refunds", new { amount = "1", currency = "XXX", reference = "back", of = "paid" }))
            .ShouldBeProblem(400, "request.currency");
        (await platform.SendAsync("POST", "/v1/wallet/adjustments", new { amount = "999999999999", currency = "USD", reference = "memo" }))
            .ShouldBeProblem(409, "wallet.limit");
        (await organization.Reader.SendAsync("GET", "/v1/wallet"))["balance"].GetString().ShouldBe("10.000000");
        (await organization.Reader.SendAsync("GET", "/v1/transactions"))["data"].GetArrayLength().ShouldBe(1);
        (await platform.SendAsync("POST", "/v1/wallet/refunds", new { amount = "1", currency = "USD", reference = "back", of = "paid" }))
            .Status.ShouldBe(201, "the reference was not used up");
    }

    [Theory]
    [InlineData("/v1/transactions?type=gift", "request.invalid")]
    [InlineData("/v1/transactions?category=beer", "request.invalid")]
    [InlineData("/v1/transactions?from=yesterday", "request.invalid")]
    [InlineData("/v1/ledger/entries?after=x", "request.after")]
    [InlineData("/v1/ledger/entries?after=0198c0de-0000-7000-8000-00000000000a", "request.after")]
    [InlineData("/v1/ledger/entries?after=ffffffff-ffff-7fff-bfff-ffffffffffff", "request.after")]
    [InlineData("/v1/wallet?as_of=yesterday", "request.as_of")]
    [InlineData("/v1/wallet?currency=dollars", "request.currency")]
    public async Task A_question_that_makes_no_sense_is_refused_by_name(string path, string code) =>
        (await (await SharedAsync()).Reader.SendAsync("GET", path)).ShouldBeProblem(400, code);

    [Fact]
    public async Task Nobody_mints_their_own_money_and_a_neighbour_finds_nothing()
    {
        var (organization, neighbour) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        var body = new { amount = "1", currency = "USD", reference = "mine", of = "mine" };
        foreach (var route in new[] { "topups", "refunds", "adjustments" })
        {
            (await organization.Admin.SendAsync("POST", $"/v1/wallet/{route}", body)).ShouldBeProblem(403, "access.denied");
        }

        var topup = await app.Client(AppFixture.PlatformKey, organization.Id)
            .SendAsync("POST", "/v1/wallet/topups", new { amount = "1", currency = "USD", reference = "theirs" });

        (await neighbour.Admin.SendAsync("GET", topup.Header("Location")!)).ShouldBeProblem(404, "transaction.unknown");
        (await neighbour.Admin.SendAsync("GET", $"/v1/ledger/entries?after={topup["id"].GetString()}"))
            .ShouldBeProblem(400, "request.after");
        (await app.Client(AppFixture.PlatformKey, neighbour.Id)
            .SendAsync("POST", "/v1/wallet/refunds", new { amount = "1", reference = "r", of = topup["id"].GetString() }))
            .ShouldBeProblem(404, "topup.unknown");
        (await neighbour.Admin.SendAsync("GET", "/v1/transactions"))["data"].GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task One_payment_told_many_times_at_once_is_one_transaction_and_refunds_that_race_do_not_exceed_it()
    {
        var organization = await app.NewOrganizationAsync();
        var platform = app.Client(AppFixture.PlatformKey, organization.Id);
        var told = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ =>
            platform.SendAsync("POST", "/v1/wallet/topups", new { amount = "100", currency = "USD", reference = "pay_1" })));
        told.Select(answer => (answer.Status, Id: answer["id"].GetString())).Distinct().ShouldHaveSingleItem().Status.ShouldBe(201);

        var back = await Task.WhenAll(Enumerable.Range(0, 8).Select(i =>
            platform.SendAsync("POST", "/v1/wallet/refunds",
                new { amount = "30", currency = "USD", reference = $"back_{i}", of = "pay_1" })));

        back.Count(answer => answer.Status == 201).ShouldBe(3);
        back.Where(answer => answer.Status != 201).ShouldAllBe(answer =>
            answer.Code == "refund.exceeds" || answer.Code == "wallet.insufficient");
        (await organization.Reader.SendAsync("GET", "/v1/wallet"))["balance"].GetString().ShouldBe("10.000000");
    }

    [Fact]
    public async Task A_repeat_under_an_Idempotency_Key_is_replayed_and_another_body_refused()
    {
        var platform = app.Client(AppFixture.PlatformKey, (await app.NewOrganizationAsync()).Id);
        var key = ("Idempotency-Key", $"{Guid.NewGuid()}");
        var first = await platform.SendAsync("POST", "/v1/wallet/topups", new { amount = "1", currency = "USD", reference = "p" }, key);
        var again = await platform.SendAsync("POST", "/v1/wallet/topups", new { amount = "1", currency = "USD", reference = "p" }, key);

        (again.Status, again.Text, again.Header("Idempotency-Replayed")).ShouldBe((201, first.Text, "true"));
        (await platform.SendAsync("POST", "/v1/wallet/topups", new { amount = "2", currency = "USD", reference = "p" }, key))
            .ShouldBeProblem(422, "idempotency.other_body");
    }

    [Fact]
    public async Task A_low_balance_is_in_the_organizations_log_and_the_act_on_its_trail()
    {
        var organization = await app.NewOrganizationAsync();
        var platform = app.Client(AppFixture.PlatformKey, organization.Id);
        var low = new { settings = new { low_balance = new { USD = "5.000000" } } };
        (await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}", low)).Status.ShouldBe(200);
        (await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}", """{"settings":{"low_balance":{"USD":5}}}"""))
            .ShouldBeProblem(400, "request.invalid");
        (await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}",
            """{"settings":{"low_balance":{"XXX":"5"}}}""")).ShouldBeProblem(400, "request.invalid");
        await platform.SendAsync("POST", "/v1/wallet/topups", new { amount = "10", currency = "USD", reference = "p" });

        await platform.SendAsync("POST", "/v1/wallet/adjustments", new { amount = "-6", currency = "USD", reference = "m" });

        var told = (await Patience.UntilAsync(() => organization.Admin.SendAsync("GET", "/v1/events?types=wallet_low"),
            e => e["data"].GetArrayLength() > 0, "it is told"))["data"].EnumerateArray().ShouldHaveSingleItem();
        told.GetProperty("data").GetProperty("balance").GetString().ShouldBe("4.000000");
        var acts = (await organization.Admin.SendAsync("GET", "/v1/audit-trail"))["data"].EnumerateArray().Select(a =>
            a.GetProperty("type").GetString()).ToList();
        (await Patience.UntilAsync(() => organization.Admin.SendAsync("GET", "/v1/events?form=public&types=wallet.low"),
            e => e["data"].GetArrayLength() > 0, "it is told in public"))["data"].EnumerateArray()
                .ShouldHaveSingleItem().GetProperty("data").GetProperty("threshold").GetString().ShouldBe("5.000000");
        acts.ShouldContain("wallet.topped_up");
        acts.ShouldContain("wallet.adjusted");
    }

    private static TestOrganization? shared;

    private async Task<TestOrganization> SharedAsync() => shared ??= await app.NewOrganizationAsync();
}
