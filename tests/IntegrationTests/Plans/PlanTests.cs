using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Plans;

public sealed class PlanTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task A_plan_lives()
    {
        var code = $"plan-{Guid.NewGuid():N}";
        var created =
            await app.Platform.SendAsync("POST", "/v1/plans",
                new { name = "Start", code, monthly_price = "49", per_message_price = "0.012345", included_messages = 1000,
                    features = new { inbox = true } });
        created.Status.ShouldBe(201, created.Text);
        created["monthly_price"].GetString().ShouldBe("49.000000");
        created["per_message_price"].GetString().ShouldBe("0.012345");
        created["currency"].GetString().ShouldBe("USD");
        created["created_at"].GetString()!.ShouldMatch(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$");
        var path = created.Header("Location")!;
        var patched =
            await app.Platform.SendAsync("PATCH", path, """{"monthly_price":"59.5","status":"inactive","features":{"api":true}}""",
                ("If-Match", created.Header("ETag")!));
        patched["monthly_price"].GetString().ShouldBe("59.500000");
        patched["features"].GetRawText().ShouldBe("""{"api":true,"inbox":true}""");
        (await app.Platform.SendAsync("POST", "/v1/plans", new { name = "Start", code, monthly_price = "49", per_message_price = "0" }))
            .ShouldBeProblem(409, "plan.code_taken");
        (await app.Platform.SendAsync("PATCH", $"/v1/plans/{Guid.NewGuid()}", """{"name":"x"}""")).ShouldBeProblem(404, "plan.unknown");

        var organization = await app.NewOrganizationAsync();
        (await organization.Reader.SendAsync("GET", path)).Text.ShouldBe(patched.Text);
        (await organization.Admin.SendAsync("PATCH", path, "{}")).ShouldBeProblem(403, "access.denied");
    }

    [Theory]
    [InlineData("monthly_price", "-1")]
    [InlineData("monthly_price", "NaN")]
    [InlineData("monthly_price", "1e3")]
    [InlineData("monthly_price", "0.0000001")]
    [InlineData("monthly_price", "1000000000000")]
    [InlineData("per_message_price", "-0.01")]
    [InlineData("per_message_price", "0,01")]
    [InlineData("included_messages", -1)]
    [InlineData("currency", "XXX")]
    [InlineData("currency", "usd")]
    public async Task What_is_no_price_is_refused_by_name_and_leaves_no_plan(string field, object value)
    {
        var code = $"bad-{Guid.NewGuid():N}";
        var body = new Dictionary<string, object> { ["name"] = "Bad", ["code"] = code, ["monthly_price"] = "1", ["per_message_price"] = "0",
            [field] = value };

        var refused = await app.Platform.SendAsync("POST", "/v1/plans", body);

        refused.Status.ShouldBe(400, refused.Text);
        refused["errors"].EnumerateObject().Select(e => e.Name).ShouldBe([field]);
        (await app.Platform.SendAsync("GET", "/v1/plans?limit=200")).Text.ShouldNotContain(code);
    }
}
