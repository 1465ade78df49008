using Bsp.Application.Contacts;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Domain.Conversations;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Lists;

namespace Bsp.IntegrationTests.Contacts;

public sealed class MergeTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_contacts_become_one_by_the_written_rules()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001", f =>
            f with { FirstName = "Ann", Tags = ["vip"], CustomFields = ContactsDatabase.Json("""{"a":1,"b":2}""") },
            new("OPTED_IN", "form", "page 7"));
        var other = await database.CreateAsync(organization, "+4915100000002", f =>
            f with { FirstName = "Anna", LastName = "Smith", Email = "ann@example.com", WaUserId = "DE.1", Tags = ["new"],
                CustomFields = ContactsDatabase.Json("""{"b":3,"c":4}""") }, new("OPTED_OUT", "keyword", "STOP"));
        await database.Log.AdminQueryAsync(
            "UPDATE contacts SET total_messages_sent = 3, total_messages_received = 4 WHERE id = ANY ($1) RETURNING 1", _ =>
                0, new[] { ann, other });
        var lists = new[] { await NewListAsync(organization, ann, other), await NewListAsync(organization, other) };

        (await database.MergeAsync(organization, ann, other)).ShouldBe(ann);

        var merged = await database.GetAsync(organization, ann);
        (merged.PhoneNumber, merged.WaUserId, merged.FirstName, merged.LastName, merged.Email)
            .ShouldBe(("+4915100000001", "DE.1", "Ann", "Smith", "ann@example.com"));
        (merged.ConsentStatus, merged.TotalMessagesSent, merged.TotalMessagesReceived).ShouldBe(("OPTED_OUT", 6, 8));
        merged.Tags.ShouldBe(["vip", "new"], ignoreOrder: true);
        merged.CustomFields.GetRawText().ShouldBe("""{"a": 1, "b": 2, "c": 4}""");
        foreach (var list in lists)
        {
            (await database.Log.ScalarAsync<int>("SELECT contact_count FROM contact_lists WHERE id = $1", list)).ShouldBe(1);
            (await database.Log.ScalarAsync<Guid>("SELECT contact_id FROM contact_list_items WHERE list_id = $1", list)).ShouldBe(ann);
        }

        // The other id keeps answering, for reading and for writing; its history is part of this one's.
        (await database.GetAsync(organization, other)).Id.ShouldBe(ann);
        await new ChangeContactConsentHandler(database.Consents, database.Shards)
            .Handle(new(organization, other, new("OPTED_IN", "form", "page 9")), Ct);
        (await database.GetAsync(organization, ann)).ConsentStatus.ShouldBe("OPTED_IN");
        var types = (await database.TimelineAsync(organization, other)).Select(t => t.Type).ToList();
        types.Count(t => t == "contact_consent_changed_v2").ShouldBe(3);
        types.ShouldContain("contact_merged");
        (await database.MergeAsync(organization, ann, other)).ShouldBe(ann); // again: nothing
        (await database.Store.LoadAsync(organization, ann, Ct)).Events.Count(e => e.Body is ContactMerged).ShouldBe(1);
    }

    [Fact]
    public async Task A_merge_is_no_leaving_of_a_list_and_what_was_put_away_still_lies_on_the_timeline()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001", null, new("OPTED_IN", "form", "page 7"));
        var other = await database.CreateAsync(organization, "+4915100000002");
        await NewListAsync(organization, ann, other);
        var list = await NewListAsync(organization, other);
        await database.MergeAsync(organization, ann, other);
        var entries = await database.TimelineAsync(organization, ann);
        entries.ShouldNotContain(e => e.Type == "list_left");
        entries.Count(e => e.Type == "list_joined").ShouldBe(3); // both of the first list, and their own of the second
        await database.Log.AdminQueryAsync("DELETE FROM contact_list_items WHERE list_id = $1 RETURNING 1", _ => 0, list);
        (await database.TimelineAsync(organization, other)).Count(e => e.Type == "list_left").ShouldBe(1);

        await database.Store.ArchiveAsync(organization,
            [(other, (await database.Store.LoadAsync(organization, other, Ct)).Version),
                (ann, (await database.Store.LoadAsync(organization, ann, Ct)).Version)], Ct);
        var types = (await database.TimelineAsync(organization, ann)).Select(e => e.Type).ToList();
        types.ShouldContain("contact_consent_changed_v2");
        types.ShouldContain("contact_absorbed");
    }

    [Fact]
    public async Task A_merged_persons_other_number_still_finds_him()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001");
        var other = await database.CreateAsync(organization, "+4915100000002");
        await database.MergeAsync(organization, ann, other);
        (await database.EnsureAsync(organization, new ContactIdentity("4915100000002", null, null))).ShouldBe([new(ann, false)]);
        var import = await database.ImportAsync(organization, "phone_number,first_name\n+4915100000002,Anna\n");
        (import.Created, import.Updated).ShouldBe((0, 1));
        (await database.GetAsync(organization, ann)).FirstName.ShouldBe("Anna");
        (await Should.ThrowAsync<Refusal>(database.CreateAsync(organization, "+4915100000002"))).Code.ShouldBe("contact.duplicate");
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE organization_id = $1", organization)).ShouldBe(1);
    }

    [Fact]
    public async Task Merges_of_merges_lead_to_the_last_one()
    {
        var organization = await database.NewOrganizationAsync();
        var ids = new List<Guid>();
        for (var n = 0; n < 4; n++)
        {
            ids.Add(await database.CreateAsync(organization, $"+491510000000{n}"));
        }

        await database.MergeAsync(organization, ids[1], ids[0]);
        await database.MergeAsync(organization, ids[2], ids[1]);
        await database.MergeAsync(organization, ids[3], ids[0]); // an id of old: means ids[2] by now
        foreach (var id in ids)
        {
            (await database.GetAsync(organization, id)).Id.ShouldBe(ids[3]);
        }
    }

    [Fact]
    public async Task Merging_each_into_the_other_at_once_leaves_one_and_loses_nothing()
    {
        for (var round = 0; round < 5; round++)
        {
            var organization = await database.NewOrganizationAsync();
            var a = await database.CreateAsync(organization, "+4915100000001", f => f with { Tags = ["a"] });
            var b = await database.CreateAsync(organization, "+4915100000002", f => f with { Tags = ["b"] });
            var list = await NewListAsync(organization, a, b);
            await Task.WhenAll(Enumerable.Range(0, 10)
                .Select(n =>
                    Task.Run(() => n % 2 == 0 ? database.MergeAsync(organization, a, b) : database.MergeAsync(organization, b, a))));
            var left = await database.GetAsync(organization, a);
            (await database.GetAsync(organization, b)).Id.ShouldBe(left.Id);
            left.Tags.ShouldBe(["a", "b"], ignoreOrder: true);
            (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE organization_id = $1", organization)).ShouldBe(1);
            (await database.Log.ScalarAsync<int>("SELECT contact_count FROM contact_lists WHERE id = $1", list)).ShouldBe(1);
        }
    }

    [Fact]
    public async Task A_merge_an_import_a_message_and_a_STOP_at_once_end_with_one_person_who_opted_out()
    {
        for (var round = 0; round < 5; round++)
        {
            var organization = await database.NewOrganizationAsync();
            var a = await database.CreateAsync(organization, "+4915100000001", consent: new("OPTED_IN", "form", null));
            var b = await database.CreateAsync(organization, "+4915100000002", consent: new("OPTED_IN", "form", null));
            var file = await database.StageAsync(organization,
                "phone_number,first_name,consent_status\n+4915100000002,Anna,OPTED_IN\n+4915100000001,,OPTED_IN\n");
            await Task.WhenAll(
                Task.Run(() => database.MergeAsync(organization, a, b)),
                Task.Run(async () =>
                {
                    while (await database.Worker().WorkAsync(Ct))
                    {
                    }
                }),
                Task.Run(() =>
                    database.EnsureAsync(organization, new ContactIdentity("4915100000002", null, "A"),
                        new ContactIdentity("4915100000001", null, "A"))),
                Task.Run(() => new ChangeContactConsentHandler(database.Consents, database.Shards)
                    .Handle(new(organization, b, new("OPTED_OUT", "keyword", "wamid.1")) { Once = true }, Ct)));
            (await database.ImportAsync(organization, file)).Status.ShouldBe("completed");
            (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE organization_id = $1", organization)).ShouldBe(1);
            (await database.GetAsync(organization, b))
                .ShouldSatisfyAllConditions(c => c.Id.ShouldBe(a), c => c.ConsentStatus.ShouldBe("OPTED_OUT"));
        }
    }

    [Fact]
    public async Task Whoever_changes_a_contact_while_it_is_merged_away_changes_the_surviving_one()
    {
        for (var round = 0; round < 10; round++)
        {
            var organization = await database.NewOrganizationAsync();
            var (a, b) =
                (await database.CreateAsync(organization, "+4915100000001"), await database.CreateAsync(organization, "+4915100000002"));
            var merge = Task.Run(() => database.MergeAsync(organization, a, b), Ct);
            await Task.WhenAll(Enumerable.Range(0, 12).Select(n => Task.Run(async () =>
            {
                await new PatchContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit)
                    .Handle(new(organization, b, ContactsDatabase.Json($$"""{"custom_fields":{"k{{n}}":{{n}} } }"""), null), Ct);
                (await database.GetAsync(organization, b)).ShouldNotBeNull();
            }, Ct)));
            await merge;
            (await database.GetAsync(organization, b))
                .ShouldSatisfyAllConditions(c => c.Id.ShouldBe(a), c => c.CustomFields.EnumerateObject().Count().ShouldBe(12));
            await new DeleteContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit)
                .Handle(new(organization, b, null), Ct);
        }
    }

    [Fact]
    public async Task A_merge_while_its_lists_are_deleted_and_changed_ends_with_counts_that_are_true()
    {
        for (var round = 0; round < 8; round++)
        {
            var organization = await database.NewOrganizationAsync();
            var (a, b, c) =
                (await database.CreateAsync(organization, "+4915100000001"), await database.CreateAsync(organization, "+4915100000002"),
                    await database.CreateAsync(organization, "+4915100000003"));
            var lists = new List<Guid>();
            for (var n = 0; n < 6; n++)
            {
                lists.Add(await NewListAsync(organization, n % 2 == 0 ? [a, b, c] : [b, c]));
            }

            var changes = lists.Select((list, n) => Task.Run(async () =>
            {
                if (n < 3)
                {
                    await new DeleteListHandler(database.Shards, database.Audit).Handle(new(organization, list, null), Ct);
                }
                else
                {
                    await new ChangeListMembersHandler(database.Shards, database.Audit).Handle(new(organization, list, [a, c], [b]), Ct);
                }
            }, Ct)).ToList();
            await Task.WhenAll([.. changes, Task.Run(() => database.MergeAsync(organization, a, b), Ct),
                Task.Run(() => database.MergeAsync(organization, b, c), Ct)]);
            (await database.GetAsync(organization, c)).Id.ShouldBe((await database.GetAsync(organization, a)).Id);
            (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE organization_id = $1", organization)).ShouldBe(1);
            (await database.Log.ScalarAsync<long>(
                "SELECT count(*) FROM contact_lists l WHERE l.organization_id = $1 AND l.contact_count <> (SELECT count(*) FROM contact_list_items i WHERE i.list_id = l.id)", organization)).ShouldBe(0);
            (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contact_lists WHERE organization_id = $1", organization))
                .ShouldBe(3);
        }
    }

    [Fact]
    public async Task An_open_window_of_the_other_contact_stays_open()
    {
        var organization = await database.NewOrganizationAsync();
        var account = await database.NewAccountAsync(organization, "waba-merge");
        var (a, b) =
            (await database.CreateAsync(organization, "+4915100000001"), await database.CreateAsync(organization, "+4915100000002"));
        var (now, theirs) = (DateTimeOffset.UtcNow, Uuid.Conversation(account, b));
        await database.Store.AppendAsync(organization,
            [new(theirs, "conversation", 0, Conversation.CustomerWrote(Conversation.Initial, theirs, account, b, now, now))], Ct);
        await database.MergeAsync(organization, a, b);
        var own = (await database.Store.LoadAsync(organization, Uuid.Conversation(account, a), Ct)).Fold<Conversation, ConversationEvent>();
        own.WindowUntil.ShouldNotBeNull().ShouldBeGreaterThan(now.AddHours(23));
    }

    [Fact]
    public async Task A_neighbours_contact_cannot_be_merged_with()
    {
        var (organization, stranger) = (await database.NewOrganizationAsync(), await database.NewOrganizationAsync());
        var own = await database.CreateAsync(organization, "+4915100000001");
        var theirs = await database.CreateAsync(stranger, "+4915100000002");
        (await Should.ThrowAsync<Refusal>(database.MergeAsync(organization, own, theirs))).Code.ShouldBe("contact.unknown");
        (await Should.ThrowAsync<Refusal>(database.MergeAsync(organization, theirs, own))).Code.ShouldBe("contact.unknown");
        (await database.GetAsync(stranger, theirs)).Id.ShouldBe(theirs);
    }

    private async Task<Guid> NewListAsync(Guid organization, params Guid[] members)
    {
        var list = (await new CreateListHandler(database.Shards, database.Audit).Handle(new(organization, "List", null, null), Ct)).Id;
        await new ChangeListMembersHandler(database.Shards, database.Audit).Handle(new(organization, list, members, []), Ct);
        return list;
    }
}
