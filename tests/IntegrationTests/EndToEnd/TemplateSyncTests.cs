using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Templates here and at Meta, laid beside each other and repaired both ways.</summary>
public sealed class TemplateSyncTests(TenantApp app) : IClassFixture<TenantApp>
{
    [Fact]
    public async Task What_Meta_has_is_taken_over_what_it_has_no_more_is_a_draft_again_and_a_second_look_changes_nothing()
    {
        using var tenant = await app.NewTenantAsync();
        var kept = await tenant.NewTemplateAsync("kept_here", new { body = new { text = "It stays." } });
        var lost = await tenant.NewTemplateAsync("lost_there", new { body = new { text = "It goes." } });
        using var meta = new HttpClient { BaseAddress = app.Meta.BaseUrl };
        meta.DefaultRequestHeaders.Authorization = new("Bearer", "EAA-" + tenant.WabaId[1..]);
        for (var i = 0; i < 230; i++) // more than one of Meta's pages
        {
            using var made = await meta.PostAsJsonAsync($"/v25.0/{tenant.WabaId}/message_templates", new
            {
                name = $"foreign_{i}", language = i % 2 == 0 ? "en" : "ar", category = "UTILITY",
                components = new[] { new { type = "BODY", text = $"From elsewhere, number {i}." } },
            });
            if (!made.IsSuccessStatusCode)
            {
                app.Meta.State.Options = app.Meta.State.Options with { TemplateCreatesPerHourMax = 10_000 };
                i--;
            }
        }

        using var gone = await meta.DeleteAsync($"/v25.0/{tenant.WabaId}/message_templates?name=lost_there");
        gone.EnsureSuccessStatusCode();
        var synced = await tenant.Api.SendAsync("POST", "/v1/templates/sync", new { account_id = tenant.AccountId });
        synced.Status.ShouldBe(200, synced.Text);
        (synced["imported"].GetInt32(), synced["missing"].GetInt32()).ShouldBe((230, 1), synced.Text);
        var all = await tenant.AllAsync("/v1/templates");
        all.Count(t => t.GetProperty("name").GetString()!.StartsWith("foreign_", StringComparison.Ordinal)).ShouldBe(230);
        (await tenant.Api.SendAsync("GET", $"/v1/templates/{kept}"))["status"].GetString().ShouldBe("APPROVED");
        var draft = await tenant.Api.SendAsync("GET", $"/v1/templates/{lost}");
        (draft["status"].GetString(), draft["meta_template_id"].ValueKind).ShouldBe(("DRAFT", JsonValueKind.Null));
        var again = await tenant.Api.SendAsync("POST", "/v1/templates/sync", new { account_id = tenant.AccountId });
        (again["imported"].GetInt32(), again["missing"].GetInt32()).ShouldBe((0, 0), again.Text);
        // Meta keeps a deleted name for itself for a month, and says so; the draft stays.
        (await tenant.Api.SendAsync("POST", $"/v1/templates/{lost}/submit")).ShouldBeProblem(502, "meta.refused");
        (await tenant.Api.SendAsync("GET", $"/v1/templates/{lost}/versions"))["data"].EnumerateArray()
            .Select(v => v.GetProperty("type").GetString()).ShouldContain("template_status_changed");
        (await tenant.Api.SendAsync("POST", "/v1/templates/sync", new { account_id = Guid.NewGuid() }))
            .ShouldBeProblem(404, "account.unknown");
    }

    [Fact]
    public async Task The_sample_of_a_header_is_a_file_of_ours_and_Meta_gets_its_handle()
    {
        byte[] png = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, .. RandomNumberGenerator.GetBytes(5_000)];
        using var form = new MultipartFormDataContent { { new ByteArrayContent(png), "file", "sample.png" } };
        using var uploaded = await app.Tenant.Api.PostAsync("/v1/media", form);
        var file = JsonDocument.Parse(await uploaded.Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetGuid();
        var template = await app.Tenant.NewTemplateAsync("with_sample",
            new { header = new { format = "IMAGE", example_handle = file }, body = new { text = "Look at this." } });
        using var meta = new HttpClient { BaseAddress = app.Meta.BaseUrl };
        meta.DefaultRequestHeaders.Authorization = new("Bearer", "EAA-" + app.Tenant.WabaId[1..]);
        var metaId = (await app.Tenant.Api.SendAsync("GET", $"/v1/templates/{template}"))["meta_template_id"].GetString();
        var there = await meta.GetStringAsync($"/v25.0/{metaId}?fields=components");
        there.ShouldContain("4::");
        there.ShouldNotContain(file.ToString());
    }
}
