using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.IntegrationTests.Contacts;

public sealed class ErasureTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_ordered_is_found_and_finished_by_the_next_process_wherever_the_last_one_died()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001", f =>
            f with { Email = "ann@example.com" }, new("OPTED_IN", "form", "signed by Ann"));
        var sealedText = (await database.Personal.SealAsync(organization, [(ann, "hello")], Ct))[0];

        // Died after the order: the row and the keys are still there, the next worker writes the event.
        await database.OrderErasureAsync(organization, ann);
        await database.Log.AdminQueryAsync(
            "INSERT INTO bsp.projections (name, sequence) VALUES ('conversations.v1', 0) ON CONFLICT (name) DO UPDATE SET sequence = 0 RETURNING 1", _ => 0);
        (await database.CarryErasureAsync(organization, ann)).ShouldNotBeNull(); // the documents have not come so far
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE id = $1", ann)).ShouldBe(0);
        (await database.Personal.OpenAsync(organization, [sealedText], Ct)).ShouldBe([null]);
        (await database.OrderErasureAsync(organization, ann)).Status.ShouldBe("running");

        await database.Log.AdminQueryAsync("UPDATE bsp.projections SET sequence = 1000000000 WHERE name = 'conversations.v1' RETURNING 1",
            _ => 0);
        (await database.CarryErasureAsync(organization, ann)).ShouldBeNull();
        (await database.CarryErasureAsync(organization, ann)).ShouldBeNull(); // again: nothing
        var again = await database.OrderErasureAsync(organization, ann);
        (again.ContactId, again.Status).ShouldBe((ann, "completed"));
        (await database.Store.LoadAsync(organization, ann, Ct)).Events.Count(e => e.Body is ContactErased).ShouldBe(1);
        (await database.Log.ScalarAsync<bool>("SELECT identities IS NULL FROM bsp.contact_erasures WHERE contact_id = $1", ann))
            .ShouldBeTrue();
    }

    [Fact]
    public async Task An_order_whose_process_died_before_the_event_is_carried_out()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001");
        await database.OrderErasureAsync(organization, ann);
        var bob = await database.CreateAsync(organization, "+4915100000002");
        await database.Log.AdminQueryAsync(
            "INSERT INTO bsp.contact_erasures (contact_id, organization_id, contact_ids, identities) SELECT $1, organization_id, ARRAY[$1], identities FROM bsp.contact_erasures WHERE contact_id = $2 RETURNING 1", _ => 0, bob, ann);
        await database.CarryErasureAsync(organization, bob);
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE id = $1", bob)).ShouldBe(0);
        (await database.Store.LoadAsync(organization, bob, Ct)).Events.Single().Body.ShouldBeOfType<ContactErased>();
    }

    [Fact]
    public async Task Nothing_more_is_sealed_for_who_was_erased_and_the_same_person_later_is_somebody_new()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001", f => f with { WaUserId = "DE.1" });
        await database.OrderErasureAsync(organization, ann);
        (await Should.ThrowAsync<Refusal>(database.Personal.SealAsync(organization, [(ann, "hello")], Ct))).Code.ShouldBe(
            "contact.unknown");
        (await Should.ThrowAsync<Refusal>(database.GetAsync(organization, ann))).Code.ShouldBe("contact.unknown");
        var fresh = (await database.EnsureAsync(organization,
            new Bsp.Application.Contacts.ContactIdentity("4915100000001", "DE.1", "Ann")))[0];
        fresh.Created.ShouldBeTrue();
        fresh.Id.ShouldNotBe(ann);
        (await database.GetAsync(organization, fresh.Id)).ConsentStatus.ShouldBe("PENDING");
    }

    [Fact]
    public async Task Erasing_a_merged_person_erases_all_of_him_by_any_of_his_ids()
    {
        var organization = await database.NewOrganizationAsync();
        var (a, b) =
            (await database.CreateAsync(organization, "+4915100000001"), await database.CreateAsync(organization, "+4915100000002"));
        var seals = await database.Personal.SealAsync(organization, [(a, "as a"), (b, "as b")], Ct);
        await database.MergeAsync(organization, a, b);
        var erasure = await database.OrderErasureAsync(organization, b);
        erasure.ContactIds.ShouldBe([a, b], ignoreOrder: true);
        (await database.Personal.OpenAsync(organization, seals, Ct)).ShouldBe([null, null]);
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM bsp.contact_aliases WHERE organization_id = $1", organization))
            .ShouldBe(0);
        (await database.OrderErasureAsync(organization, a)).ContactId.ShouldBe(a);
    }

    [Fact]
    public async Task A_merged_person_whose_row_was_deleted_is_erased_by_any_of_his_ids()
    {
        var organization = await database.NewOrganizationAsync();
        var (a, b, c) =
            (await database.CreateAsync(organization, "+4915100000001"), await database.CreateAsync(organization, "+4915100000002"),
                await database.CreateAsync(organization, "+4915100000003"));
        var seals = await database.Personal.SealAsync(organization, [(a, "as a"), (b, "as b"), (c, "as c")], Ct);
        await database.MergeAsync(organization, b, c);
        await database.MergeAsync(organization, a, b);
        await new DeleteContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit)
            .Handle(new(organization, a, null), Ct);
        (await database.Personal.OpenAsync(organization, seals, Ct)).ShouldBe(["as a", "as b", "as c"]);
        (await Should.ThrowAsync<Refusal>(database.OrderErasureAsync(await database.NewOrganizationAsync(), c))).Code.ShouldBe(
            "contact.unknown");
        var erasures =
            await Task.WhenAll(new[] { a, b, c, c, b, a }.Select(id => Task.Run(() => database.OrderErasureAsync(organization, id))));
        erasures.ShouldAllBe(e => e.ContactId == a && e.ContactIds.Count == 3);
        (await database.Personal.OpenAsync(organization, seals, Ct)).ShouldBe([null, null, null]);
        (await database.Store.LoadAsync(organization, a, Ct)).Events.Count(e => e.Body is ContactErased).ShouldBe(1);
        (await Should.ThrowAsync<Refusal>(database.OrderErasureAsync(organization, Uuid.New()))).Code.ShouldBe("contact.unknown");
    }

    [Fact]
    public async Task A_file_sent_in_before_the_erasure_does_not_bring_the_person_back()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001", f => f with { Email = "ann@example.com" });
        var rejected =
            await database.ImportAsync(organization, "phone_number,first_name,email\n+49 151 00000001,Ann,no address\nx,Other,other\n");
        var file = await database.StageAsync(organization, "phone_number,first_name\n+4915100000001,Ann\n+4915100000002,Bob\n");
        await database.OrderErasureAsync(organization, ann);
        (await database.CarryErasureAsync(organization, ann)).ShouldNotBeNull(); // the file is still being taken in
        await database.Worker().WorkAsync(Ct);
        var import = await database.ImportAsync(organization, file);
        (import.Status, import.Created, import.Rejected).ShouldBe(("completed", 1, 1));
        (await database.FindAsync(organization)).Select(c => c.PhoneNumber).ShouldBe(["+4915100000002"]);
        (await database.RejectedAsync(organization, file)).Single()
            .ShouldSatisfyAllConditions(r => r.Reason.ShouldBe("was erased after the file was sent in"), r => r.Fields.ShouldBeEmpty());
        (await database.RejectedAsync(organization, rejected.Id)).Select(r => r.Fields.Count).ShouldBe([0, 3]);
        // sent in afterwards: somebody's decision
        var later = await database.ImportAsync(organization, "phone_number,first_name\n+4915100000001,Ann\n");
        later.Created.ShouldBe(1);
    }

    [Fact]
    public async Task A_merge_and_an_erasure_at_once_end_as_one_before_the_other()
    {
        var (mergedFirst, erasedFirst) = (0, 0);
        for (var round = 0; round < 30; round++)
        {
            var organization = await database.NewOrganizationAsync();
            var (a, b) =
                (await database.CreateAsync(organization, "+4915100000001"),
                    await database.CreateAsync(organization, "+4915100000002", null, new("OPTED_IN", "form", "page 7")));
            var seals = await database.Personal.SealAsync(organization, [(a, "as a"), (b, "as b")], Ct);
            var merge = Task.Run(async () =>
            {
                try
                {
                    return await database.MergeAsync(organization, a, b) == a;
                }
                catch (Refusal refusal) when (refusal.Code == "contact.unknown")
                {
                    return false;
                }
            }, Ct);
            var erasure = await Task.Run(() => database.OrderErasureAsync(organization, round % 3 == 2 ? b : a), Ct);
            var merged = await merge;
            var texts = await database.Personal.OpenAsync(organization, seals, Ct);
            if (merged)
            {
                // All of the person is gone, by whichever id they were named.
                mergedFirst++;
                (erasure.ContactId, erasure.ContactIds.Order())
                    .ShouldSatisfyAllConditions(e => e.ContactId.ShouldBe(a), e => e.Item2.ShouldBe(new[] { a, b }.Order()));
                texts.ShouldBe([null, null]);
                (await database.Log.ScalarAsync<long>("SELECT count(*) FROM bsp.contact_keys WHERE organization_id = $1", organization))
                    .ShouldBe(0);
                (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE organization_id = $1", organization))
                    .ShouldBe(0);
            }
            else
            {
                // There was nobody to merge with: the other one is as before.
                erasedFirst++;
                erasure.ContactIds.ShouldBe([round % 3 == 2 ? b : a]);
                texts.Count(t => t is null).ShouldBe(1);
                (await database.GetAsync(organization, round % 3 == 2 ? a : b)).Id.ShouldNotBe(erasure.ContactId);
            }
        }

        (mergedFirst + erasedFirst).ShouldBe(30);
    }

    [Fact]
    public async Task A_person_merged_in_after_an_order_that_its_process_did_not_carry_out_is_erased_too()
    {
        var organization = await database.NewOrganizationAsync();
        var (a, b) =
            (await database.CreateAsync(organization, "+4915100000001"), await database.CreateAsync(organization, "+4915100000002"));
        var seals = await database.Personal.SealAsync(organization, [(a, "as a"), (b, "as b")], Ct);
        await database.Log.AdminQueryAsync(
            "INSERT INTO bsp.contact_erasures (contact_id, organization_id, contact_ids, identities) VALUES ($1, $2, ARRAY[$1], $3) RETURNING 1", _ => 0, a, organization,
            database.Secrets.Seal("""{"Phones":["+4915100000001"],"UserIds":[],"Emails":[]}""")); // as an earlier build left it
        await database.MergeAsync(organization, a, b);
        await database.CarryErasureAsync(organization, a);
        (await database.Personal.OpenAsync(organization, seals, Ct)).ShouldBe([null, null]);
        (await database.OrderErasureAsync(organization, b)).ContactIds.ShouldBe([a, b], ignoreOrder: true);
    }

    [Fact]
    public async Task It_is_not_completed_before_the_copy_of_a_rebuild_under_way_has_lost_the_texts_too()
    {
        var organization = await database.NewOrganizationAsync();
        var account = await database.NewAccountAsync(organization, "waba-rebuild");
        var ann = await database.CreateAsync(organization, "+4915100000001");
        var message = Uuid.New();
        var content =
            (await database.Personal.SealAsync(organization, [(ann, """{"message":{"type":"text","text":{"body":"xylophone"}}}""")],
                Ct))[0];
        await database.Store.AppendAsync(organization,
            [new(message, "message", 0,
                [new MessageReceived(new(message, account, ann, Uuid.Conversation(account, ann), null, "text", "inbound"), "wamid.rebuild",
                    content, false, null, DateTimeOffset.UtcNow)])], Ct);
        var (projection, board, shard) =
            (new ConversationsProjection(database.Documents, database.Personal), new ProjectionBoard(database.Shards.All[0]),
                database.Shards.All[0]);
        var copy = projection.Beside!;
        await board.BeginCopyAsync(projection.Name, Ct);
        await copy.BeginAsync(shard, Ct);
        await copy.ApplyAsync(await PageAsync(0), Ct);
        const string left = "SELECT count(*) FROM documents.messages_next WHERE doc::text LIKE '%xylophone%'";
        (await database.Log.ScalarAsync<long>(left)).ShouldBe(1);

        await database.OrderErasureAsync(organization, ann);
        // the view that serves has met the event
        await database.Log.AdminQueryAsync(
            "INSERT INTO bsp.projections (name, sequence) VALUES ($1, 1000000000) ON CONFLICT (name) DO UPDATE SET sequence = 1000000000 RETURNING 1", _ => 0, projection.Name);
        (await database.CarryErasureAsync(organization, ann)).ShouldNotBeNull().ShouldContain("rebuilt");
        (await database.OrderErasureAsync(organization, ann)).Status.ShouldBe("running");

        await copy.ApplyAsync(await PageAsync(await copy.CheckpointAsync(shard, Ct)), Ct);
        (await database.Log.ScalarAsync<long>(left)).ShouldBe(0);
        (await database.CarryErasureAsync(organization, ann)).ShouldBeNull();
        (await database.OrderErasureAsync(organization, ann)).Status.ShouldBe("completed");
        await copy.DropAsync(shard, Ct);
        await board.ForgetCopyAsync(projection.Name, Ct);
    }

    [Fact]
    public async Task Whether_somebody_was_erased_is_looked_up_by_its_index()
    {
        var organization = await database.NewOrganizationAsync();
        await database.Log.AdminQueryAsync(
            "INSERT INTO bsp.contact_erasures (contact_id, organization_id, contact_ids) SELECT i, $1, ARRAY[i, gen_random_uuid()] FROM (SELECT gen_random_uuid() AS i FROM generate_series(1, 5000)) g RETURNING 1", _ => 0, organization);
        await database.Log.AdminQueryAsync("ANALYZE bsp.erased_contacts", _ => 0);
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM bsp.erased_contacts WHERE organization_id = $1", organization))
            .ShouldBe(10_000);
        var plan = string.Join('\n', await database.Shards.All[0].QueryAsync(organization, """
            EXPLAIN SELECT 1 FROM unnest(ARRAY['00000000-0000-0000-0000-000000000001'::uuid]) AS fresh (contact_id)
             WHERE NOT EXISTS (SELECT FROM bsp.erased_contacts e WHERE e.organization_id = bsp.tenants()::uuid AND e.contact_id = fresh.contact_id)
            """.Replace("bsp.tenants()::uuid", $"'{organization}'", StringComparison.Ordinal), r => r.GetString(0), Ct));
        plan.ShouldContain("erased_contacts_pkey");
        plan.ShouldNotContain("Seq Scan on erased_contacts");
    }

    private async Task<EventPage> PageAsync(long after)
    {
        await using var reader = new LogReader(database.Shards.All[0], new());
        var page = await reader.ReadAsync(after, null, 1_000, Ct);
        return new(database.Shards.All[0], after, page.Events[^1].Sequence,
            [.. page.Events.Where(e => e.Type is "message_received" or "contact_erased")]);
    }

    [Fact]
    public async Task Bad_rows_of_the_person_are_emptied_in_every_spelling_and_those_of_others_stay()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915112345678", f => f with { Email = "ann@example.com", WaUserId = "DE.1" });
        string[] hers =
            ["0151 12345678", "0049151/12345678;ext", "+49 (0)151 12345678 mobile", "tel:+4915112345678", "Ann <ANN@Example.com>",
                "see DE.1", "{\"mail\":\"ann@example.com\"}"];
        string[] others = ["0151 12345679", "joann@example.com", "ann@example.community", "DE.12", "ann"];
        var import =
            await database.ImportAsync(organization,
                "phone_number,first_name\n" + string.Concat(hers.Concat(others)
                    .Select(text => $"not a number,\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"\n")));
        import.Rejected.ShouldBe(hers.Length + others.Length);
        var stranger = await database.NewOrganizationAsync();
        var theirs = await database.ImportAsync(stranger, "phone_number,first_name\nnot a number,ann@example.com\n");

        await database.OrderErasureAsync(organization, ann);
        await database.CarryErasureAsync(organization, ann);
        (await database.RejectedAsync(organization, import.Id)).Select(r => (r.Line, r.Fields.LastOrDefault()))
            .ShouldBe([.. hers.Select((_, i) => (i + 2, (string?)null)),
                .. others.Select((text, i) => (i + 2 + hers.Length, (string?)text))]);
        (await database.RejectedAsync(stranger, theirs.Id)).Single().Fields.ShouldBe(["not a number", "ann@example.com"]);
    }

    [Fact]
    public async Task Fifty_orders_at_once_erase_once_and_a_neighbours_contact_is_unknown()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001");
        var stranger = await database.NewOrganizationAsync();
        (await Should.ThrowAsync<Refusal>(database.OrderErasureAsync(stranger, ann))).Code.ShouldBe("contact.unknown");
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => database.OrderErasureAsync(organization, ann))));
        (await database.Store.LoadAsync(organization, ann, Ct)).Events.Count(e => e.Body is ContactErased).ShouldBe(1);
        (await Should.ThrowAsync<Refusal>(database.OrderErasureAsync(stranger, ann))).Code.ShouldBe("contact.unknown");
    }

    [Fact]
    public void A_person_is_cut_out_of_a_webhook_and_the_others_stay()
    {
        var body = """
            {"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"9"},
            "contacts":[{"wa_id":"4915100000001","profile":{"name":"Ann"}},{"wa_id":"4915100000002","profile":{"name":"Bob"}}],
            "messages":[{"from":"4915100000001","id":"wamid.1","text":{"body":"secret"}},{"from":"4915100000002","id":"wamid.2","text":{"body":"hello"}}],
            "statuses":[{"id":"wamid.3","recipient_id":"4915100000001"},{"id":"wamid.4","recipient_user_id":"DE.1"}]}}]}]}
            """u8.ToArray();
        var own = new OwnIds(new HashSet<string> { "9" }, new HashSet<string> { "1" });
        var rest = Text(JournalTraces.Without(body, own, new(["+4915100000001"], ["DE.1"], [])));
        rest.ShouldNotContain("Ann");
        rest.ShouldNotContain("secret");
        rest.ShouldNotContain("DE.1");
        rest.ShouldContain("Bob");
        rest.ShouldContain("wamid.2");
        JournalTraces.Without(body, own, new(["+4915100000009"], [], [])).ShouldBeNull();
        JournalTraces.Without("not JSON +4915100000001"u8.ToArray(), own, new(["+4915100000001"], [], [])).ShouldBeNull();
    }

    [Fact]
    public void Of_a_webhook_of_several_organizations_only_the_own_changes_are_shown_and_cut()
    {
        // Two WABAs; the first has a number of somebody else, too, and a change that names no number.
        var body = """
            {"object":"whatsapp_business_account","entry":[{"id":"1","changes":[
            {"field":"messages","value":{"metadata":{"phone_number_id":"9"},"messages":[{"from":"4915100000001","id":"wamid.mine"}]}},
            {"field":"messages","value":{"metadata":{"phone_number_id":"8"},"messages":[{"from":"4915100000001","id":"wamid.colleague"}]}},
            {"field":"odd","value":{"somewhere":["4915100000001","wamid.odd"]}}]},
            {"id":"2","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"7"},"messages":[{"from":"4915100000001","id":"wamid.neighbour"}]}},{"field":"odd","value":{"somewhere":["4915100000001"]}}]}]}
            """u8.ToArray();
        var own = new OwnIds(new HashSet<string> { "9" }, new HashSet<string> { "1" });
        var ann = new ErasedIdentities(["+4915100000001"], [], []);
        JournalTraces.Items(body, own, ann).Single()["id"]!.GetValue<string>().ShouldBe("wamid.mine");
        var rest = Text(JournalTraces.Without(body, own, ann));
        rest.ShouldNotContain("wamid.mine");
        rest.ShouldNotContain("wamid.odd");
        rest.ShouldContain("wamid.colleague");
        rest.ShouldContain("wamid.neighbour");
        rest.Split("4915100000001").Length.ShouldBe(4); // three of theirs are left
        JournalTraces.Without(body, new(new HashSet<string>(), new HashSet<string>()), ann).ShouldBeNull();
        JournalTraces.Without(body, own, new([], ["e"], [])).ShouldBeNull(); // an id is a whole value, not a letter of one
    }

    private static string Text(byte[]? body) => System.Text.Encoding.UTF8.GetString(body!);
}
