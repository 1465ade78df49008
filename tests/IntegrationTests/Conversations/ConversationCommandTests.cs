using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bsp.IntegrationTests.Common;
using Bsp.MetaSimulator;

namespace Bsp.IntegrationTests.Conversations;

public sealed class ConversationCommandTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_customers_conversation_is_filed_assigned_and_answered()
    {
        var organization = await app.NewOrganizationAsync();
        var id = await CustomerWritesAsync(organization, "919000007001");

        var filed = await organization.Writer.SendAsync("PATCH", $"/v1/conversations/{id}", new { priority = "high", tags = new[] { "order", "order", "late" } });
        filed.Status.ShouldBe(200, filed.Text);
        filed["priority"].GetString().ShouldBe("high");
        filed["status"].GetString().ShouldBe("active");
        filed["tags"].EnumerateArray().Select(t => t.GetString()).ShouldBe(["order", "late"]);

        var user = Guid.CreateVersion7();
        (await organization.Writer.SendAsync("POST", $"/v1/conversations/{id}/assign", new { user_id = user })).ShouldBeProblem(404, "user.unknown");
        user = (await AppFixture.CreatedAsync(organization.Admin, "/v1/users", new { email = $"{user}@example.com", role = "agent" })).GetProperty("id").GetGuid();
        (await organization.Writer.SendAsync("POST", $"/v1/conversations/{id}/assign", new { user_id = user }))["assigned_to"].GetGuid().ShouldBe(user);
        (await organization.Writer.SendAsync("POST", $"/v1/conversations/{id}/assign", new { user_id = (Guid?)null }))["assigned_to"].ValueKind.ShouldBe(JsonValueKind.Null);

        var reply = await organization.Writer.SendAsync("POST", $"/v1/conversations/{id}/messages", new { type = "text", text = new { body = "It arrives tomorrow." } });
        reply.Status.ShouldBe(201, reply.Text);
        var sent = await organization.Reader.SendAsync("GET", $"/v1/messages/{reply["id"].GetGuid()}", null, ("Bsp-Min-Position", reply.Header("Bsp-Position")!));
        sent["conversation_id"].GetGuid().ShouldBe(id);
        sent["content"].GetProperty("text").GetString().ShouldBe("It arrives tomorrow.");
    }

    [Fact]
    public async Task What_is_malformed_or_the_neighbours_changes_nothing()
    {
        var organization = await app.NewOrganizationAsync();
        var id = await CustomerWritesAsync(organization, "919000007002");
        var neighbour = await app.NewOrganizationAsync();
        (await organization.Writer.SendAsync("PATCH", $"/v1/conversations/{id}", new { priority = "asap" })).ShouldBeProblem(400, "request.invalid");
        (await organization.Writer.SendAsync("PATCH", $"/v1/conversations/{id}", new { tags = new[] { "" } })).ShouldBeProblem(400, "request.invalid");
        (await organization.Writer.SendAsync("PATCH", $"/v1/conversations/{id}", new { colour = "red" })).ShouldBeProblem(400, "request.unknown_field");
        (await organization.Writer.SendAsync("POST", $"/v1/conversations/{id}/messages", new { type = "text" })).Status.ShouldBe(400);
        (await neighbour.Admin.SendAsync("PATCH", $"/v1/conversations/{id}", new { priority = "low" })).ShouldBeProblem(404, "conversation.unknown");
        (await neighbour.Admin.SendAsync("POST", $"/v1/conversations/{id}/assign", new { user_id = (Guid?)null })).ShouldBeProblem(404, "conversation.unknown");
        (await neighbour.Admin.SendAsync("POST", $"/v1/conversations/{id}/messages", new { type = "text", text = new { body = "Hi" } })).ShouldBeProblem(404, "conversation.unknown");
        (await organization.Reader.SendAsync("GET", $"/v1/conversations/{id}"))["priority"].GetString().ShouldBe("medium");
    }

    // Signed as Meta signs; the conversation's id once it is shown.
    private async Task<Guid> CustomerWritesAsync(TestOrganization organization, string phone)
    {
        var account = await organization.Reader.SendAsync("GET", $"/v1/accounts/{organization.AccountId}");
        var body = JsonSerializer.Serialize(new
        {
            @object = "whatsapp_business_account",
            entry = new[]
            {
                new
                {
                    id = account["meta_waba_id"].GetString(),
                    changes = new[]
                    {
                        new
                        {
                            field = "messages",
                            value = new
                            {
                                messaging_product = "whatsapp",
                                metadata = new { display_phone_number = "15550000000", phone_number_id = account["phone_number_id"].GetString() },
                                contacts = new[] { new { profile = new { name = "Asha" }, wa_id = phone } },
                                messages = new[] { new { from = phone, id = $"wamid.{Guid.NewGuid():N}", timestamp = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(), type = "text", text = new { body = "Where is my order?" } } },
                            },
                        },
                    },
                },
            },
        });
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(new SimulatorOptions().AppSecret), Encoding.UTF8.GetBytes(body)));
        (await app.Anonymous.SendAsync("POST", "/webhooks/meta", body, ("X-Hub-Signature-256", $"sha256={signature}"))).Status.ShouldBe(200);
        using var deadline = new CancellationTokenSource(Patience);
        while (true)
        {
            var page = await organization.Reader.SendAsync("GET", "/v1/conversations");
            if (page["data"].GetArrayLength() > 0)
            {
                return page["data"][0].GetProperty("id").GetGuid();
            }

            await Task.Delay(50, deadline.Token);
        }
    }
}
