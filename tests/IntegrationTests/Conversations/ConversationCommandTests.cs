using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.IntegrationTests.Common;
using Bsp.MetaSimulator;

namespace Bsp.IntegrationTests.Conversations;

public sealed class ConversationCommandTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly TimeSpan Patience = EndToEnd.Patience.Deadline;

    [Fact]
    public async Task A_customers_conversation_is_filed_assigned_and_answered()
    {
        var organization = await app.NewOrganizationAsync();
        var id = await CustomerWritesAsync(organization, "919000007001");

        var filed = await organization.Writer.SendAsync("PATCH", $"/v1/conversations/{id}",
            new { priority = "high", tags = new[] { "order", "order", "late" } });
        filed.Status.ShouldBe(200, filed.Text);
        filed["priority"].GetString().ShouldBe("high");
        filed["status"].GetString().ShouldBe("active");
        filed["tags"].EnumerateArray().Select(t => t.GetString()).ShouldBe(["order", "late"]);

        var user = Guid.CreateVersion7();
        (await organization.Writer.SendAsync("POST", $"/v1/conversations/{id}/assign", new { user_id = user }))
            .ShouldBeProblem(404, "user.unknown");
        user = (await AppFixture.CreatedAsync(organization.Admin, "/v1/users", new { email = $"{user}@example.com", role = "agent" }))
            .GetProperty("id").GetGuid();
        (await organization.Writer.SendAsync("POST", $"/v1/conversations/{id}/assign", new { user_id = user }))["assigned_to"].GetGuid()
            .ShouldBe(user);
        (await organization.Writer.SendAsync("POST", $"/v1/conversations/{id}/assign",
            new { user_id = (Guid?)null }))["assigned_to"].ValueKind.ShouldBe(JsonValueKind.Null);

        var reply = await organization.Writer.SendAsync("POST", $"/v1/conversations/{id}/messages",
            new { type = "text", text = new { body = "It arrives tomorrow." } });
        reply.Status.ShouldBe(201, reply.Text);
        var sent = await organization.Reader.SendAsync("GET", $"/v1/messages/{reply["id"].GetGuid()}", null,
            ("Bsp-Min-Position", reply.Header("Bsp-Position")!));
        sent["conversation_id"].GetGuid().ShouldBe(id);
        sent["content"].GetProperty("text").GetString().ShouldBe("It arrives tomorrow.");
    }

    [Fact]
    public async Task Agents_take_conversations_see_their_own_and_answer_as_themselves()
    {
        var organization = await app.NewOrganizationAsync();
        var (first, second) =
            (await CustomerWritesAsync(organization, "919000007011"), await CustomerWritesAsync(organization, "919000007012"));
        var (ann, bert, viewer) =
            (await app.NewPersonAsync(organization.Admin, "agent"), await app.NewPersonAsync(organization.Admin, "agent"),
                await app.NewPersonAsync(organization.Admin, "viewer"));
        var taken = await ann.Client.SendAsync("POST", $"/v1/conversations/{first}/assign", new { user_id = ann.Id });
        taken["assigned_to"].GetGuid().ShouldBe(ann.Id);
        (await ann.Client.SendAsync("POST", $"/v1/conversations/{second}/assign", new { user_id = bert.Id }))["assigned_to"].GetGuid()
            .ShouldBe(bert.Id);
        foreach (var (person, conversation) in new[] { (ann, first), (bert, second) })
        {
            (await person.Client.SendAsync("GET", $"/v1/conversations?assigned_to={person.Id}"))["data"].EnumerateArray()
                .Select(c => c.GetProperty("id").GetGuid()).ShouldBe([conversation]);
        }

        var reply = await ann.Client.SendAsync("POST", $"/v1/conversations/{first}/messages",
            new { type = "text", text = new { body = "It arrives tomorrow." } });
        reply.Status.ShouldBe(201, reply.Text);
        var shown = await viewer.Client.SendAsync("GET", $"/v1/messages/{reply["id"].GetGuid()}", null,
            ("Bsp-Min-Position", reply.Header("Bsp-Position")!));
        shown["sent_by"].GetProperty("user_id").GetGuid().ShouldBe(ann.Id);
        (await viewer.Client.SendAsync("POST", $"/v1/conversations/{first}/assign", new { user_id = viewer.Id }))
            .ShouldBeProblem(403, "access.denied");
        (await viewer.Client.SendAsync("POST", $"/v1/conversations/{first}/messages", new { type = "text", text = new { body = "x" } }))
            .ShouldBeProblem(403, "access.denied");
        (await organization.Admin.SendAsync("PATCH", $"/v1/users/{bert.Id}", new { status = "inactive" })).Status.ShouldBe(200);
        (await ann.Client.SendAsync("POST", $"/v1/conversations/{first}/assign", new { user_id = bert.Id }))
            .ShouldBeProblem(404, "user.unknown");
    }

    [Fact]
    public async Task What_is_malformed_or_the_neighbours_changes_nothing()
    {
        var organization = await app.NewOrganizationAsync();
        var id = await CustomerWritesAsync(organization, "919000007002");
        var neighbour = await app.NewOrganizationAsync();
        (await organization.Writer.SendAsync("PATCH", $"/v1/conversations/{id}", new { priority = "asap" }))
            .ShouldBeProblem(400, "request.invalid");
        (await organization.Writer.SendAsync("PATCH", $"/v1/conversations/{id}", new { tags = new[] { "" } }))
            .ShouldBeProblem(400, "request.invalid");
        (await organization.Writer.SendAsync("PATCH", $"/v1/conversations/{id}", new { colour = "red" }))
            .ShouldBeProblem(400, "request.unknown_field");
        (await organization.Writer.SendAsync("POST", $"/v1/conversations/{id}/messages", new { type = "text" })).Status.ShouldBe(400);
        (await neighbour.Admin.SendAsync("PATCH", $"/v1/conversations/{id}", new { priority = "low" }))
            .ShouldBeProblem(404, "conversation.unknown");
        (await neighbour.Admin.SendAsync("POST", $"/v1/conversations/{id}/assign", new { user_id = (Guid?)null }))
            .ShouldBeProblem(404, "conversation.unknown");
        (await neighbour.Admin.SendAsync("POST", $"/v1/conversations/{id}/messages", new { type = "text", text = new { body = "Hi" } }))
            .ShouldBeProblem(404, "conversation.unknown");
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
                                metadata = new { display_phone_number = "15550000000", phone_number_id = account["phone_number_id"]
                                    .GetString() },
                                contacts = new[] { new { profile = new { name = "Asha" }, wa_id = phone } },
                                messages = new[] { new {
                                    from = phone, id = $"wamid.{Guid.NewGuid():N}", timestamp = DateTimeOffset.UtcNow.ToUnixTimeSeconds()
                                    .ToString(), type = "text", text = new { body = "Where is my order?" } } },
                            },
                        },
                    },
                },
            },
        });
        var signature =
            Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(new SimulatorOptions().AppSecret),
                Encoding.UTF8.GetBytes(body)));
        (await app.Anonymous.SendAsync("POST", "/webhooks/meta", body,
            ("X-Hub-Signature-256", $"sha256={signature}"))).Status.ShouldBe(200);
        using var deadline = new CancellationTokenSource(Patience);
        while (true)
        {
            var page = await organization.Reader.SendAsync("GET", "/v1/conversations");
            if (page["data"].EnumerateArray()
                .FirstOrDefault(c => c.GetProperty("contact").GetProperty("phone_number")
                    .GetString() == "+" + phone) is { ValueKind: JsonValueKind.Object } conversation)
            {
                return conversation.GetProperty("id").GetGuid();
            }

            await Task.Delay(50, deadline.Token);
        }
    }
}
