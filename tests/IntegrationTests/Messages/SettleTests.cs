using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.Queue;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Messages;

public sealed class SettleTests(AppFixture app) : IClassFixture<AppFixture>
{
    // Now: what began long ago would be at the end of its time, and the application's own sweeper looks every two seconds.
    private static readonly DateTimeOffset At = DateTimeOffset.FromUnixTimeMilliseconds(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());

    [Fact]
    public async Task A_person_rules_on_an_unknown_once_and_the_log_says_who()
    {
        var organization = await app.NewOrganizationAsync();
        var id = await UnknownAsync(organization);
        var settled = await organization.Writer.SendAsync("POST", $"/v1/messages/{id}/settle", new { outcome = "not_sent" });
        settled.Status.ShouldBe(200, settled.Text);
        settled["status"].GetString().ShouldBe("unknown_closed");
        (await organization.Writer.SendAsync("POST", $"/v1/messages/{id}/settle", new { outcome = "sent" }))
            .ShouldBeProblem(409, "message.not_unknown");
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
        (await organization.Writer.SendAsync("POST", $"/v1/messages/{id}/settle", new { outcome = "maybe" }))
            .ShouldBeProblem(400, "request.invalid");
        (await organization.Writer.SendAsync("POST", $"/v1/messages/{id}/settle", "{}")).ShouldBeProblem(400, "request.invalid");
        (await organization.Reader.SendAsync("POST", $"/v1/messages/{id}/settle", new { outcome = "sent" })).Status.ShouldBe(403);
    }

    [Fact]
    public async Task The_neighbours_message_is_unknown()
    {
        var id = await UnknownAsync(await app.NewOrganizationAsync());
        var neighbour = await app.NewOrganizationAsync();
        (await neighbour.Admin.SendAsync("POST", $"/v1/messages/{id}/settle", new { outcome = "sent" }))
            .ShouldBeProblem(404, "message.unknown");
        (await neighbour.Admin.SendAsync("POST", $"/v1/messages/{Guid.NewGuid()}/settle", new { outcome = "sent" }))
            .ShouldBeProblem(404, "message.unknown");
    }

    [Theory]
    [InlineData("unknown_closed")]
    [InlineData("rejected")]
    [InlineData("cancelled")]
    public async Task What_Meta_says_it_sent_after_all_ends_with_its_time_to_live(string closed)
    {
        var organization = await app.NewOrganizationAsync();
        var store = app.Services.GetRequiredService<IEventStore>();
        var id = closed == "unknown_closed" ? await UnknownAsync(organization) : Uuid.New();
        if (closed == "unknown_closed")
        {
            (await organization.Writer.SendAsync("POST", $"/v1/messages/{id}/settle", new { outcome = "not_sent" })).Status.ShouldBe(200);
        }
        else
        {
            var reference = Reference(organization, id);
            await AppendAsync(organization, id, 0, // at once, so that nobody sends it in between
                new MessageQueued(reference, null, new(Uuid.New(), "AAAA"), new("api", null, null, true), At),
                closed == "cancelled" ? new MessageCancelled(reference, "campaign", At)
                    : new MessageRejected(reference, 131_000, null, null, At));
        }

        var sent = new ReportedStatus("sent", $"wamid.{id}", DateTimeOffset.UtcNow, null, null, null, null);
        (await store.RuleAsync(organization.Id, [id], (_, state) => Message.Report(state, sent), default))
            .Single().Events.Select(e => e.GetType()).ShouldBe([typeof(MessageAccepted), typeof(MessageSent)]);
        await SweepAsync(TimeSpan.FromDays(29));
        (await StandingAsync(store, organization, id)).ShouldBe("sent");
        await SweepAsync(TimeSpan.FromDays(31));
        (await StandingAsync(store, organization, id)).ShouldBe("expired");
        (await SqlAsync($"SELECT count(*) FROM bsp.send_queue WHERE message_id = '{id}'")).ShouldBe(0L);
    }

