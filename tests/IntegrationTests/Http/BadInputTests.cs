using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Http;

public sealed class BadInputTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const string Plan = """{"name":"A","code":"a","monthly_price":"1.5","per_message_price":"0.01" """;

    [Theory]
    [InlineData("{", "request.malformed")]
    [InlineData("[]", "request.invalid")]
    [InlineData("\"x\"", "request.invalid")]
    [InlineData("null", "request.body_missing")]
    [InlineData("{}", "request.invalid")]
    [InlineData(Plan + ",\"colour\":\"red\"}", "request.unknown_field", "colour")]
    [InlineData(Plan + ",\"included_messages\":\"many\"}", "request.invalid", "included_messages")]
    [InlineData(Plan + ",\"included_messages\":1.5}", "request.invalid", "included_messages")]
    [InlineData(Plan + ",\"included_messages\":-1}", "request.invalid", "included_messages")]
    [InlineData(Plan + ",\"name\":\"twice\"}", "request.invalid", "name")]
    [InlineData(Plan + ",\"features\":[1]}", "request.invalid", "features")]
    [InlineData(Plan + ",\"description\":\"\\u0000\"}", "request.invalid")]
    [InlineData(Plan + ",\"description\":\"\\ud800\"}", "request.invalid")]
    [InlineData("""{"name":null,"code":"a","monthly_price":"1","per_message_price":"1"}""", "request.invalid", "name")]
    [InlineData("""{"name":"A","code":"a","monthly_price":1.5,"per_message_price":"1"}""", "request.invalid", "monthly_price")]
    [InlineData("""{"name":"A","code":"a","monthly_price":"1.1234567","per_message_price":"1"}""", "request.invalid", "monthly_price")]
    public async Task A_body_of_the_wrong_shape_is_400_with_the_field(string body, string code, string? field = null)
    {
        var answer = await app.Platform.SendAsync("POST", "/v1/plans", body);
        answer.ShouldBeProblem(400, code);
        if (field is not null)
        {
            answer["errors"].TryGetProperty(field, out _).ShouldBeTrue(answer.Text);
        }

        answer.Text.ShouldNotContain("System.");
        answer.Text.ShouldNotContain("Bsp.");
    }

    [Fact]
    public async Task An_empty_body_is_400() =>
        (await app.Platform.SendAsync("POST", "/v1/plans", "")).ShouldBeProblem(400, "request.body_missing");

    [Fact]
    public async Task No_body_at_all_is_400() =>
        (await app.Platform.SendAsync("POST", "/v1/plans")).ShouldBeProblem(400, "request.body_missing");

    [Fact]
    public async Task A_body_over_10_MB_is_413() =>
        (await app.Platform.SendAsync("POST", "/v1/plans", $$"""{"name":"{{new string('x', 11_000_000)}}"}"""))
        .ShouldBeProblem(413, "request.too_large");

    [Fact]
    public async Task A_body_over_10_MB_with_an_idempotency_key_is_413() =>
        (await app.Platform.SendAsync("POST", "/v1/plans", new string('x', 11_000_000), ("Idempotency-Key", "large")))
        .ShouldBeProblem(413, "request.too_large");

    [Fact]
    public async Task Another_content_type_is_415() =>
        (await app.Platform.SendAsync("POST", "/v1/plans", "name=a", ("Content-Type", "application/x-www-form-urlencoded")))
        .ShouldBeProblem(415, "request.content_type");

    [Fact]
    public async Task An_unknown_address_is_404() =>
        (await app.Anonymous.SendAsync("GET", "/v1/nothing")).ShouldBeProblem(404, "route.unknown");

    [Fact]
    public async Task An_id_that_is_none_is_404() =>
        (await app.Platform.SendAsync("GET", "/v1/plans/17")).ShouldBeProblem(404, "route.unknown");

    [Fact]
    public async Task A_method_that_is_not_taken_is_405() =>
        (await app.Platform.SendAsync("DELETE", "/v1/plans")).ShouldBeProblem(405, "request.method");

    [Fact]
    public async Task Nothing_acceptable_is_406() =>
        (await app.Platform.SendAsync("GET", "/v1/plans", null, ("Accept", "image/png"))).ShouldBeProblem(406, "request.not_acceptable");

    [Theory]
    [InlineData("application/json")]
    [InlineData("*/*")]
    [InlineData("text/html, application/*;q=0.5")]
    public async Task What_is_acceptable_is_answered(string accept) =>
        (await app.Platform.SendAsync("GET", "/v1/plans", null, ("Accept", accept))).Status.ShouldBe(200);

    [Theory]
    [InlineData("limit=0", "request.limit")]
    [InlineData("limit=201", "request.limit")]
    [InlineData("limit=x", "request.limit")]
    [InlineData("cursor=", "request.cursor")]
    [InlineData("cursor=abc", "request.cursor")]
    [InlineData("cursor=%00", "request.cursor")]
    public async Task A_page_that_cannot_be_is_400(string query, string code) =>
        (await app.Platform.SendAsync("GET", $"/v1/plans?{query}")).ShouldBeProblem(400, code);

    [Theory]
    [InlineData("3")]
    [InlineData("\"x\"")]
    public async Task An_If_Match_that_is_no_ETag_of_ours_is_400(string etag) =>
        (await app.Platform.SendAsync("PATCH", $"/v1/plans/{Guid.NewGuid()}", "{}", ("If-Match", etag)))
        .ShouldBeProblem(400, "request.if_match");

    [Theory]
    [InlineData("")]
    public async Task An_idempotency_key_of_no_characters_is_400(string key) =>
        (await app.Platform.SendAsync("POST", "/v1/plans", "{}", ("Idempotency-Key", key))).ShouldBeProblem(400, "request.idempotency_key");

    [Fact]
    public async Task An_idempotency_key_of_256_characters_is_400() =>
        (await app.Platform.SendAsync("POST", "/v1/plans", "{}", ("Idempotency-Key", new string('k', 256))))
        .ShouldBeProblem(400, "request.idempotency_key");
}
