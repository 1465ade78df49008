using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bsp.IntegrationTests.Common;
using Bsp.MetaSimulator;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>A member of a campaign's audience as GET …/recipients shows them.</summary>
internal sealed record Member(Guid ContactId, Guid MessageId, string Status, string? Reason, int Attempts);

/// <summary>An organization that uses nothing but the HTTP API: a connected number, an approved template, contacts, campaigns.</summary>
internal sealed class Tenant(HttpClient api, Guid id, Guid accountId, string phoneNumberId, string wabaId) : IDisposable
{
    public HttpClient Api => api;

    public Guid Id => id;

    public Guid AccountId => accountId;

    public string PhoneNumberId => phoneNumberId;

    public string WabaId => wabaId;

    public Guid TemplateId { get; private set; }

    /// <summary>The portfolio of its numbers; null: each WABA is its own.</summary>
    public string? Business { get; private set; }

    /// <summary>All numbers of the organization belong to one portfolio, here and at Meta.</summary>
    public async Task JoinPortfolioAsync(Simulator meta)
    {
        Business = "3" + PhoneNumberId[1..];
        (await api.SendAsync("PATCH", $"/v1/organizations/{id}", new { meta_business_id = Business })).Status.ShouldBe(200);
        meta.State.AddAccount(new(WabaId, PhoneNumberId, BusinessId: Business));
    }

    /// <summary>The same organization, of an application that was started again at another address.</summary>
    public Tenant At(Uri address)
    {
        var client = new HttpClient { BaseAddress = address };
        client.DefaultRequestHeaders.Authorization = api.DefaultRequestHeaders.Authorization;
        return new(client, id, accountId, phoneNumberId, wabaId) { TemplateId = TemplateId, Business = Business };
    }

    /// <summary>A further connected number, in a WABA of its own in the same portfolio.</summary>
    public async Task<(Guid Account, string PhoneNumberId)> NewAccountAsync(Simulator meta, int limit)
    {
        var digits = RandomNumberGenerator.GetString("0123456789", 14);
        meta.State.AddAccount(
            new("2" + digits, "1" + digits, "1555" + digits[..7], AccessTokens: ["EAA-" + digits], BusinessId: Business));
        var account = (await AppFixture.CreatedAsync(api, "/v1/accounts", new
        {
            phone_number_id = "1" + digits, phone_number = "+1555" + digits[..7], display_name = "Acme", meta_waba_id = "2" + digits,
            messages_per_second_max = 1_000, credentials = new { access_token = "EAA-" + digits },
        })).GetProperty("id").GetGuid();
        (await api.SendAsync("POST", $"/v1/accounts/{account}/connect")).Status.ShouldBe(200);
        (await api.SendAsync("PATCH", $"/v1/accounts/{account}", new { messaging_limit = limit })).Status.ShouldBe(200);
        return (account, "1" + digits);
    }

    /// <summary>Made through the API at the address; the simulator is told which WABA the number belongs to.</summary>
    /// <param name="slug">How its slug begins: its first letter may decide on which shard it lives.</param>
    public static async Task<Tenant> NewAsync(Uri address, Simulator meta, int messagesPerSecondMax, string slug = "acme")
    {
        var digits = RandomNumberGenerator.GetString("0123456789", 14);
        using var platform = Client(address, AppFixture.PlatformKey, null);
        var organization =
            await AppFixture.CreatedAsync(platform, "/v1/organizations", new { name = "Acme", slug = $"{slug}-{Guid.NewGuid():N}"[..30] });
        var id = organization.GetProperty("id").GetGuid();
        using var founder = Client(address, AppFixture.PlatformKey, id);
        var key = await AppFixture.CreatedAsync(founder, "/v1/api-keys", new { name = "admin", permissions = "admin" });
        var api = Client(address, key.GetProperty("key").GetString()!, null);
        meta.State.AddAccount(new("2" + digits, "1" + digits, "1555" + digits[..7], AccessTokens: ["EAA-" + digits]));
        var account = await AppFixture.CreatedAsync(api, "/v1/accounts", new
        {
            phone_number_id = "1" + digits, phone_number = "+1555" + digits[..7], display_name = "Acme", meta_waba_id = "2" + digits,
            messaging_limit = 100_000, messages_per_second_max = messagesPerSecondMax, credentials = new { access_token = "EAA-" + digits },
        });
        var tenant = new Tenant(api, id, account.GetProperty("id").GetGuid(), "1" + digits, "2" + digits);
        (await api.SendAsync("POST", $"/v1/accounts/{tenant.AccountId}/connect")).Status.ShouldBe(200);
        tenant.TemplateId =
            await tenant.NewTemplateAsync("order_on_its_way",
                new { body =
                    new { text = "Good news, {{1}}: your order is on its way and arrives tomorrow.", example = new[] { "Asha" } } });
        return tenant;
    }

    /// <summary>An approved template.</summary>
    public async Task<Guid> NewTemplateAsync(string name, object components, string category = "UTILITY", Guid? account = null)
    {
        var template =
            (await AppFixture.CreatedAsync(api, "/v1/templates",
                new { account_id = account ?? accountId, name, category, language = "en", components })).GetProperty("id").GetGuid();
        var submitted = await api.SendAsync("POST", $"/v1/templates/{template}/submit");
        submitted.Status.ShouldBe(200, submitted.Text);
        await Patience.UntilAsync(() => api.SendAsync("GET", $"/v1/templates/{template}"), t =>
            t["status"].GetString() == "APPROVED", $"template {name} is approved");
        return template;
    }

