using System.Net.Http.Headers;
using System.Text.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

// What was taken in, as reports tell it over HTTP.
public sealed partial class PhoneMessagesTests
{
    [Fact]
    public async Task Reports_answer_over_time_as_json_and_csv_and_say_up_to_where_they_are_true()
    {
        using var tenant = await app.NewTenantAsync();
        foreach (var (name, n) in new[] { "one", "two", "three" }.Select((name, n) => (name, n)))
        {
            await PostAsync(SignedWebhooks.Envelope(tenant, $$$"""
                "messages":[{"from":"91983300010{{{n}}}","id":"wamid.report.{{{name}}}","timestamp":"{{{At(-3)}}}","type":"text",
                "text":{"body":"{{{name}}}"}}]
                """));
        }

        var today = DateOnly.FromDateTime(DateTime.UtcNow);
        var range = $"from={today.AddDays(-2):yyyy-MM-dd}&to={today.AddDays(1):yyyy-MM-dd}"; // whatever hour and zone it is
        var hours = await Patience.UntilAsync(() =>
            tenant.Api.SendAsync("GET", $"/v1/analytics/messages?interval=hour&zone=Asia/Kolkata&{range}"), answer =>
            answer.Status == 200 && Sum(answer["data"], "received") == 3, "all are counted");
        hours["zone"].GetString().ShouldBe("Asia/Kolkata");
        hours["data"].EnumerateArray().ShouldAllBe(r => r.GetProperty("group").GetString()!.EndsWith(":00:00+05:30"));
        hours["as_of"].GetProperty("position").GetString().ShouldBe(hours.Header("Bsp-As-Of-Position"));
        (hours["as_of"].GetProperty("time").GetDateTimeOffset() - DateTimeOffset.UtcNow).Duration()
            .ShouldBeLessThan(TimeSpan.FromHours(1));
        foreach (var interval in new[] { "day", "week", "month" })
        {
            await Patience.SoonAsync(async () => // days are counted a moment after hours
            {
                var over = await tenant.Api.SendAsync("GET", $"/v1/analytics/messages?interval={interval}&{range}");
                Sum(over["data"], "received").ShouldBe(3, interval);
                (await tenant.Api.SendAsync("GET", $"/v1/analytics/messages?group_by={interval}&{range}"))["data"].GetRawText()
                    .ShouldBe(over["data"].GetRawText());
            });
        }

        foreach (var wrong in new[]
        {
            "messages?interval=hour&group_by=day", "messages?interval=minute", "messages?group_by=each_hour", "funnel?interval=hour",
            "messages?from=2026-02-30", "messages?zone=UTC'%20OR%201=1", "daily?group_by=campaign",
            "messages?from=2020-01-01&to=2026-01-01",
        })
        {
            (await tenant.Api.SendAsync("GET", "/v1/analytics/" + wrong)).Status.ShouldBe(400, wrong);
        }

        (await tenant.Api.SendAsync("GET", "/v1/analytics/messages?zone=Mars/Olympus")).Code.ShouldBe("analytics.zone");

        // What is asked for with a position waits for it, and says so.
        var min = hours.Header("Bsp-As-Of-Position")!;
        using var counted = await GetAsync(tenant, $"messages?interval=day&{range}", "application/json", min);
        ((int)counted.StatusCode).ShouldBe(200);
        counted.Headers.GetValues("Bsp-As-Of-Position").ShouldHaveSingleItem().ShouldNotBeNullOrEmpty();

        using var csv = await GetAsync(tenant, $"messages?interval=day&{range}", "text/csv", null);
        csv.Content.Headers.ContentType!.MediaType.ShouldBe("text/csv");
        csv.Headers.GetValues("Bsp-As-Of").ShouldHaveSingleItem().ShouldEndWith("Z");
        var lines = (await csv.Content.ReadAsStringAsync()).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        lines[0].ShouldBe("group,messages,received,sent,delivered,read,failed");
        lines.Skip(1).Sum(l => int.Parse(l.Split(',')[2], System.Globalization.CultureInfo.InvariantCulture)).ShouldBe(3);
        using var both = await GetAsync(tenant, $"daily?{range}", "text/csv;q=0.5, application/json", null);
        both.Content.Headers.ContentType!.MediaType.ShouldBe("application/json");
        foreach (var report in new[] { "daily", "messages", "funnel", "heatmap", "costs", "templates", "agents", "ai" })
        {
            using var each = await GetAsync(tenant, $"{report}?{range}", "text/csv", null);
            (await each.Content.ReadAsStringAsync()).Split("\r\n")[0].ShouldContain(",", Shouldly.Case.Sensitive, report);
        }
    }

    private static int Sum(JsonElement rows, string field) => rows.EnumerateArray().Sum(r => r.GetProperty(field).GetInt32());

    private static async Task<HttpResponseMessage> GetAsync(Tenant tenant, string question, string accept, string? min)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/analytics/" + question);
        request.Headers.Accept.Clear();
        foreach (var type in accept.Split(", "))
        {
            request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse(type));
        }

        if (min is not null)
        {
            request.Headers.Add("Bsp-Min-Position", min);
        }

        return await tenant.Api.SendAsync(request);
    }
}