    [Fact]
    public async Task What_Meta_says_it_delivered_after_all_waits_for_nothing()
    {
        var organization = await app.NewOrganizationAsync();
        var id = await UnknownAsync(organization);
        (await organization.Writer.SendAsync("POST", $"/v1/messages/{id}/settle", new { outcome = "sent" })).Status.ShouldBe(200);
        var delivered = new ReportedStatus("delivered", $"wamid.{id}", DateTimeOffset.UtcNow, null, null, null, null);
        var store = app.Services.GetRequiredService<IEventStore>();
        await store.RuleAsync(organization.Id, [id], (_, state) => Message.Report(state, delivered), default);
        (await StandingAsync(store, organization, id)).ShouldBe("delivered");
        (await SqlAsync($"SELECT count(*) FROM bsp.send_queue WHERE message_id = '{id}'")).ShouldBe(0L);
    }

    [Fact]
    public async Task Those_that_were_left_without_a_row_get_it_from_the_migration()
    {
        var organization = await app.NewOrganizationAsync();
        var (left, ended) = (await UnknownAsync(organization), await UnknownAsync(organization));
        foreach (var id in new[] { left, ended })
        {
            await AppendAsync(organization, id, 3, new MessageUnknownClosed(Reference(organization, id), "deadline", At),
                new MessageAccepted(Reference(organization, id), $"wamid.{id}", false, "webhook", At));
        }

        await AppendAsync(organization, ended, 5, new MessageFailed(Reference(organization, ended), 131_026, null, null, null, At));
        await SqlAsync($"DELETE FROM bsp.send_queue WHERE message_id = '{left}'");
        var assembly = typeof(SendSweeper).Assembly;
        await using var text =
            assembly.GetManifestResourceStream(assembly.GetManifestResourceNames()
                .Single(n => n.EndsWith("0118_accepted_after_the_end.sql", StringComparison.Ordinal)))!;
        await SqlAsync(await new StreamReader(text).ReadToEndAsync());
        (await SqlAsync($"SELECT due_at FROM bsp.send_queue WHERE message_id = '{left}' AND state = 3"))
            .ShouldBe((At + SendQueueView.TimeToLiveStandard).UtcDateTime);
        (await SqlAsync($"SELECT count(*) FROM bsp.send_queue WHERE message_id = '{ended}'")).ShouldBe(0L);
    }

    private async Task<object?> SqlAsync(string sql)
    {
        await using var command = app.Admin.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }

    private static MessageRef Reference(TestOrganization organization, Guid id) =>
        new(id, organization.AccountId, id, Uuid.Conversation(organization.AccountId, id), null, "text", "outbound");

    private async Task AppendAsync(TestOrganization organization, Guid id, long version, params MessageEvent[] events) =>
        (await app.Services.GetRequiredService<IEventStore>()
            .AppendAsync(organization.Id, [new(id, "message", version, events)], default)).Verdict.ShouldBe(AppendVerdict.Ok);

    private async Task SweepAsync(TimeSpan later)
    {
        var clock = new MovableClock();
        clock.Advance(later);
        using var sweeper = ActivatorUtilities.CreateInstance<SendSweeper>(app.Services, clock);
        await sweeper.SweepAsync(app.Services.GetRequiredService<Shards>().All[0], default);
    }

    private static async Task<string> StandingAsync(IEventStore store, TestOrganization organization, Guid id) =>
        (await store.LoadStateAsync<Message, MessageEvent>(organization.Id, id, default)).State.Standing;

    private async Task<Guid> UnknownAsync(TestOrganization organization)
    {
        var id = Uuid.New();
        var contact = Uuid.New();
        var reference =
            new MessageRef(id, organization.AccountId, contact, Uuid.Conversation(organization.AccountId, contact), null, "text",
                "outbound");
        MessageEvent[] events =
        [
            new MessageQueued(reference, null, new(Uuid.New(), "AAAA"), new("api", null, null, true), At),
            new MessageSending(reference, 1, Uuid.New(), At),
            new MessageOutcomeUnknown(reference, "no answer", DateTimeOffset.UtcNow.AddDays(1), At),
        ];
        var outcome = await app.Services.GetRequiredService<IEventStore>()
            .AppendAsync(organization.Id, [new(id, "message", 0, events)], default);
        outcome.Verdict.ShouldBe(AppendVerdict.Ok);
        return id;
    }
}
