using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>The main job, from a CSV to what every view shows.</summary>
public sealed class CampaignTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    [Fact]
    public async Task A_campaign_to_a_thousand_contacts_reaches_each_once_and_every_view_says_so()
    {
        const int people = 1_000;
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(people));
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        var members = await tenant.ReadAsync(campaign);

        members.Count.ShouldBe(people);
        members.Select(m => m.ContactId).Distinct().Count().ShouldBe(people);
        members.ShouldAllBe(m => m.Status == "read" && m.Attempts == 1);
        await app.Views.InboxEmptyAsync();
        await app.Views.AgreeAsync(tenant, campaign, "1000 1000 1000 0");
        await ProgressAsync(tenant, campaign, people, 0, 0);
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"),
            c => c["total_recipients"].GetInt32() == people, "its row has all");
        members.ShouldAllBe(m => app.Meta.State.CountOfCallback($"{m.MessageId}").Equals(ValueTuple.Create(1, 1)));
        await Patience.UntilAsync(() => app.Views.Documents.ConversationsAsync(tenant.Id),
            n => n == $"{people}", "each has a conversation");
    }

    [Fact]
    public async Task A_campaign_that_is_paused_while_pages_are_queued_queues_the_page_in_flight_and_no_other()
    {
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 1_000);
        await tenant.ImportAsync(Tenant.PlainNumbers(2_000));
        Guid campaign;
        await using (var connection = await app.Admin.OpenConnectionAsync(TestContext.Current.CancellationToken))
        {
            // the first page waits for its portfolio's row
            (await tenant.Api.SendAsync("PATCH", $"/v1/accounts/{tenant.AccountId}", new { messaging_limit = 100_000 }))
                .Status.ShouldBe(200);
            await using var hold = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
            await using var reserve = new Npgsql.NpgsqlCommand(
                "INSERT INTO bsp.portfolios (organization_id, portfolio, used) VALUES ($1, $2, 0)", connection);
            reserve.Parameters.Add(new() { Value = tenant.Id });
            reserve.Parameters.Add(new() { Value = tenant.WabaId });
            await reserve.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            campaign = await tenant.LaunchAsync();
            await Patience.UntilAsync(() =>
                app.Views.ScalarAsync(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
                    + "AND query LIKE '%bsp.take_reach%'"),
                    n => n != "0", "a page is in flight");
            (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/pause", new { reason = "wait" })).Status.ShouldBe(200);
            await hold.RollbackAsync(TestContext.Current.CancellationToken);
        }

        await Patience.UntilAsync(() => QueuedAsync(campaign), n => n != "0", "that page is queued");
        var other = await tenant.LaunchAsync(); // looked at in the driver's next round, when its turn with the first campaign is over
        await Patience.UntilAsync(() => QueuedAsync(other), n => n != "0", "another campaign has a page");
        (await QueuedAsync(campaign)).ShouldBe($"{Bsp.Infrastructure.Campaigns.CampaignDriver.PageMembersMax}");
        foreach (var left in (Guid[])[campaign, other])
        {
            (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{left}/cancel", new { reason = "seen enough" })).Status.ShouldBe(200);
        }
    }

    private Task<string> QueuedAsync(Guid campaign) =>
        app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = 'message_queued' AND data->'ref'->>'campaign_id' = $1",
            $"{campaign}");

    // Endings of the simulator's magic numbers (tools/MetaSimulator/README.md): how the message must end, and the Graph calls it takes.
    private static readonly (string Ending, string Status, int Calls)[] Magic =
    [
        ("0001", "failed", 1), ("0002", "read", 3), ("0003", "read", 1), ("0004", "delivered", 1), ("0005", "read", 1),
            ("0006", "rejected", 1), ("0007", "waiting_for_user_cap", 1),
        ("0008", "failed", 1), ("0009", "outcome_unknown", 1), ("0010", "read", 1), ("0011", "read", 1), ("0012", "read", 1),
        ("0013", "read", 1), ("0015", "read", 1), ("0016", "read", 2),
        ("0017", "read", 1), ("0018", "read", 1), ("0019", "failed", 1), ("0020", "failed", 1), ("0021", "outcome_unknown", 1),
        ("0023", "read", 1), ("0024", "read", 1), ("0025", "read", 1), ("4711", "read", 1),
    ];

    [Fact]
    public async Task Whatever_Meta_does_each_person_ends_as_he_must_and_only_proven_refusals_are_called_again()
    {
        using var tenant = await app.NewTenantAsync();
        string[] open = [.. Magic.SelectMany(m => new[] { $"+91987120{m.Ending}", $"+91987121{m.Ending}" })];
        string[] optedOut = [.. Enumerable.Range(0, 12).Select(i => $"+91987130{5000 + i}")];
        await tenant.ImportAsync(open);
        await tenant.ImportAsync(optedOut, "OPTED_OUT");
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        await tenant.EndedAsync(campaign);
        await app.Meta.State.WhenWebhooksAccepted(TestContext.Current.CancellationToken);
        await app.Views.InboxEmptyAsync();

        var numbers = await tenant.NumbersAsync();
        var members =
            await Patience.UntilAsync(() => tenant.MembersAsync(campaign), m =>
                m.Count(x => x.Status == "outcome_unknown") == 4 &&
                    m.Count(x => x.Status == "read") == 2 * Magic.Count(e => e.Status == "read"),
                "only the unanswered are unknown, and the others have read it");
        foreach (var member in members)
        {
            var number = numbers[member.ContactId];
            var (tried, accepted) = app.Meta.State.CountOfCallback(member.MessageId.ToString());
            if (optedOut.Contains(number))
            {
                (member.Status, member.Reason, tried).ShouldBe(("skipped", "no_consent", 0), number);
                continue;
            }

            var (ending, status, calls) = Magic.Single(m => number.EndsWith(m.Ending, StringComparison.Ordinal));
            (member.Status, member.Attempts, tried).ShouldBe((status, calls, calls), $"{ending}: {member.Reason}");
            accepted.ShouldBe(status is "rejected" or "outcome_unknown" ? 0 : 1, ending);
        }

        members.Count.ShouldBe(open.Length + optedOut.Length);
        app.Meta.State.Duplicates().CallbacksTotal.ShouldBe(0);
        numbers.Values.ShouldAllBe(number => app.Meta.State.CountOfRecipient(number.TrimStart('+')).Accepted <= 1);
        var sent = members.Count(m => m.Status is "read" or "delivered") + 2; // those ending in 0019 were sent before they failed
        (await app.Views.AgreeAsync(tenant, campaign))
            .ShouldBe($"{sent} {members.Count(m => m.Status is "read" or "delivered")} {members.Count(m => m.Status == "read")} {members.Count(m => m.Status is "failed" or "rejected")}");
        await ProgressAsync(tenant, campaign, members.Count, optedOut.Length, 4);
        await ConsentAsync(tenant, "0005", "OPTED_OUT");
        await ConsentAsync(tenant, "0008", "OPTED_OUT");
        await ConsentAsync(tenant, "0025", "OPTED_OUT");
        await ConsentAsync(tenant, "4711", "OPTED_IN");
    }

    private static Task ProgressAsync(Tenant tenant, Guid campaign, int total, int skipped, int unknown) => Patience.SoonAsync(async () =>
    {
        var progress = await tenant.ProgressAsync(campaign);
        (progress["total"].GetInt32(), progress["queued"].GetInt32(), progress["skipped"].GetInt32(), progress["unknown"].GetInt32())
            .ShouldBe((total, 0, skipped, unknown));
    });

    private static Task ConsentAsync(Tenant tenant, string ending, string consent) =>
        Patience.UntilAsync(() => tenant.AllAsync("/v1/contacts"),
        all => all.Where(c => c.GetProperty("phone_number").GetString()!.EndsWith(ending, StringComparison.Ordinal))
        .All(c => c.GetProperty("consent_status").GetString() == consent), $"those ending in {ending} are {consent}");
}
