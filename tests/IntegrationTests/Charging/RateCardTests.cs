using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Charging;

public sealed class RateCardTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const string Header = "card,effective_from,market,category,tier_from,tier_to,currency,unit_price,markup_rate,markup_fixed\n";
    private static readonly (string, string) Csv = ("Content-Type", "text/csv");

    [Fact]
    public async Task A_card_is_taken_in_whole_and_shown_and_what_it_leaves_out_is_named()
    {
        var code = Code();
        var at = DateTimeOffset.UtcNow.AddDays(40).ToString("yyyy-MM-ddTHH:mm:ss.fffZ", null);
        var created = await app.Platform.SendAsync("POST", "/v1/rate-cards", $"""
            {Header}{code},{at},India,marketing,1,1000,EUR,0.0120,0.125,0
            {code},{at},India,marketing,1001,,EUR,0.0025,0.0186,
            {code},{at},*,utility,1,,EUR,0,0,0
            """, Csv);
        created.Status.ShouldBe(201, created.Text);
        var card = created["cards"][0];
        card.GetProperty("code").GetString().ShouldBe(code);
        card.GetProperty("in_force").GetBoolean().ShouldBeFalse();
        var missing = created["missing"].GetProperty(code).EnumerateArray()
            .Select(m => $"{m.GetProperty("market").GetString()}/{m.GetProperty("category").GetString()}").ToList();
        missing.ShouldContain("Brazil/marketing");
        missing.ShouldContain("India/service");
        missing.ShouldNotContain("India/marketing");
        missing.ShouldNotContain("Brazil/utility");

        var path = $"/v1/rate-cards/{card.GetProperty("id").GetGuid()}";
        var shown = await app.Platform.SendAsync("GET", path);
        shown["rates"].EnumerateArray().Select(r => r.GetProperty("price").GetString()).ShouldBe(["0.000000", "0.013500", "0.002546"]);
        shown["rates"][1].GetProperty("markup_rate").GetString().ShouldBe("0.125000");
        shown["by_fallback"].GetInt32().ShouldBeGreaterThan(40);
        shown["rules"].EnumerateArray()
            .ShouldContain(r =>
                r.GetProperty("category").GetString() == "service" && r.GetProperty("monthly_allowance").GetInt64() == 1_000);
        var organization = await app.NewOrganizationAsync();
        var seen = await organization.Reader.SendAsync("GET", path);
        seen["rates"][1].GetProperty("price").GetString().ShouldBe("0.013500");
        seen["rates"][1].GetProperty("markup_rate").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
        (await organization.Admin.SendAsync("POST", "/v1/rate-cards", Header, Csv)).ShouldBeProblem(403, "access.denied");
        (await app.Platform.SendAsync("GET", $"/v1/rate-cards/{Guid.NewGuid()}")).ShouldBeProblem(404, "rate_card.unknown");

        (await app.Platform.SendAsync("POST", "/v1/rate-cards", $"{Header}{code},{at},India,marketing,1,,INR,1,0,0\n", Csv))
            .ShouldBeProblem(409, "rate_card.exists");
        (await app.Platform.SendAsync("POST", "/v1/rate-cards", $"{Header}{Code()},{at},India,marketing,1,,EUR,1,0,0\n", Csv))
            .ShouldBeProblem(409, "rate_card.moment_taken");
    }

    [Fact]
    public async Task The_demo_cards_are_there_and_the_newest_is_in_force()
    {
        var cards = (await app.Platform.SendAsync("GET", "/v1/rate-cards"))["data"].EnumerateArray()
            .ToDictionary(c => c.GetProperty("code").GetString()!);
        cards["demo-2026-07"].GetProperty("in_force").GetBoolean().ShouldBeFalse();
        cards["demo-2026-10"].GetProperty("in_force").GetBoolean().ShouldBeTrue();
        cards["demo-2026-10"].GetProperty("rules_of").GetString().ShouldBe("demo-2026-10");
    }

    [Theory]
    [InlineData("c1,,India,marketing,1,,USD,-0.01,0,0", "rate_card.amount")]
    [InlineData("c1,,India,marketing,1,,USD,0.1234567,0,0", "rate_card.amount")]
    [InlineData("c1,,India,marketing,1,,USD,NaN,0,0", "rate_card.amount")]
    [InlineData("c1,,India,marketing,1,,USD,1e3,0,0", "rate_card.amount")]
    [InlineData("c1,,Atlantis,marketing,1,,USD,1,0,0", "rate_card.market")]
    [InlineData("c1,,India,holograms,1,,USD,1,0,0", "rate_card.category")]
    [InlineData("c1,,India,marketing,1,,XXX,1,0,0", "rate_card.currency")]
    [InlineData("c1,2026-01-01T00:00:00Z,India,marketing,1,,USD,1,0,0", "rate_card.in_past")]
    [InlineData("c1,soon,India,marketing,1,,USD,1,0,0", "rate_card.moment")]
    [InlineData("c1,,India,marketing,2,,USD,1,0,0", "rate_card.gap")]
    [InlineData("c1,,India,marketing,1,5,USD,1,0,0", "rate_card.gap")]
    [InlineData("c1,,India,marketing,1,5,USD,1,0,0\nc1,,India,marketing,7,,USD,1,0,0", "rate_card.gap")]
    [InlineData("c1,,India,marketing,1,5,USD,1,0,0\nc1,,India,marketing,5,,USD,1,0,0", "rate_card.overlap")]
    [InlineData("c1,,India,marketing,1,,USD,1,0,0\nc2,,India,marketing,1,,USD,1,0,0", "rate_card.overlap")]
    [InlineData("c1,,India,marketing,1,,USD,1,0,0\nc1,,India,marketing,1,,USD,1,0,0", "rate_card.duplicate")]
    [InlineData("c1,,India,marketing,1,,USD,1,0,0\nc1,,India,utility,1,,EUR,1,0,0", "rate_card.mixed")]
    [InlineData("c1,,India,marketing,9,3,USD,1,0,0", "rate_card.tier")]
    [InlineData("c1,,India,marketing,1,,USD,1,0", "rate_card.line")]
    [InlineData("c 1,,India,marketing,1,,USD,1,0,0", "rate_card.code")]
    [InlineData("", "rate_card.empty")]
    public async Task A_file_with_a_bad_line_is_refused_and_leaves_nothing(string lines, string code)
    {
        var before = (await app.Platform.SendAsync("GET", "/v1/rate-cards?limit=200"))["data"].GetArrayLength();
        var refused = await app.Platform.SendAsync("POST", "/v1/rate-cards", Header + lines, Csv);
        refused.ShouldBeProblem(400, code);
        refused["errors"].EnumerateObject().ShouldNotBeEmpty();
        (await app.Platform.SendAsync("GET", "/v1/rate-cards?limit=200"))["data"].GetArrayLength().ShouldBe(before);
    }

    [Fact]
    public async Task Every_bad_line_is_named()
    {
        var refused =
            await app.Platform.SendAsync("POST", "/v1/rate-cards",
                $"{Header}c1,,India,marketing,1,,USD,1,0,0\nc1,,Atlantis,marketing,1,,USD,1,0,0\nc1,,India,utility,1,,USD,x,0,0\n", Csv);
        refused.ShouldBeProblem(400, "rate_card.invalid");
        refused["errors"].EnumerateObject().Select(e => e.Name).ShouldBe(["line 3", "line 4"]);
        (await app.Platform.SendAsync("POST", "/v1/rate-cards", "card,price\na,1\n", Csv)).ShouldBeProblem(400, "rate_card.header");
    }

    [Fact]
    public async Task Of_two_that_bring_the_same_card_at_once_one_succeeds()
    {
        var file = $"{Header}{Code()},{DateTimeOffset.UtcNow.AddDays(50):yyyy-MM-ddTHH:mm:ss.fffZ},India,marketing,1,,GBP,1,0,0\n";
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => app.Platform.SendAsync("POST", "/v1/rate-cards", file, Csv)));
        answers.Count(a => a.Status == 201).ShouldBe(1);
        answers.Where(a => a.Status != 201).ShouldAllBe(a => a.Status == 409);
    }

    [Fact]
    public async Task Rules_come_before_their_card_and_are_no_more_changed()
    {
        var (code, later) = (Code(), Code());
        var rules = $"card,category,pricing_type,charge,monthly_allowance,allowance_scope,assumed_when_missing\n{code},marketing,regular,unit,,,regular\n";
        (await app.Platform.SendAsync("POST", "/v1/rate-cards", rules, Csv)).Status.ShouldBe(201);
        var at = DateTimeOffset.UtcNow.AddDays(60);
        (await app.Platform.SendAsync("POST", "/v1/rate-cards", $"{Header}{code},{at:O},India,marketing,1,,CHF,1,0,0\n",
            Csv)).Status.ShouldBe(201);
        var next = await app.Platform.SendAsync("POST", "/v1/rate-cards",
            $"{Header}{later},{at.AddDays(1):O},India,marketing,1,,CHF,1,0,0\n", Csv);
        var shown = await app.Platform.SendAsync("GET", $"/v1/rate-cards/{next["cards"][0].GetProperty("id").GetGuid()}");
        shown["rules"].GetArrayLength().ShouldBe(1); // as of the card before
        (await app.Platform.SendAsync("POST", "/v1/rate-cards", rules, Csv)).ShouldBeProblem(409, "rate_card.exists");
        (await app.Platform.SendAsync("POST", "/v1/rate-cards", rules.Replace(code, later, StringComparison.Ordinal), Csv))
            .ShouldBeProblem(409, "rate_card.exists");
    }

    private static string Code() => $"t-{Guid.NewGuid():N}"[..20];
}
