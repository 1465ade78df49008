using System.Text.Json;
using Bsp.Application.CustomerWebhooks;
using Bsp.Domain.Common;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.CustomerWebhooks;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Privacy;

// Secrets of customers' endpoints: shown once, then to nobody, whatever happens to the deliveries.
public sealed partial class SecretsTests
{
    [Fact]
    public async Task A_webhooks_secrets_and_headers_are_shown_once_and_are_in_no_later_answer_no_log_and_no_row()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var answers = new Queue<int>([500, 200, 404, 200, 200]);
        receiver.Answer = (_, _) => Task.FromResult(answers.TryDequeue(out var next) ? next : 200);
        var (first, second, header) = (StandardWebhooks.NewSecret(), StandardWebhooks.NewSecret(), "planted-header-7d1");
        var hook = await organization.NewHookAsync(receiver.Url,
            new { secret = first, headers = new Dictionary<string, string> { ["X-Key"] = header }, concurrency = 1 });
        hook.Secret.ShouldBe(first);
        var others = new List<TestHook>
        {
            await organization.NewHookAsync("https://127.0.0.1:1/", new { secret = first }),
            await organization.NewHookAsync($"https://127.0.0.1:{receiver.Port}/", new { secret = first }),
            await organization.NewHookAsync("http://planted.invalid/", new { secret = first }),
        };
        var rotated = await organization.Admin.SendAsync("POST", $"{hook.Path}/rotate-secret", new { secret = second });
        rotated["secret"].GetString().ShouldBe(second);
        rotated.Text.ShouldNotContain(first);
        var made = (await organization.Admin.SendAsync("POST", $"{hook.Path}/rotate-secret"))["secret"].GetString()!;
        await app.SendAsync(organization, [Uuid.New(), Uuid.New(), Uuid.New()], 1);
        await Patience.UntilAsync(() => Task.FromResult(receiver.All.Count), n => n >= 3, "it was tried");
        foreach (var other in others)
        {
            await organization.ShownAsync(other, w => w["metrics"].GetProperty("failed").GetInt64() > 0, "it failed");
        }

        await organization.Admin.SendAsync("POST", $"{hook.Path}/test");
        await organization.Admin.SendAsync("PATCH", hook.Path, new { name = "renamed" });
        await organization.Admin.SendAsync("POST", $"{hook.Path}/enable");
        string[] secrets = [first, second, made, header, first["whsec_".Length..], second["whsec_".Length..], made["whsec_".Length..]];
        foreach (var path in new[] { "/v1/webhooks", hook.Path, $"{hook.Path}/deliveries", "/v1/audit-trail", "/v1/events?limit=200",
            "/v1/events?form=public&limit=200", "/v1/organizations/" + organization.Id })
        {
            var said = await organization.Admin.SendAsync("GET", path);
            secrets.ShouldAllBe(secret => !said.Text.Contains(secret, StringComparison.Ordinal), path);
        }

        var metrics = await app.Platform.GetStringAsync("/metrics");
        secrets.ShouldAllBe(secret => !metrics.Contains(secret, StringComparison.Ordinal));
        app.Said.ShouldNotContain(line => secrets.Any(secret => line.Contains(secret, StringComparison.Ordinal)));
        await using var command = app.Admin.CreateCommand("""
            SELECT count(*) FROM (SELECT w::text AS row FROM webhooks w UNION ALL SELECT d::text FROM bsp.webhook_deliveries d
              UNION ALL SELECT k::text FROM bsp.webhook_held_keys k UNION ALL SELECT e.data::text FROM mt_events e) r
             WHERE EXISTS (SELECT 1 FROM unnest($1::text[]) s WHERE position(s IN r.row) > 0)
            """);
        command.Parameters.Add(new() { Value = secrets });
        ((long)(await command.ExecuteScalarAsync())!).ShouldBe(0);
        JsonSerializer.Serialize(receiver.All.Select(h => h.Text)).ShouldNotContain(header);
        foreach (var one in others.Append(hook))
        {
            (await organization.Admin.SendAsync("DELETE", one.Path)).Status.ShouldBe(204);
        }
    }
}
