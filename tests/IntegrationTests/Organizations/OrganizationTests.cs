using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Organizations;

public sealed class OrganizationTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task An_organization_lives()
    {
        var slug = $"org-{Guid.NewGuid():N}"[..20];
        var created =
            await app.Platform.SendAsync("POST", "/v1/organizations",
                new { name = "Ünïcode GmbH ‮abc", slug, settings = new { timezone = "Europe/Berlin" }, meta_access_token = "EAA-secret" });
        created.Status.ShouldBe(201, created.Text);
        created.Text.ShouldNotContain("EAA-secret");
        created["has_meta_access_token"].GetBoolean().ShouldBeTrue();
        var path = created.Header("Location")!;
        path.ShouldBe($"/v1/organizations/{created["id"].GetGuid()}");
        (await app.Platform.SendAsync("GET", path)).Text.ShouldBe(created.Text);

        var patched =
            await app.Platform.SendAsync("PATCH", path, """{"settings":{"locale":"de"},"logo_url":"https://acme.example/logo.png"}""",
                ("If-Match", created.Header("ETag")!));
        patched["settings"].GetRawText().ShouldBe("""{"locale":"de","timezone":"Europe/Berlin"}""");
        (await app.Platform.SendAsync("PATCH", path, """{"name":"x"}""", ("If-Match", created.Header("ETag")!)))
            .ShouldBeProblem(412, "version.mismatch");
        var cleared =
            await app.Platform.SendAsync("PATCH", path, """{"logo_url":null,"meta_access_token":null,"settings":{"locale":null}}""");
        cleared["logo_url"].ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
        cleared["has_meta_access_token"].GetBoolean().ShouldBeFalse();
        cleared["settings"].GetRawText().ShouldBe("""{"timezone":"Europe/Berlin"}""");

        (await app.Platform.SendAsync("POST", $"{path}/suspend"))["status"].GetString().ShouldBe("suspended");
        var twice = await app.Platform.SendAsync("POST", $"{path}/suspend");
        var active = await app.Platform.SendAsync("POST", $"{path}/activate", null, ("If-Match", twice.Header("ETag")!));
        active["status"].GetString().ShouldBe("active");
        (await app.Platform.SendAsync("POST", "/v1/organizations", new { name = "Other", slug }))
            .ShouldBeProblem(409, "organization.slug_taken");
    }

    [Fact]
    public async Task Nobody_sees_the_neighbour()
    {
        var one = await app.NewOrganizationAsync();
        var other = await app.NewOrganizationAsync();
        (await one.Admin.SendAsync("GET", $"/v1/organizations/{other.Id}")).ShouldBeProblem(404, "organization.unknown");
        (await one.Admin.SendAsync("PATCH", $"/v1/organizations/{other.Id}", """{"name":"mine"}"""))
            .ShouldBeProblem(404, "organization.unknown");
        (await one.Admin.SendAsync("GET", $"/v1/organizations/{one.Id}")).Status.ShouldBe(200);
        (await one.Reader.SendAsync("GET", "/v1/organizations"))["data"].GetArrayLength().ShouldBe(1);
        (await one.Admin.SendAsync("GET", $"/v1/organizations/{Guid.NewGuid()}")).ShouldBeProblem(404, "organization.unknown");
        (await app.Platform.SendAsync("GET", $"/v1/organizations/{Guid.NewGuid()}")).ShouldBeProblem(404, "organization.unknown");
    }

    [Fact]
    public async Task A_list_is_walked_by_signed_cursors()
    {
        for (var i = 0; i < 5; i++)
        {
            await app.Platform.SendAsync("POST", "/v1/organizations", new { name = "walked", slug = $"walk-{Guid.NewGuid():N}" });
        }

        var seen = new List<Guid>();
        string? cursor = null;
        do
        {
            var page = await app.Platform.SendAsync("GET", "/v1/organizations?limit=2" + (cursor is null ? "" : $"&cursor={cursor}"));
            seen.AddRange(page["data"].EnumerateArray().Select(o => o.GetProperty("id").GetGuid()));
            cursor = page["next_cursor"].GetString();
            if (cursor is not null)
            {
                var tampered = (cursor[0] == 'A' ? 'B' : 'A') + cursor[1..];
                (await app.Platform.SendAsync("GET", $"/v1/organizations?cursor={tampered}")).ShouldBeProblem(400, "request.cursor");
                (await app.Platform.SendAsync("GET", $"/v1/plans?cursor={cursor}")).ShouldBeProblem(400, "request.cursor");
            }
        }
        while (cursor is not null);
        seen.Count.ShouldBeGreaterThanOrEqualTo(5);
        seen.ShouldBe(seen.Distinct());
        seen.Select(id => id.ToString()).ShouldBeInOrder();
    }

    [Theory]
    [InlineData("""{"name":"","slug":"abc"}""", "name")]
    [InlineData("""{"name":"A","slug":"Ab"}""", "slug")]
    [InlineData("""{"name":"A","slug":"abc","logo_url":"javascript:alert(1)"}""", "logo_url")]
    public async Task A_malformed_organization_is_refused(string body, string field) =>
        (await app.Platform.SendAsync("POST", "/v1/organizations", body)).ShouldBeProblem(400, "request.invalid")["errors"]
        .TryGetProperty(field, out _).ShouldBeTrue();
}
