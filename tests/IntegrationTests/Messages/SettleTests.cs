using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Messages;

public sealed class SettleTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public async Task A_person_rules_on_an_unknown_once_and_the_log_says_who()
    {
        var organization = await app.NewOrganizationAsync();
        var id = await UnknownAsync(organization);
        var settled = await organization.Writer.SendAsync("POST", $"/v1/messages/{id}/settle", new { outcome = "not_sent" });
        settled.Status.ShouldBe(200, settled.Text);
        settled["status"].GetString().ShouldBe("unknown_closed");
        (await organization.Writer.SendAsync("POST", $"/v1/messages/{id}/settle", new { outcome = "sent" })).ShouldBeProblem(409, "message.not_unknown");
        var last = (await organization.Reader.SendAsync("GET", $"/v1/messages/{id}/history"))["data"].EnumerateArray().Last();
        last.GetProperty("type").GetString().ShouldBe("message_unknown_closed");
        last.GetProperty("data").GetProperty("ruling").GetString().ShouldBe("not_sent");
        last.GetProperty("user_name").GetString().ShouldBe(organization.WriteKey.Split('_')[1]);
    }

    [Fact]
    public async Task Only_the_two_outcomes_are_taken()
    {
        var organization = await app.NewOrganizationAsync();
        var id = await UnknownAsync(organization);
        (await organization.Writer.SendAsync("POST", $"/v1/messages/{id}/settle", new { outcome = "maybe" })).ShouldBeProblem(400, "request.invalid");
        (await organization.Writer.SendAsync("POST", $"/v1/messages/{id}/settle", "{}")).ShouldBeProblem(400, "request.invalid");
        (await organization.Reader.SendAsync("POST", $"/v1/messages/{id}/settle", new { outcome = "sent" })).Status.ShouldBe(403);
    }

    [Fact]
    public async Task The_neighbours_message_is_unknown()
    {
        var id = await UnknownAsync(await app.NewOrganizationAsync());
        var neighbour = await app.NewOrganizationAsync();
        (await neighbour.Admin.SendAsync("POST", $"/v1/messages/{id}/settle", new { outcome = "sent" })).ShouldBeProblem(404, "message.unknown");
        (await neighbour.Admin.SendAsync("POST", $"/v1/messages/{Guid.NewGuid()}/settle", new { outcome = "sent" })).ShouldBeProblem(404, "message.unknown");
    }

    private async Task<Guid> UnknownAsync(TestOrganization organization)
    {
        var id = Uuid.New();
        var contact = Uuid.New();
        var reference = new MessageRef(id, organization.AccountId, contact, Uuid.Conversation(organization.AccountId, contact), null, "text", "outbound");
        MessageEvent[] events =
        [
            new MessageQueued(reference, null, new(Uuid.New(), "AAAA"), new("api", null, null, true), At),
            new MessageSending(reference, 1, Uuid.New(), At),
            new MessageOutcomeUnknown(reference, "no answer", DateTimeOffset.UtcNow.AddDays(1), At),
        ];
        var outcome = await app.Services.GetRequiredService<IEventStore>().AppendAsync(organization.Id, [new(id, "message", 0, events)], default);
        outcome.Verdict.ShouldBe(AppendVerdict.Ok);
        return id;
    }
}
