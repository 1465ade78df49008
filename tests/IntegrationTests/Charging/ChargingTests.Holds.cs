using System.Globalization;
using System.Text.Json;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Charging;

/// <content>A campaign whose template becomes dearer while it runs: whoever resumes it has the rest set aside at the new price.</content>
public sealed partial class ChargingTests
{
    [Fact]
    public async Task A_template_that_becomes_dearer_pauses_its_campaign_and_whoever_resumes_it_sets_the_rest_aside_anew_once()
    {
        const int people = 300;
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 1);
        await app.TopUpAsync(tenant.Id, 1);
        await tenant.ImportAsync(Tenant.PlainNumbers(people));
        var campaign = await DraftAsync(tenant, tenant.TemplateId);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);
        await tenant.SentAsync(campaign, 1);
        await DearerAsync(tenant);
        var paused = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"),
            c => c["status"].GetString() == "PAUSED", "the campaign is paused");
        paused["pause_reason"].GetString()!.ShouldContain("is MARKETING now, no longer UTILITY");
        (await HoldsAsync(tenant)).ShouldBe([$"hold_placed campaign/{campaign} 0.480000"]); // people × 0.0016

        // Some hundred of 0.0135 are more than one dollar: it stays as it is, and says what is missing.
        var refused = await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/resume");
        refused.ShouldBeProblem(402, "wallet.insufficient");
        decimal.Parse(refused["errors"].GetProperty("missing")[0].GetString()!, CultureInfo.InvariantCulture).ShouldBeInRange(0.5m, 3.06m);
        (await tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"))["status"].GetString().ShouldBe("PAUSED");
        (await HoldsAsync(tenant)).Count(h => h.StartsWith("hold_placed", StringComparison.Ordinal)).ShouldBe(1);

        await app.TopUpAsync(tenant.Id, 9);
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ =>
            tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/resume")));
        answers.ShouldAllBe(a => a.Status == 200);
        var holds = await HoldsAsync(tenant);
        var second = holds.Where(h => h.StartsWith("hold_placed", StringComparison.Ordinal)).Skip(1).ShouldHaveSingleItem();
        second.ShouldStartWith($"hold_placed campaign/{campaign}/1 ");
        var held = decimal.Parse(second.Split(' ')[2], CultureInfo.InvariantCulture);
        (held % I, held).ShouldSatisfyAllConditions(h => h.Item1.ShouldBe(0), h => h.held.ShouldBeInRange(200 * I, people * I));
        holds.Count(h => h.StartsWith($"hold_settled campaign/{campaign} ", StringComparison.Ordinal)).ShouldBe(1);
        (await ReportAsync(tenant)).FirstFault.ShouldBeNull();

        // It ends as any other: everybody is charged once, and nothing stays held.
        (await tenant.Api.SendAsync("PATCH", $"/v1/accounts/{tenant.AccountId}",
            new { messages_per_second_max = 1_000 })).Status.ShouldBe(200);
        await tenant.CompletedAsync(campaign);
        await tenant.ReadAsync(campaign);
        await Patience.UntilAsync(async () => (Seen: await app.SeenAsync(tenant.Id), Charged: await app.ChargedAsync(tenant.Id)),
            s => s.Charged.Debits == people && s.Seen == new Purse.Seen(10 - s.Charged.Charged, 0, 0),
                "all are charged, and nothing is held");
        (await app.ChargedAsync(tenant.Id)).Doubles.ShouldBe(0);
        (await ReportAsync(tenant)).FirstFault.ShouldBeNull();
    }

    // Meta moves the tenant's template to marketing.
    private async Task DearerAsync(Tenant tenant)
    {
        var shown = await tenant.Api.SendAsync("GET", $"/v1/templates/{tenant.TemplateId}");
        (await app.PostWebhookAsync(JsonSerializer.Serialize(new
        {
            @object = "whatsapp_business_account",
            entry = new[] { new { id = tenant.WabaId, time = DateTimeOffset.UtcNow.ToUnixTimeSeconds(), changes = new[] { new
            {
                field = "template_category_update",
                value = new
                {
                    message_template_id = long.Parse(shown["meta_template_id"].GetString()!, CultureInfo.InvariantCulture),
                    message_template_name = shown["name"].GetString(), message_template_language = shown["language"].GetString(),
                    new_category = "MARKETING", previous_category = "UTILITY",
                },
            } } } },
        }))).Status.ShouldBe(200);
    }

    // What was set aside and given back as a whole, in order: type, reference, amount.
    private async Task<List<string>> HoldsAsync(Tenant tenant) => [.. (await app.Views.ScalarAsync("""
        SELECT coalesce(string_agg(concat_ws(' ', type,
            data #>> '{entry,reference_id}', data #>> '{entry,amount}'), ';' ORDER BY seq_id), '')
          FROM mt_events WHERE tenant_id = $1::text AND type IN ('hold_placed', 'hold_settled')
        """, tenant.Id)).Split(';', StringSplitOptions.RemoveEmptyEntries)];
}
