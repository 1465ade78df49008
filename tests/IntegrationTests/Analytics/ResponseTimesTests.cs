using Bsp.Application.Analytics;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.ResponseTimes;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.Views;

namespace Bsp.IntegrationTests.Analytics;

/// <summary>How fast people answer: episodes, what the machine answers, who is credited, and the view built anew.</summary>
public sealed class ResponseTimesTests(StoresFixture fixture)
{
    private static readonly DateTimeOffset Nine = new(2026, 6, 1, 9, 0, 0, TimeSpan.Zero); // a Monday
    private static readonly (Guid Conversation, Guid Account, Guid Contact) One = (Uuid.Of("c"), Uuid.Of("a"), Uuid.Of("p"));
    private static readonly (Guid Ann, Guid Ben, Guid Team) Who = (Uuid.Of("ann"), Uuid.Of("ben"), Uuid.Of("team"));
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_episode_has_a_first_answer_then_next_ones_and_a_resolution_also_after_a_rebuild_and_cut_anyhow()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var organization = await database.NewOrganizationAsync();
        await database.ExecuteAsync("UPDATE organizations SET settings = $2::jsonb WHERE id = $1", organization,
            """{"business_hours": {"mon": [["09:00", "12:00"]], "tue": [["09:00", "12:00"]]}}""");
        object[] facts =
        [
            new ConversationAnswered(One.Conversation, One.Account, One.Contact, Uuid.Of("m0"), Who.Ann, Who.Ann.ToString(), Nine),
                // we began
            Received(0), Received(2),
            new ConversationAssigned(One.Conversation, One.Account, One.Contact, Who.Ben, Nine.AddMinutes(3), Who.Team, "queue"),
            Answered(5, Who.Ann), Received(6), Answered(7, Who.Ben), Answered(8, Who.Ben), // nobody waited for the last one
            Received(179), Filed(24 * 60, "archived"),
            Received(24 * 60 + 30), Answered(24 * 60 + 31, null, "phone"), Filed(24 * 60 + 40, "spam"), Received(24 * 60 + 50),
        ];
        var events = facts.Select((body, i) => Inbound.Stored(organization, body, One.Conversation, i + 1) with { Timestamp =
            Nine.AddDays(2) })
            .ToList();
        await database.ExecuteAsync("INSERT INTO mt_streams (tenant_id, id, version) VALUES ($1, $2, 1)", organization.ToString(),
            One.Conversation); // a swap sees who has events
        var view = new ResponseTimesProjection();
        var shard = database.Shard;
        await new ProjectionBoard(shard).EnterAsync(view.Name, Ct);
        foreach (var (after, upTo) in ((long, long)[])[(0, 1), (1, 5), (5, 6), (6, facts.Length)])
        {
            await view.ApplyAsync(new(shard, after, upTo, [.. events.Where(e => e.Sequence > after && e.Sequence <= upTo)]), Ct);
        }

        string[] expected =
        [
            $"first {Who.Ann} 300 300", $"next {Who.Ben} 60 60", $"resolution {Who.Ben} 86400 10800", "first phone 60 60",
        ];
        (await RowsAsync()).ShouldBe(expected);

        await database.ExecuteAsync("UPDATE bsp.response_times SET seconds = 1");
        await database.ExecuteAsync("UPDATE bsp.response_clocks SET episode = 99");
        var (board, copy) = (new ProjectionBoard(shard), view.Beside!);
        await board.BeginCopyAsync(view.Name, Ct);
        await copy.BeginAsync(shard, Ct);
        await copy.ApplyAsync(new(shard, 0, facts.Length, events), Ct);
        (await copy.SwapAsync(shard, Ct)).ShouldBeTrue();
        (await RowsAsync()).ShouldBe(expected);

        var handler = new AgentTimesHandler(database.Shards, TimeProvider.System);
        var scope = new AnalyticsScope(organization, new(2026, 6, 1), new(2026, 6, 2), null, null, "UTC");
        var agents = (await handler.Handle(new GetAgentTimes(scope, "agent"), Ct)).Rows;
        var ben = agents.Single(a => a.Group == Who.Ben.ToString());
        (ben.Next.Count, ben.Next.MedianSeconds, ben.Resolution.MedianSeconds, ben.Resolution.BusinessMedianSeconds, ben.Waiting)
            .ShouldBe((1, 60, 86_400, 10_800, 1));
        ben.LongestWaitingSeconds!.Value.ShouldBeGreaterThan(0);
        agents.Single(a => a.Group == "phone").First.P90Seconds.ShouldBe(60);
        (await handler.Handle(new GetAgentTimes(scope, "day"), Ct)).Rows.Select(r => $"{r.Group} {r.First.Count} {r.Resolution.Count}")
            .ShouldBe(["2026-06-01 1 0", "2026-06-02 1 1"]);
        (await handler.Handle(new GetAgentTimes(scope, "team"), Ct)).AsOf.ShouldNotBeNull();
        (await Should.ThrowAsync<Refusal>(handler.Handle(new GetAgentTimes(scope with { Zone = "Mars/Olympus" }, "team"), Ct))).Code
            .ShouldBe("analytics.zone");
        var neighbour = await database.NewOrganizationAsync();
        (await handler.Handle(new GetAgentTimes(scope with { OrganizationId = neighbour }, "agent"), Ct)).Rows.ShouldBeEmpty();

        async Task<string[]> RowsAsync() => (await database.ScalarAsync<string>("""
            SELECT string_agg(concat_ws(' ', kind, by, seconds, business_seconds), ';' ORDER BY position) FROM bsp.response_times
             WHERE organization_id = $1
            """, organization)).Split(';');
    }

    [Theory]
    [InlineData("2026-06-01T08:00:00Z", "2026-06-01T10:00:00Z", 3_600)]
    [InlineData("2026-06-01T11:00:00Z", "2026-06-08T09:30:00Z", 5_400)]
    [InlineData("2026-06-02T00:00:00Z", "2026-06-03T00:00:00Z", 0)]
    public void Seconds_count_within_business_hours_only(string from, string to, long seconds) =>
        BusinessHours.Read("""{"mon": [["09:00", "12:00"]], "noday": 1, "tue": [["12:00", "09:00"]]}""", null)!.Seconds(
            DateTimeOffset.Parse(from, System.Globalization.CultureInfo.InvariantCulture),
            DateTimeOffset.Parse(to, System.Globalization.CultureInfo.InvariantCulture)).ShouldBe(seconds);

    [Theory]
    [InlineData(null)]
    [InlineData("nonsense")]
    [InlineData("[]")]
    [InlineData("""{"mon": "always"}""")]
    public void Hours_that_cannot_be_read_are_none(string? json) => BusinessHours.Read(json, "Europe/Madrid").ShouldBeNull();

    private static MessageReceived Received(int minutes) => new(new(Uuid.Of($"r{minutes}"), One.Account, One.Contact, One.Conversation,
        null,
        "text", "inbound"), $"wamid.{minutes}", Plain.Seal("{}"), false, null, Nine.AddMinutes(minutes));

    private static ConversationAnswered Answered(int minutes, Guid? user, string? by = null) =>
        new(One.Conversation, One.Account, One.Contact,
        Uuid.Of($"o{minutes}"), user, by ?? user.ToString()!, Nine.AddMinutes(minutes));

    private static ConversationClassified Filed(int minutes, string status) =>
        new(One.Conversation, One.Account, One.Contact, status, "medium",
        [], Nine.AddMinutes(minutes));
}
