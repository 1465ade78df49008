using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Templates;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Contacts;
using Member = Bsp.Infrastructure.Campaigns.Member;

namespace Bsp.IntegrationTests.Campaigns;

/// <summary>Two members of a frozen audience turn out to be one person, at any moment: they get the campaign at most once.</summary>
public sealed class MergedAudienceTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)] // the member who had their turn is absorbed
    [InlineData(false)] // … survives
    public async Task Whose_other_contact_was_sent_it_before_the_merge_is_passed_over_as_a_duplicate(bool firstIsAbsorbed)
    {
        var (organization, campaign, contacts) = await FrozenAsync(3);
        await DispatchAsync(organization, campaign, 1, 1);
        await database.MergeAsync(organization, contacts[firstIsAbsorbed ? 2 : 0], contacts[firstIsAbsorbed ? 0 : 2]);
        await DispatchAsync(organization, campaign, 2, 10);
        (await BegunAsync(organization, campaign, contacts)).ShouldBe(["queued", "queued", "skipped duplicate"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Merged_before_their_turn_the_person_gets_it_in_the_place_of_the_first(bool firstIsAbsorbed)
    {
        var (organization, campaign, contacts) = await FrozenAsync(3);
        await database.MergeAsync(organization, contacts[firstIsAbsorbed ? 2 : 0], contacts[firstIsAbsorbed ? 0 : 2]);
        await DispatchAsync(organization, campaign, 1, 10);
        (await BegunAsync(organization, campaign, contacts)).ShouldBe(["queued", "queued", "skipped duplicate"]);
    }

    [Fact]
    public async Task Three_who_are_one_get_one_even_page_by_page()
    {
        var (organization, campaign, contacts) = await FrozenAsync(4);
        await database.MergeAsync(organization, contacts[1], contacts[0]);
        await DispatchAsync(organization, campaign, 1, 1);
        await database.MergeAsync(organization, contacts[3], contacts[1]);
        await DispatchAsync(organization, campaign, 2, 1);
        await DispatchAsync(organization, campaign, 3, 2);
        (await BegunAsync(organization, campaign, contacts)).ShouldBe(["queued", "skipped duplicate", "queued", "skipped duplicate"]);
    }

    [Fact]
    public async Task A_member_who_was_passed_over_keeps_nobody_from_their_message()
    {
        var (organization, campaign, contacts) = await FrozenAsync(2, "+491510000000X");
        await database.Log.AdminQueryAsync("UPDATE contacts SET phone_number = NULL WHERE id = $1 RETURNING 1", _ => 0, contacts[0]);
        await DispatchAsync(organization, campaign, 1, 1);
        await database.MergeAsync(organization, contacts[1], contacts[0]);
        await DispatchAsync(organization, campaign, 2, 1);
        (await BegunAsync(organization, campaign, contacts)).ShouldBe(["skipped no_phone", "queued"]);
    }

    [Fact]
    public async Task A_member_who_was_refused_keeps_nobody_from_their_message()
    {
        var (organization, campaign, contacts) = await FrozenAsync(2);
        await DispatchAsync(organization, campaign, 1, 1);
        await AppendAsync(organization, campaign, contacts[0], state => Message.Begin(state, Uuid.New(), Noon));
        await AppendAsync(organization, campaign, contacts[0], state =>
            Message.Refuse(state, retryable: false, 131026, "Undeliverable", null, Noon, Noon));
        await database.MergeAsync(organization, contacts[1], contacts[0]);
        await DispatchAsync(organization, campaign, 2, 1);
        (await BegunAsync(organization, campaign, contacts)).ShouldBe(["queued", "queued"]);
    }

    [Fact]
    public async Task Merged_while_both_wait_in_the_queue_the_later_one_does_not_leave()
    {
        var (organization, campaign, contacts) = await FrozenAsync(3);
        await using (var transaction = await database.Shards.All[0].BeginAsync(organization, Ct))
        {
            // The page was read before the merge and is written after it: both are queued.
            var members = await transaction.MembersAsync(organization, campaign, new(1, 10, null), 10, Ct);
            await database.MergeAsync(organization, contacts[0], contacts[2]);
            await WriteAsync(organization, campaign, members);
        }

        (await BegunAsync(organization, campaign, contacts)).ShouldBe(["queued", "queued", "queued"]);
        (await DuplicatesAsync(organization, campaign, contacts)).ShouldBe([2]);
        await AppendAsync(organization, campaign, contacts[0], state => Message.Begin(state, Uuid.New(), Noon));
        (await DuplicatesAsync(organization, campaign, contacts)).ShouldBe([2]);
    }

    [Fact]
    public async Task Whichever_call_was_begun_before_the_merge_stands_and_a_refused_one_does_not_count()
    {
        var (organization, campaign, contacts) = await FrozenAsync(2);
        await DispatchAsync(organization, campaign, 1, 10);
        await AppendAsync(organization, campaign, contacts[1], state => Message.Begin(state, Uuid.New(), Noon));
        await database.MergeAsync(organization, contacts[0], contacts[1]);
        (await DuplicatesAsync(organization, campaign, contacts)).ShouldBe([0]); // though its place is the first
        await AppendAsync(organization, campaign, contacts[1], state =>
            Message.Refuse(state, retryable: false, 131026, "Undeliverable", null, Noon, Noon));
        (await DuplicatesAsync(organization, campaign, contacts)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_page_of_a_large_audience_with_many_merged_people_is_found_by_indexes()
    {
        var (organization, campaign) = (await database.NewOrganizationAsync(), Uuid.New());
        await database.Log.AdminQueryAsync(
            "INSERT INTO contacts (id, organization_id) SELECT gen_random_uuid(), $1 FROM generate_series(1, 30000) RETURNING 1", _ =>
                0, organization);
        await database.Log.AdminQueryAsync(
            "INSERT INTO bsp.campaign_audience (campaign_id, ordinal, organization_id, contact_id) SELECT $1, row_number() OVER (ORDER BY id), organization_id, id FROM contacts WHERE organization_id = $2 RETURNING 1", _ => 0, campaign, organization);
        await database.Log.AdminQueryAsync(
            "INSERT INTO bsp.contact_aliases (contact_id, organization_id, into_id, merged_at) SELECT gen_random_uuid(), organization_id, id, now() FROM contacts WHERE organization_id = $1 LIMIT 5000 RETURNING 1", _ => 0, organization);
        await database.Log.AdminQueryAsync("ANALYZE contacts, bsp.campaign_audience, bsp.contact_aliases", _ => 0);
        var plan = string.Join('\n', await database.Shards.All[0]
            .QueryAsync(organization,
                $"EXPLAIN {DispatchSql.MembersSql.Replace("$1", $"'{campaign}'", StringComparison.Ordinal).Replace("$2", "10000", StringComparison.Ordinal).Replace("$3", "10500", StringComparison.Ordinal).Replace("$4", $"'{organization}'", StringComparison.Ordinal)}", r => r.GetString(0), Ct));
        plan.ShouldNotContain("Seq Scan on contacts");
        plan.ShouldNotContain("Seq Scan on campaign_audience");
        plan.ShouldNotContain("Seq Scan on contact_aliases y");
    }

    private async Task<(Guid Organization, Guid Campaign, Guid[] Contacts)> FrozenAsync(int count, string phones = "+491510000001X")
    {
        var (organization, campaign) = (await database.NewOrganizationAsync(), Uuid.New());
        var contacts = new Guid[count];
        for (var n = 0; n < count; n++)
        {
            contacts[n] = await database.CreateAsync(organization, phones.Replace("X", $"{n}", StringComparison.Ordinal));
        }

        await database.Log.AdminQueryAsync(
            "INSERT INTO bsp.campaign_audience (campaign_id, ordinal, organization_id, contact_id) SELECT $1, n, $2, i FROM unnest($3::uuid[]) WITH ORDINALITY AS u (i, n) RETURNING 1", _ => 0, campaign, organization, contacts);
        return (organization, campaign, contacts);
    }

    // A page as the driver makes it.
    private async Task DispatchAsync(Guid organization, Guid campaign, int from, int count)
    {
        await using var transaction = await database.Shards.All[0].BeginAsync(organization, Ct);
        await WriteAsync(organization, campaign, await transaction.MembersAsync(organization, campaign, new(from, from + count - 1, null),
            count, Ct));
    }

    private async Task WriteAsync(Guid organization, Guid campaign, List<Member> members)
    {
        var components = ContactsDatabase.Json("""{"body":{"text":"Hello."}}""");
        var text = new CampaignText(campaign, Uuid.New(), new(Uuid.New(), "hello", "en", "UTILITY"),
            TemplateBody.Prepare("hello", "en", components, null), components, null, IsApproved: true, RetryOf: null, Hours: null);
        foreach (var append in await new AudiencePage(text, database.Personal, Noon).DecideAsync(organization, members,
            skipsBeyondLimit: false, wanted => Task.FromResult<IReadOnlyList<bool>>([.. wanted.Select(_ => true)]), Ct))
        {
            (await database.Store.AppendAsync(organization, [append], Ct)).Verdict.ShouldBe(AppendVerdict.Ok);
        }
    }

    private async Task<List<string>> BegunAsync(Guid organization, Guid campaign, Guid[] contacts) =>
        [.. (await database.Store.LoadManyAsync(organization, [.. contacts.Select(c => Uuid.CampaignMessage(campaign, c))], Ct))
            .Select(s => s.Events[0].Body is MessageSkipped skipped ? $"skipped {skipped.Reason}" : "queued")];

    private async Task AppendAsync(Guid organization, Guid campaign, Guid contact, Func<Message, MessageEvent[]> decide) =>
        (await database.Store.RuleAsync(organization, [Uuid.CampaignMessage(campaign, contact)], (_, state) => decide(state), Ct))
        .Single().Events.ShouldNotBeEmpty();

    // Places, from 0, of the members whose message must not leave.
    private async Task<List<int>> DuplicatesAsync(Guid organization, Guid campaign, Guid[] contacts)
    {
        var ids = contacts.Select(c => Uuid.CampaignMessage(campaign, c)).ToList();
        var known = (await database.Store.LoadManyAsync(organization, ids, Ct))
            .ToDictionary(s => s.StreamId, s => new KnownMessage(s.Fold<Message, MessageEvent>(), s.Version));
        return [.. (await new MergedRecipients(database.Shards, database.Store).DuplicatesAsync(organization, known, Ct))
            .Select(id => ids.IndexOf(id)).Order()];
    }
}
