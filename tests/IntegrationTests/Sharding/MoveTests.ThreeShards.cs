using Bsp.IntegrationTests.Charging;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Sharding;

// One organization on each shard, with the same customers, at work at the same time.
public sealed partial class MoveTests
{
    private const int People = 10;
    private const string Left = "0.984000"; // of a dollar, after ten messages of a utility template to India by the demo's rates

    [Fact]
    public async Task Organizations_of_three_shards_send_are_charged_and_see_their_own_and_nothing_of_the_others()
    {
        var tenants = new Dictionary<string, Tenant>();
        foreach (var (shard, slug) in new[] { ("A-M", "acme"), ("N-Z", "nord"), ("0-9", "7up") })
        {
            tenants[shard] = await Tenant.NewAsync(app.Address, app.Meta, 1_000, slug);
            await app.TopUpAsync(tenants[shard].Id, 1);
            await tenants[shard].ImportAsync(Tenant.PlainNumbers(People));
            await AppFixture.CreatedAsync(tenants[shard].Api, "/v1/lists", new { name = "Regulars" });
        }

        var campaigns = (await Task.WhenAll(tenants.Select(async t => (t.Key, Id: await t.Value.LaunchAsync())))).ToDictionary();
        foreach (var (shard, tenant) in tenants)
        {
            await tenant.CompletedAsync(campaigns[shard]);
            var members = await tenant.EndedAsync(campaigns[shard]);
            members.Select(m => app.Meta.State.CountOfCallback($"{m.MessageId}"))
                .ShouldBe(Enumerable.Repeat((1, 1), People), shard);
            await SeesAsync(tenant, campaigns[shard], shard);
            foreach (var other in ThreeShardsApp.Names)
            {
                (await app.CountAsync(other, $"SELECT count(*) FROM contacts WHERE organization_id = '{tenant.Id}'"))
                    .ShouldBe(other == shard ? People : 0, $"{shard} on {other}");
            }
        }

        foreach (var (shard, tenant) in tenants)
        {
            foreach (var path in await PathsAsync(tenant, campaigns[shard]))
            {
                (await tenant.Api.SendAsync("GET", path)).Status.ShouldBe(200, path);
                foreach (var stranger in tenants.Values.Where(t => t != tenant))
                {
                    (await stranger.Api.SendAsync("GET", path)).Status.ShouldBe(404, path);
                }
            }
        }

        foreach (var tenant in tenants.Values)
        {
            tenant.Dispose();
        }
    }

    // Each view shows a moment later what the log has.
    private async Task SeesAsync(Tenant tenant, Guid campaign, string shard)
    {
        await Patience.SoonAsync(async () =>
        {
            (await tenant.ProgressAsync(campaign))["delivered"].GetInt32().ShouldBe(People, shard);
            (await tenant.AllAsync("/v1/conversations")).Count.ShouldBe(People, shard);
            (await tenant.AllAsync("/v1/charges")).Count.ShouldBe(People, shard);
            (await tenant.Api.SendAsync("GET", "/v1/wallet"))["balance"].GetString().ShouldBe(Left, shard);
        });
        await AuditedAsync(tenant);
    }

    private static async Task<List<string>> PathsAsync(Tenant tenant, Guid campaign)
    {
        var paths = new List<string>
        {
            $"/v1/campaigns/{campaign}", $"/v1/accounts/{tenant.AccountId}", $"/v1/templates/{tenant.TemplateId}",
        };
        foreach (var list in new[] { "/v1/contacts", "/v1/lists", "/v1/conversations" })
        {
            paths.Add($"{list}/{(await tenant.AllAsync(list))[0].GetProperty("id").GetString()}");
        }

        return [.. paths, $"/v1/messages/{(await tenant.MembersAsync(campaign))[0].MessageId}"];
    }
}