    /// <summary>Uploads a CSV and waits for its end.</summary>
    public async Task<Answer> ImportAsync(string csv)
    {
        var started = await api.SendAsync("POST", "/v1/contacts/import", csv, ("Content-Type", "text/csv"));
        started.Status.ShouldBe(202, started.Text);
        return await Patience.UntilAsync(() => api.SendAsync("GET", started["url"].GetString()!), i =>
            i["status"].GetString() is "completed" or "failed", "the import ends");
    }

    /// <summary>Contacts with these numbers, who opted in unless another consent is named.</summary>
    public async Task ImportAsync(IReadOnlyCollection<string> numbers, string consent = "OPTED_IN")
    {
        var csv = new StringBuilder("phone_number,first_name,consent_status\n");
        foreach (var number in numbers)
        {
            csv.Append(CultureInfo.InvariantCulture, $"{number},Asha,{consent}\n");
        }

        var import = await ImportAsync(csv.ToString());
        (import["done"].GetInt32(), import["rejected"].GetInt32(), import["created"].GetInt32())
            .ShouldBe((numbers.Count, 0, numbers.Count), import.Text);
    }

    /// <summary>Numbers whose endings make nothing happen at the simulator.</summary>
    public static string[] PlainNumbers(int count) => [.. Enumerable.Range(0, count).Select(i => $"+{919_876_501_000 + i}")];

    /// <summary>Launches a campaign to all contacts.</summary>
    public async Task<Guid> LaunchAsync(Guid? template = null, object? metadata = null, Guid? account = null, object? more = null)
    {
        var plan = JsonSerializer.SerializeToNode(new { name = "News", template_id = template ?? TemplateId,
            account_id = account ?? accountId, audience_segment = new { all = true },
            metadata = metadata ?? new { template_parameters = new { body = new[] { "{{contact.first_name}}" } } } })!.AsObject();
        foreach (var (name, value) in JsonSerializer.SerializeToNode(more ?? new { })!.AsObject())
        {
            plan[name] = value?.DeepClone();
        }

        var campaign = await AppFixture.CreatedAsync(api, "/v1/campaigns", plan);
        var launched = await api.SendAsync("POST", $"/v1/campaigns/{campaign.GetProperty("id").GetGuid()}/launch");
        launched.Status.ShouldBe(200, launched.Text);
        return campaign.GetProperty("id").GetGuid();
    }

    public Task<Answer> ProgressAsync(Guid campaign) => api.SendAsync("GET", $"/v1/campaigns/{campaign}/progress");

    /// <summary>Waits until the campaign has sent at least so many.</summary>
    public Task SentAsync(Guid campaign, int atLeast) =>
        Patience.UntilAsync(() => ProgressAsync(campaign), p => p["sent"].GetInt32() >= atLeast, $"{atLeast} are sent");

    public Task CompletedAsync(Guid campaign) =>
        Patience.UntilAsync(() => api.SendAsync("GET", $"/v1/campaigns/{campaign}"), c =>
            c["status"].GetString() == "COMPLETED", "the campaign is COMPLETED");

    /// <summary>All pages.</summary>
    public async Task<IReadOnlyList<Member>> MembersAsync(Guid campaign) =>
        [.. (await AllAsync($"/v1/campaigns/{campaign}/recipients"))
            .Select(r =>
                new Member(r.GetProperty("contact_id").GetGuid(), r.GetProperty("message_id").GetGuid(), r.GetProperty("status")
                    .GetString()!,
            r.GetProperty("reason").GetString(), r.GetProperty("attempts").GetInt32()))];

    /// <summary>Waits until every member's state is an end, and returns all.</summary>
    /// <param name="end">Which end, for who is read: delivered is an end, too, and waiting for something counts as one.</param>
    public Task<IReadOnlyList<Member>> EndedAsync(Guid campaign, Func<Member, bool>? end = null) =>
        Patience.UntilAsync(() => MembersAsync(campaign), members =>
            members.All(m => m.Status is not ("pending" or "queued" or "sending" or "accepted" or "sent") && end?.Invoke(m) is not false),
            "every recipient reaches an end");

    /// <summary>Waits until everybody has read it, and returns all.</summary>
    public Task<IReadOnlyList<Member>> ReadAsync(Guid campaign) => EndedAsync(campaign, m => m.Status == "read");

    /// <summary>Contact → number.</summary>
    public async Task<IReadOnlyDictionary<Guid, string>> NumbersAsync() =>
        (await AllAsync("/v1/contacts")).ToDictionary(c => c.GetProperty("id").GetGuid(), c => c.GetProperty("phone_number").GetString()!);

    /// <summary>Every item of a list, page after page.</summary>
    public async Task<IReadOnlyList<JsonElement>> AllAsync(string path)
    {
        var all = new List<JsonElement>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await api.SendAsync("GET",
                $"{path}?limit=200{(cursor.Length == 0 ? "" : "&cursor=" + Uri.EscapeDataString(cursor))}");
            page.Status.ShouldBe(200, page.Text);
            all.AddRange(page["data"].EnumerateArray());
            cursor = page["next_cursor"].GetString();
        }

        return all;
    }

    public void Dispose() => api.Dispose();

    internal static HttpClient Client(Uri address, string key, Guid? organization)
    {
        var client = new HttpClient { BaseAddress = address };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (organization is { } id)
        {
            client.DefaultRequestHeaders.Add("Bsp-Organization", id.ToString());
        }

        return client;
    }
}
