using Bsp.Api.Operations;
using Bsp.Infrastructure.Reconciliations;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Reconciliations;

/// <summary>The verb, the routes and the scheduled round, over what a running application made.</summary>
public sealed class ReconciliationHttpTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    [Fact]
    public async Task While_everything_runs_all_stores_are_equal_and_what_was_spoiled_is_shown_to_its_organization_only()
    {
        var ct = TestContext.Current.CancellationToken;
        using var tenant = await app.NewTenantAsync();
        using var neighbour = await app.NewTenantAsync();
        using var platform = Tenant.Client(app.Address, AppFixture.PlatformKey, tenant.Id);
        await AppFixture.CreatedAsync(platform, "/v1/wallet/topups", new { amount = "50.000000", currency = "USD", reference = "r-1" });
        await tenant.ImportAsync(["+919871510001", "+919871510002", "+919871510003"]);
        var loop = app.Services.GetRequiredService<ReconciliationLoop>();
        var shard = app.Services.GetRequiredService<Shards>().All[0];
        (await loop.MovedAsync(shard, ct)).ShouldBe(0); // from here on
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        await tenant.EndedAsync(campaign);
        await app.Views.SettledRowsAsync();

        (await ReconcileAsync(tenant.Id)).ShouldBe(0);
        (await ReconcileAsync(Guid.NewGuid())).ShouldBe(1);
        (await CommandAsync("--org", "x")).ShouldBe(2);
        (await CommandAsync("--workers", "17")).ShouldBe(2);
        var shown = await tenant.Api.SendAsync("GET", "/v1/reconciliations");
        shown["data"].GetArrayLength().ShouldBe(1);
        var first = shown["data"][0];
        (first.GetProperty("status").GetString(), first.GetProperty("scope").GetString()).ShouldBe(("equal", "whole"));
        first.GetProperty("rows").EnumerateArray().Single(r => r.GetProperty("view").GetString() == "messages").GetProperty("found")
            .GetInt32().ShouldBe(3);

        var subject = await ScalarAsync("""
            UPDATE public.transactions SET amount = amount + 1 WHERE organization_id = $1 AND category = 'topup' RETURNING id::text
            """, tenant.Id);
        (await ReconcileAsync(tenant.Id)).ShouldBe(1);
        var different = await tenant.Api.SendAsync("GET", "/v1/reconciliations?status=different");
        var id = different["data"][0].GetProperty("id").GetGuid();
        var fault = different["data"][0].GetProperty("first");
        (fault.GetProperty("store").GetString(), fault.GetProperty("subject").GetString()).ShouldBe(("ledger", subject));
        (await tenant.Api.SendAsync("GET", $"/v1/reconciliations/{id}"))["status"].GetString().ShouldBe("different");
        (await neighbour.Api.SendAsync("GET", $"/v1/reconciliations/{id}")).Code.ShouldBe("reconciliation.unknown");
        (await neighbour.Api.SendAsync("GET", "/v1/reconciliations"))["data"].GetArrayLength().ShouldBe(0);
        (await tenant.Api.SendAsync("GET", "/v1/reconciliations?status=other")).Status.ShouldBe(400);
        await ScalarAsync("UPDATE public.transactions SET amount = amount - 1 WHERE organization_id = $1 AND category = 'topup' "
            + "RETURNING id::text",
            tenant.Id);
        (await ReconcileAsync(tenant.Id)).ShouldBe(0);

        // the hourly look finds what moved since the last one, and says so to whoever is to be woken
        var message = await ScalarAsync("""
            UPDATE documents.messages SET doc = jsonb_set(doc, '{direction}', '"inbound"')
             WHERE _id = (SELECT _id FROM documents.messages WHERE organization_id = $1 ORDER BY _id LIMIT 1) RETURNING doc ->> 'uuid'
            """, tenant.Id);
        (await loop.MovedAsync(shard, ct)).ShouldBe(1);
        var moved = (await tenant.Api.SendAsync("GET", "/v1/reconciliations"))["data"][0];
        (moved.GetProperty("scope").GetString(), moved.GetProperty("first").GetProperty("message_id").GetString())
            .ShouldBe(("moved", message));
        using var operations = Tenant.Client(app.Address, AppFixture.PlatformKey, null);
        (await operations.GetStringAsync(new Uri("/metrics", UriKind.Relative), ct))
            .ShouldContain("bsp_reconciliation_different{shard=");
    }

    private Task<int> ReconcileAsync(Guid organization) => CommandAsync("--org", organization.ToString());

    private Task<int> CommandAsync(params string[] arguments) => ReconcileCommand.RunAsync(
        app.Services.GetRequiredService<Reconciliation>(), app.Services.GetRequiredService<Shards>(), arguments,
        TestContext.Current.CancellationToken);

    private async Task<string> ScalarAsync(string sql, Guid organization)
    {
        await using var command = app.Admin.CreateCommand(sql);
        command.Parameters.Add(new() { Value = organization });
        return (string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }
}
