using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Presence;

public sealed class PresenceTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task People_see_who_of_their_organization_is_around()
    {
        var (organization, neighbour) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        await app.NewPersonAsync(organization.Admin, "admin");
        var (ann, bert, carl) =
            (await app.NewPersonAsync(organization.Admin, "agent"), await app.NewPersonAsync(organization.Admin, "agent"),
                await app.NewPersonAsync(neighbour.Admin, "agent"));
        (await ann.Client.SendAsync("PUT", "/v1/presence", new { status = "online" })).Status.ShouldBe(204);
        (await bert.Client.SendAsync("PUT", "/v1/presence", new { status = "away" })).Status.ShouldBe(204);
        (await carl.Client.SendAsync("PUT", "/v1/presence", new { status = "online" })).Status.ShouldBe(204);
        (await SeenAsync(organization.Reader)).ShouldBe([(ann.Id, "online"), (bert.Id, "away")]);
        (await SeenAsync(carl.Client)).ShouldBe([(carl.Id, "online")]);

        (await bert.Client.SendAsync("PUT", "/v1/presence", new { status = "offline" })).Status.ShouldBe(204);
        (await SeenAsync(ann.Client)).ShouldBe([(ann.Id, "online")]);
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{ann.Id}", new { status = "inactive" })).Status.ShouldBe(200);
        (await SeenAsync(organization.Reader)).ShouldBeEmpty();
    }

    [Fact]
    public async Task It_is_for_people_and_takes_three_words()
    {
        var organization = await app.NewOrganizationAsync();
        (await organization.Admin.SendAsync("PUT", "/v1/presence", new { status = "online" })).ShouldBeProblem(409, "session.missing");
        (await organization.Reader.SendAsync("PUT", "/v1/presence", new { status = "online" })).ShouldBeProblem(403, "access.denied");
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        (await ann.Client.SendAsync("PUT", "/v1/presence", new { status = "busy" })).ShouldBeProblem(400, "request.invalid")["errors"]
            .TryGetProperty("status", out _).ShouldBeTrue();
        (await ann.Client.SendAsync("PUT", "/v1/presence", "{}")).ShouldBeProblem(400, "request.invalid");
    }

    private static async Task<IEnumerable<(Guid, string)>> SeenAsync(HttpClient client)
    {
        var answer = await client.SendAsync("GET", "/v1/presence");
        answer.Status.ShouldBe(200, answer.Text);
        return answer["data"].EnumerateArray().Select(p => (p.GetProperty("user_id").GetGuid(), p.GetProperty("status").GetString()!));
    }
}
