using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.CustomerWebhooks;

/// <summary>An endpoint of a test.</summary>
internal sealed record TestHook(Guid Id, string Secret)
{
    public string Path => $"/v1/webhooks/{Id}";
}

/// <summary>What tests of webhooks do again and again.</summary>
internal static class Hooks
{
    public static async Task<TestHook> NewHookAsync(this TestOrganization organization, string url, object? more = null,
        params string[] events)
    {
        var body = new Dictionary<string, object?> { ["name"] = "Our system", ["url"] = url, ["events"] = events.Length == 0
            ? ["message.*"] : events };
        foreach (var property in JsonSerializer.SerializeToElement(more ?? new { }).EnumerateObject())
        {
            body[property.Name] = property.Value;
        }

        var made = await AppFixture.CreatedAsync(organization.Admin, "/v1/webhooks", body);
        return new(made.GetProperty("id").GetGuid(), made.GetProperty("secret").GetString()!);
    }

    /// <summary>
    /// Messages of several conversations, in turn, put into the log as the sender would: each conversation's are numbered by their reason.
    /// </summary>
    public static async Task<List<(Guid Conversation, Guid Message)>> SendAsync(this AppFixture app, TestOrganization organization,
        IReadOnlyList<Guid> conversations, int each, Guid? account = null, Guid? campaign = null)
    {
        var store = app.Services.GetRequiredService<IEventStore>();
        var all = new List<(Guid, Guid)>();
        for (var i = 0; i < each; i++)
        {
            foreach (var conversation in conversations)
            {
                var message = Uuid.New();
                var reference =
                    new MessageRef(message, account ?? organization.AccountId, Uuid.New(), conversation, campaign, "text", "outbound");
                var outcome =
                    await store.AppendAsync(organization.Id,
                        [new StreamAppend(message, "message", null, [new MessageSkipped(reference, $"{i}", DateTimeOffset.UtcNow)])],
                        CancellationToken.None);
                outcome.Verdict.ShouldBe(AppendVerdict.Ok);
                all.Add((conversation, message));
            }
        }

        return all;
    }

    public static Task<IReadOnlyList<Hook>> AcceptedAsync(this HookReceiver receiver, Func<IReadOnlyList<Hook>, bool> wanted,
        string what) =>
        Patience.UntilAsync(() => Task.FromResult(receiver.Accepted), wanted, what);

    public static Task<Answer> ShownAsync(this TestOrganization organization, TestHook hook, Func<Answer, bool> wanted, string what) =>
        Patience.UntilAsync(() => organization.Admin.SendAsync("GET", hook.Path), wanted, what);

    public static Guid Conversation(this Hook hook) => hook.Data.GetProperty("conversation_id").GetGuid();

    public static Guid Message(this Hook hook) => hook.Data.GetProperty("message_id").GetGuid();

    public static async Task<int> RunAsync(this AppFixture app, string sql, params object[] arguments)
    {
        await using var command = app.Admin.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        return await command.ExecuteNonQueryAsync();
    }

    /// <summary>
    /// Waits for what is told while time passes for the endpoint: whatever waits is due at once, however often it has to be tried.
    /// </summary>
    public static Task<IReadOnlyList<Hook>> HurriedAsync(this AppFixture app, TestHook hook, HookReceiver receiver,
        Func<IReadOnlyList<Hook>, bool> wanted, string what) => Patience.UntilAsync(async () =>
    {
        await app.RunAsync("""
            WITH c AS (UPDATE bsp.webhook_cursors SET due_at = now() WHERE webhook_id = $1 AND owner IS NULL AND due_at > now()
                       RETURNING webhook_id)
            UPDATE bsp.webhook_held_keys k SET next_at = now() FROM c WHERE k.webhook_id = c.webhook_id
            """, hook.Id);
        return receiver.Accepted;
    }, wanted, what);

    /// <summary>
    /// From now on each pause of an endpoint that failed is a day longer: nothing is tried before <see cref="DueNowAsync"/> says so,
    /// however slow this machine is.
    /// </summary>
    public static Task PausesAreDaysAsync(this AppFixture app, TestHook hook) => app.RunAsync($"""
        CREATE FUNCTION bsp.test_pause_{hook.Id:N}() RETURNS trigger LANGUAGE plpgsql AS $do$ BEGIN
          IF NEW.owner IS NULL AND NEW.failures > OLD.failures THEN NEW.due_at := NEW.due_at + interval '1 day'; END IF;
          RETURN NEW;
        END $do$;
        CREATE TRIGGER test_pause_{hook.Id:N} BEFORE UPDATE ON bsp.webhook_cursors FOR EACH ROW WHEN (NEW.webhook_id = '{hook.Id}')
          EXECUTE FUNCTION bsp.test_pause_{hook.Id:N}();
        """);

    /// <summary>Time passes for an endpoint, as soon as nobody is telling it anything: whatever it waits for is due.</summary>
    public static Task DueNowAsync(this AppFixture app, TestHook hook) => Patience.UntilAsync(async () =>
    {
        await using var command = app.Admin.CreateCommand("""
            WITH c AS (UPDATE bsp.webhook_cursors SET due_at = now() WHERE webhook_id = $1 AND owner IS NULL RETURNING webhook_id),
                 k AS (UPDATE bsp.webhook_held_keys k SET next_at = now() FROM c WHERE k.webhook_id = c.webhook_id RETURNING 1)
            SELECT count(*) FROM c
            """);
        command.Parameters.Add(new() { Value = hook.Id });
        return (long)(await command.ExecuteScalarAsync())!;
    }, n => n == 1, "nobody owns the cursor");
}
