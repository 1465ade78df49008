using System.Globalization;
using System.Text.Json;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Ai;

/// <summary>The application with models played by the simulator; each test uses an organization of its own.</summary>
public sealed class AiApp(StoresFixture stores) : EndToEndApp(stores)
{
    private static int numbers = 5_000; // beyond those that mean something to the simulator

    /// <summary>Address of a played provider.</summary>
    public string Endpoint(string provider) => new Uri(Meta.BaseUrl, $"/ai/{provider}").ToString();

    /// <summary>An organization that lets machines read, and answer a second after the last message.</summary>
    internal async Task<Tenant> LettingAsync(bool autoReply = true, object? more = null)
    {
        var tenant = await NewTenantAsync();
        await SetAsync(tenant, new { analysis = true, auto_reply = autoReply, quiet_seconds = 1 });
        if (more is not null)
        {
            await SetAsync(tenant, more);
        }

        return tenant;
    }

    internal static async Task<Answer> SetAsync(Tenant tenant, object settings)
    {
        var answer = await tenant.Api.SendAsync("PATCH", "/v1/ai/settings", settings);
        answer.Status.ShouldBe(200, answer.Text);
        return answer;
    }

    /// <summary>With a model of a provider.</summary>
    internal Task<Answer> AskAsync(Tenant tenant, string provider = "openai", string model = "played-good") => SetAsync(tenant, new
    {
        provider, endpoint = Endpoint(provider), model, api_key = "sk-only-for-tests", input_price_per_million = "1000",
        output_price_per_million = "2000", facts = new[] { "We are open from 9 to 18." },
    });

    internal static string NewNumber() =>
        $"9198777{Interlocked.Increment(ref numbers).ToString("00000", CultureInfo.InvariantCulture)}";

    /// <summary>A customer's texts, each a webhook of its own.</summary>
    internal async Task WriteAsync(Tenant tenant, string from, params string[] texts)
    {
        foreach (var text in texts)
        {
            (await this.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $"\"messages\":[{Item(from, text)}]"))).Status.ShouldBe(200);
        }
    }

    /// <summary>A customer's texts in one webhook: they cannot be so far apart that a machine takes them for two bursts.</summary>
    internal async Task WriteBurstAsync(Tenant tenant, string from, params string[] texts) => (await this.PostWebhookAsync(
        SignedWebhooks.Envelope(tenant, $"\"messages\":[{string.Join(',', texts.Select(text => Item(from, text)))}]"))).Status
        .ShouldBe(200);

    internal static string Item(string from, string text, string? id = null) => JsonSerializer.Serialize(new
    {
        from, id = id ?? $"wamid.{Guid.NewGuid():N}", type = "text", text = new { body = text },
        timestamp = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
    });

    /// <summary>The conversation with a number, once it is as wanted.</summary>
    internal static async Task<JsonElement> ConversationAsync(Tenant tenant, string from, Func<JsonElement, bool> wanted, string what) =>
        (await Patience.UntilAsync(async () => (await tenant.AllAsync("/v1/conversations")).FirstOrDefault(c =>
            c.GetProperty("contact").GetProperty("phone_number").GetString() == "+" + from), c =>
            c.ValueKind == JsonValueKind.Object && wanted(c), what));

    internal static async Task<IReadOnlyList<JsonElement>> MessagesAsync(Tenant tenant, Guid conversation) =>
        await tenant.AllAsync($"/v1/conversations/{conversation}/messages");

    /// <summary>Nothing of the organization waits to be read or answered.</summary>
    internal Task IdleAsync(Tenant tenant) => Patience.UntilAsync(async () =>
    {
        await Views.InboxEmptyAsync();
        return await Views.ScalarAsync("""
            SELECT (SELECT count(*) FROM bsp.ai_work WHERE organization_id = $1)
              + (SELECT count(*) FROM bsp.ai_bursts WHERE organization_id = $1)
              + (SELECT count(*) FROM mt_events e WHERE e.type = 'message_received' AND e.tenant_id = $1::text
                  AND e.seq_id > (SELECT sequence FROM bsp.projections WHERE name = 'ai_work.v1'))
            """, tenant.Id);
    }, n => n == "0", "all is read and decided");

    internal Task<string> CountAsync(Tenant tenant, string type) =>
        Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE tenant_id = $1::text AND type = $2", tenant.Id, type);
}
