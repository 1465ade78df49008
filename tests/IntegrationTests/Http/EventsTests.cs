using System.Text.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Http;

public sealed class EventsTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task An_auditor_reads_the_organizations_own_log_to_its_end_and_goes_on_later()
    {
        var (own, other) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        var first = await ContactAsync(own, "+919871600001");
        await ContactAsync(other, "+919871600002");

        var page = await own.Reader.SendAsync("GET", "/v1/events?limit=1", null, ("Bsp-Min-Position", first.Header("Bsp-Position")!));
        page.Status.ShouldBe(200, page.Text);
        var all = await EventsAsync(own, "");
        var consent = all.Data.First(e => e.GetProperty("stream_id").GetGuid() == first["id"].GetGuid());
        var second = await ContactAsync(own, "+919871600003");
        var next = await EventsAsync(own, $"after={all.NextAfter}");

        page["data"].GetArrayLength().ShouldBe(1);
        all.Data.Count.ShouldBeGreaterThan(0);
        next.Data.ShouldAllBe(e => e.GetProperty("stream_id").GetGuid() == second["id"].GetGuid());
        next.Data.ShouldNotBeEmpty();
        var correlation = consent.GetProperty("correlation_id").GetString()!;
        (await EventsAsync(own, $"correlation_id={correlation}")).Data.ShouldAllBe(e => e.GetProperty("correlation_id").GetString() == correlation);
        (await EventsAsync(own, $"types={consent.GetProperty("type").GetString()}")).Data.Count.ShouldBe(2);
        (await EventsAsync(own, $"stream_id={first["id"].GetGuid()}")).Data.Select(e => e.GetProperty("version").GetInt64()).ShouldBe(Enumerable.Range(1, 1).Select(v => (long)v));
        (await EventsAsync(other, $"stream_id={first["id"].GetGuid()}")).Data.ShouldBeEmpty();
        (await EventsAsync(other, $"correlation_id={correlation}")).Data.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("after=nonsense", "request.after")]
    [InlineData("types=Campaign-Paused", "request.invalid")]
    [InlineData("types=", "request.invalid")]
    [InlineData("correlation_id=", "request.invalid")]
    [InlineData("limit=0", "request.limit")]
    public async Task What_is_no_question_is_400(string query, string code)
    {
        var organization = await app.NewOrganizationAsync();
        (await organization.Reader.SendAsync("GET", $"/v1/events?{query}")).ShouldBeProblem(400, code);
    }

    [Theory]
    [InlineData("yesterday")]
    [InlineData("2026-01-01T12:00:00")]
    public async Task A_moment_without_meaning_is_400(string asOf)
    {
        var organization = await app.NewOrganizationAsync();
        (await organization.Reader.SendAsync("GET", $"/v1/campaigns/{Guid.NewGuid()}/events?as_of={asOf}")).ShouldBeProblem(400, "request.as_of");
        (await organization.Reader.SendAsync("GET", $"/v1/messages/{Guid.NewGuid()}/history?as_of={asOf}")).ShouldBeProblem(400, "request.as_of");
    }

    private static async Task<Answer> ContactAsync(TestOrganization organization, string number)
    {
        var contact = await organization.Admin.SendAsync("POST", "/v1/contacts", new { phone_number = number, first_name = "Asha", consent_status = "OPTED_IN" });
        contact.Status.ShouldBe(201, contact.Text);
        return contact;
    }

    private static async Task<(List<JsonElement> Data, string NextAfter)> EventsAsync(TestOrganization organization, string query)
    {
        var answer = await organization.Reader.SendAsync("GET", $"/v1/events?{query}");
        answer.Status.ShouldBe(200, answer.Text);
        return ([.. answer["data"].EnumerateArray()], answer["next_after"].GetString()!);
    }
}
