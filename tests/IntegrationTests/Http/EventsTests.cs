using System.Text.Json;
using Bsp.Application.Common;
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
        var all = await EventsAsync(own.Reader, "");
        var consent = all.Data.First(e => e.GetProperty("stream_id").GetGuid() == first["id"].GetGuid());
        var second = await ContactAsync(own, "+919871600003");
        var next = await EndToEnd.Patience.UntilAsync(() => EventsAsync(own.Reader, $"after={all.NextAfter}"),
            e => e.Data.Count > 0, "it is final");

        page["data"].GetArrayLength().ShouldBe(1);
        all.Data.Count.ShouldBeGreaterThan(0);
        next.Data.ShouldAllBe(e => e.GetProperty("stream_id").GetGuid() == second["id"].GetGuid());
        next.Data.ShouldNotBeEmpty();
        var correlation = consent.GetProperty("correlation_id").GetString()!;
        (await EventsAsync(own.Reader, $"correlation_id={correlation}")).Data.ShouldAllBe(e =>
            e.GetProperty("correlation_id").GetString() == correlation);
        (await EventsAsync(own.Reader, $"types={consent.GetProperty("type").GetString()}")).Data.Count.ShouldBe(2);
        (await EventsAsync(own.Reader, $"stream_id={first["id"].GetGuid()}")).Data.Select(e => e.GetProperty("version").GetInt64())
            .ShouldBe(Enumerable.Range(1, 1).Select(v => (long)v));
        (await EventsAsync(other.Reader, $"stream_id={first["id"].GetGuid()}")).Data.ShouldBeEmpty();
        (await EventsAsync(other.Reader, $"correlation_id={correlation}")).Data.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_audit_trail_in_the_log_is_for_admins_however_one_asks()
    {
        var organization = await app.NewOrganizationAsync();
        var contact = await ContactAsync(organization, "+919871600004");
        (await organization.Admin.SendAsync("PATCH", $"/v1/accounts/{organization.AccountId}",
            new { display_name = "Other" })).Status.ShouldBe(200);
        var ann = await app.NewPersonAsync(organization.Admin, "viewer");
        var end = await ContactAsync(organization, "+919871600005");
        const string Act = "administrative_act_done";

        var admin = (await EndToEnd.Patience.UntilAsync(() => EventsAsync(organization.Admin, "limit=200"), e =>
            e.Data.Any(one => one.GetProperty("stream_id").GetGuid() == end["id"].GetGuid()), "all of it is final")).Data;
        var acts = admin.Where(e => e.GetProperty("type").GetString() == Act).ToList();
        acts.Count.ShouldBeGreaterThan(2);
        (await EventsAsync(organization.Admin, $"types={Act}")).Data.Count.ShouldBe(acts.Count);
        // whose request did nothing else that everybody may see
        var last = acts.Last(e => !e.GetRawText().Contains("contact.created", StringComparison.Ordinal));
        var (stream, correlation) = (last.GetProperty("stream_id").GetGuid(), last.GetProperty("correlation_id").GetString());
        (await EventsAsync(organization.Admin, $"stream_id={stream}")).Data.ShouldNotBeEmpty();
        (await EventsAsync(organization.Admin, $"correlation_id={correlation}")).Data.ShouldNotBeEmpty();

        foreach (var client in new[] { organization.Reader, organization.Writer, ann.Client })
        {
            var seen = (await EventsAsync(client, "limit=200")).Data;
            Ids(seen).ShouldBe(Ids(admin.Where(e => e.GetProperty("type").GetString() != Act)));
            // the page is full although the log begins with acts
            Ids((await EventsAsync(client, "limit=1")).Data).ShouldBe(Ids(seen.Take(1)));
            foreach (var query in new[] { $"types={Act}", $"stream_id={stream}", $"stream_id={stream}&types={Act}",
                $"correlation_id={correlation}" })
            {
                (await EventsAsync(client, query)).Data.ShouldBeEmpty(query);
            }

            Ids((await EventsAsync(client, $"types={Act},{seen[0].GetProperty("type").GetString()}")).Data)
                .ShouldContain(seen[0].GetProperty("id").GetGuid());
            (await EventsAsync(client, $"stream_id={contact["id"].GetGuid()}")).Data.ShouldNotBeEmpty();
        }
    }

    private static List<Guid> Ids(IEnumerable<JsonElement> events) => [.. events.Select(e => e.GetProperty("id").GetGuid())];

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
        (await organization.Reader.SendAsync("GET", $"/v1/campaigns/{Guid.NewGuid()}/events?as_of={asOf}"))
            .ShouldBeProblem(400, "request.as_of");
        (await organization.Reader.SendAsync("GET", $"/v1/messages/{Guid.NewGuid()}/history?as_of={asOf}"))
            .ShouldBeProblem(400, "request.as_of");
    }

    private static async Task<Answer> ContactAsync(TestOrganization organization, string number)
    {
        var contact =
            await organization.Admin.SendAsync("POST", "/v1/contacts",
                new { phone_number = number, first_name = "Asha", consent_status = "OPTED_IN" });
        contact.Status.ShouldBe(201, contact.Text);
        return contact;
    }

    private static async Task<(List<JsonElement> Data, string NextAfter)> EventsAsync(HttpClient client, string query)
    {
        var answer = await client.SendAsync("GET", $"/v1/events?{query}");
        answer.Status.ShouldBe(200, answer.Text);
        return ([.. answer["data"].EnumerateArray()], answer["next_after"].GetString()!);
    }
}
