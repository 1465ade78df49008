using Bsp.Application.Contacts;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Infrastructure.Sharding;

namespace Bsp.IntegrationTests.Contacts;

public sealed class IdentityTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_new_number_moves_with_the_person_and_the_old_one_is_nobodys()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001", consent: new("OPTED_IN", "form", null));
        (await database.MoveAsync(organization, new("+4915100000001", null, null), new("+4915100000009", null, null), "wamid.1"))
            .ShouldBe(ann);
        (await database.GetAsync(organization, ann))
            .ShouldSatisfyAllConditions(c => c.PhoneNumber.ShouldBe("+4915100000009"), c => c.ConsentStatus.ShouldBe("OPTED_IN"));
        // given to somebody else
        (await database.EnsureAsync(organization, new ContactIdentity("4915100000001", null, null)))[0].Created.ShouldBeTrue();
        var moved = (await database.TimelineAsync(organization, ann)).Single(t => t.Type == "contact_identity_changed");
        moved.Data.GetProperty("identity").GetProperty("before").GetProperty("phone_number").GetString().ShouldBe("+4915100000001");
        (await database.Log.ScalarAsync<string>("SELECT string_agg(data::text, ' ') FROM mt_events WHERE stream_id = $1", ann))
            .ShouldNotContain("15100000001");
    }

    [Fact]
    public async Task The_same_news_again_changes_nothing()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001");
        for (var n = 0; n < 3; n++)
        {
            (await database.MoveAsync(organization, new("+4915100000001", null, null), new("+4915100000009", null, null), "wamid.1"))
                .ShouldBe(ann);
        }

        (await database.Store.LoadAsync(organization, ann, Ct)).Events.Count(e => e.Body is ContactIdentityChanged).ShouldBe(1);
        (await database.MoveAsync(organization, new("+4915177777777", null, null), new("+4915188888888", null, null), "wamid.2"))
            .ShouldBeNull();
    }

    [Fact]
    public async Task A_person_who_wrote_from_the_new_number_first_is_the_same_person()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001", f => f with { WaUserId = "DE.old", FirstName = "Ann" });
        var early = (await database.EnsureAsync(organization, new ContactIdentity("4915100000009", "DE.new", "Annie")))[0].Id;
        await Task.WhenAll(Enumerable.Range(0, 8)
            .Select(_ =>
                Task.Run(() =>
                    database.MoveAsync(organization, new("+4915100000001", "DE.old", null), new("+4915100000009", "DE.new", null),
                        "wamid.1"))));
        var person = await database.GetAsync(organization, early);
        (person.Id, person.PhoneNumber, person.WaUserId, person.FirstName).ShouldBe((ann, "+4915100000009", "DE.new", "Ann"));
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE organization_id = $1", organization)).ShouldBe(1);
        (await database.EnsureAsync(organization, new ContactIdentity("4915100000009", "DE.new", null),
            new ContactIdentity(null, "DE.new", null))).ShouldBe([new(ann, false), new(ann, false)]);
    }

    [Fact]
    public async Task A_user_id_and_a_number_that_were_two_contacts_become_one_when_Meta_names_both()
    {
        var organization = await database.NewOrganizationAsync();
        var byUser = (await database.EnsureAsync(organization, new ContactIdentity(null, "DE.1", "Ann")))[0].Id;
        var byPhone = await database.CreateAsync(organization, "+4915100000001", consent: new("OPTED_IN", "form", null));
        (await database.EnsureAsync(organization, new ContactIdentity("4915100000001", "DE.1", null))).ShouldBe([new(byPhone, false)]);
        (await database.GetAsync(organization, byUser))
            .ShouldSatisfyAllConditions(c => c.Id.ShouldBe(byPhone), c => c.WaUserId.ShouldBe("DE.1"), c =>
                c.PhoneNumber.ShouldBe("+4915100000001"));
    }

    [Fact]
    public async Task A_user_id_renewed_for_a_known_number_replaces_the_old_one()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = (await database.EnsureAsync(organization, new ContactIdentity("4915100000001", "DE.1", null)))[0].Id;
        (await database.EnsureAsync(organization, new ContactIdentity("4915100000001", "DE.2", null))).ShouldBe([new(ann, false)]);
        (await database.GetAsync(organization, ann)).WaUserId.ShouldBe("DE.2");
    }

    [Fact]
    public async Task Old_news_moves_nothing_back_and_lies_on_the_timeline()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, One, f => f with { WaUserId = "DE.1" });
        await database.MoveAsync(organization, new(One, "DE.1", null), new(Three, null, null), "wamid.later", Noon.AddHours(2));
        (await database.MoveAsync(organization, new(One, "DE.1", null), new(Two, null, null), "wamid.earlier", Noon.AddHours(1)))
            .ShouldBe(ann);
        (await database.GetAsync(organization, ann)).PhoneNumber.ShouldBe(Three);
        for (var again = 0; again < 2; again++)
        {
            await database.MoveAsync(organization, new(One, "DE.1", null), new(Two, null, null), "wamid.earlier", Noon.AddHours(1));
            await database.MoveAsync(organization, new(One, "DE.1", null), new(Three, null, null), "wamid.later", Noon.AddHours(2));
        }

        (await database.GetAsync(organization, ann)).PhoneNumber.ShouldBe(Three);
        var told = (await database.TimelineAsync(organization, ann))
            .Where(e => e.Type.StartsWith("contact_identity", StringComparison.Ordinal)).ToList();
        told.Select(e => e.Type).ShouldBe(["contact_identity_changed", "contact_identity_news_outdated"], ignoreOrder: true);
        told.Single(e => e.Type == "contact_identity_news_outdated").Data.GetProperty("identity").GetProperty("after")
            .GetProperty("phone_number").GetString().ShouldBe(Two);
    }

    [Fact]
    public async Task A_new_user_id_does_not_make_the_news_of_a_number_old()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, One, f => f with { WaUserId = "DE.1" });
        await database.MoveAsync(organization, new(null, "DE.1", null), new(null, "DE.2", null), "hash", Noon.AddHours(2));
        await database.MoveAsync(organization, new(One, "DE.1", null), new(Two, null, null), "wamid.1", Noon.AddHours(1));
        (await database.GetAsync(organization, ann))
            .ShouldSatisfyAllConditions(c => c.PhoneNumber.ShouldBe(Two), c => c.WaUserId.ShouldBe("DE.2"));
    }

    [Fact]
    public async Task News_in_the_wrong_order_leads_to_the_last_number_all_the_same()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, One, f => f with { FirstName = "Ann" });
        // wrote from the last number already
        var early = (await database.EnsureAsync(organization, new ContactIdentity(Three, null, "Ann")))[0].Id;
        (await database.MoveAsync(organization, new(Two, null, null), new(Three, null, null), "wamid.2", Noon.AddHours(2))).ShouldBe(early);
        await database.MoveAsync(organization, new(One, null, null), new(Two, null, null), "wamid.1", Noon.AddHours(1));
        (await database.GetAsync(organization, early))
            .ShouldSatisfyAllConditions(c => c.Id.ShouldBe(ann), c => c.PhoneNumber.ShouldBe(Three), c => c.FirstName.ShouldBe("Ann"));
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM bsp.waiting_identity_news WHERE organization_id = $1", organization))
            .ShouldBe(0);
    }

    [Fact]
    public async Task News_goes_on_waiting_while_the_one_before_it_turns_out_to_be_old()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, One, f => f with { WaUserId = "DE.1" });
        await database.MoveAsync(organization, new(One, "DE.1", null), new("+4915100000009", null, null), "wamid.9", Noon.AddHours(9));
        // whose number that was is not known
        (await database.MoveAsync(organization, new(Two, null, null), new(Three, null, null), "wamid.2", Noon.AddHours(2))).ShouldBeNull();
        // old: she never arrives there
        await database.MoveAsync(organization, new(null, "DE.1", null), new(Two, null, null), "wamid.1", Noon.AddHours(1));
        (await database.GetAsync(organization, ann)).PhoneNumber.ShouldBe("+4915100000009");
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM bsp.waiting_identity_news WHERE organization_id = $1", organization))
            .ShouldBe(1);
    }

    [Fact]
    public async Task A_process_of_the_build_before_can_still_take_webhooks_in()
    {
        var organization = await database.NewOrganizationAsync();
        var made = await database.Shards.All[0]
            .QueryAsync(organization, "SELECT contact_id, other_id FROM bsp.ensure_contacts($1, $2, $3, $4, $5, $6) ORDER BY n", r =>
                r.GetGuid(0), Ct,
            organization, new[] { One, Two }, new[] { "DE.1", "DE.2" }, new[] { "Ann", "Bob" }, new[] { "A", "B" },
            new[] { Uuid.New(), Uuid.New() });
        (await database.EnsureAsync(organization, new ContactIdentity(One, "DE.1", null), new ContactIdentity(null, "DE.2", null)))
            .Select(c => c.Id).ShouldBe(made);
    }

    [Fact]
    public async Task In_whatever_order_and_however_often_news_comes_the_person_ends_at_the_last_number()
    {
        for (var seed = 1; seed <= 6; seed++)
        {
            var organization = await database.NewOrganizationAsync();
            var ann = await database.CreateAsync(organization, One);
            string[] numbers = [One, Two, Three, "+4915100000004", "+4915100000005"];
            var news = Enumerable.Range(0, numbers.Length - 1).SelectMany(n => new[] { n, n }).ToArray();
            new Random(seed).Shuffle(news);
            await Task.WhenAll(news.Select(n =>
                Task.Run(() =>
                    database.MoveAsync(organization, new(numbers[n], null, null), new(numbers[n + 1], null, null), $"wamid.{n}",
                        Noon.AddHours(n)))));
            (await database.GetAsync(organization, ann)).PhoneNumber.ShouldBe(numbers[^1], $"seed {seed}: {string.Join(' ', news)}");
            (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE organization_id = $1", organization)).ShouldBe(1);
            (await database.Store.LoadAsync(organization, ann, Ct)).Events.Count(e => e.Body is ContactIdentityChanged)
                .ShouldBe(numbers.Length - 1);
        }
    }

    [Fact]
    public async Task Told_again_after_the_network_gave_the_number_to_somebody_else_the_news_makes_no_two_people_one()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, One);
        await database.MoveAsync(organization, new(One, null, null), new(Two, null, null), "wamid.1", Noon);
        var bob = (await database.EnsureAsync(organization, new ContactIdentity(One, null, "Bob", Noon.AddDays(2))))[0];
        bob.Created.ShouldBeTrue();
        await database.MoveAsync(organization, new(One, null, null), new(Two, null, null), "wamid.1", Noon);
        // the same change, by another webhook
        await database.MoveAsync(organization, new(One, null, null), new(Two, null, null), "told otherwise", Noon);
        (await database.GetAsync(organization, bob.Id))
            .ShouldSatisfyAllConditions(c => c.Id.ShouldBe(bob.Id), c => c.PhoneNumber.ShouldBe(One));
        (await database.GetAsync(organization, ann)).PhoneNumber.ShouldBe(Two);
        // a message that she sent before, and comes late
        (await database.EnsureAsync(organization, new ContactIdentity(One, null, null, Noon.AddMinutes(-1)))).ShouldBe([new(ann, false)]);
    }

    [Fact]
    public async Task An_older_message_brings_no_earlier_user_id_back()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = (await database.EnsureAsync(organization, new ContactIdentity(One, "DE.2", null, Noon)))[0].Id;
        (await database.EnsureAsync(organization, new ContactIdentity(One, "DE.1", null, Noon.AddMinutes(-1)))).ShouldBe([new(ann, false)]);
        (await database.GetAsync(organization, ann)).WaUserId.ShouldBe("DE.2");
        (await database.EnsureAsync(organization, new ContactIdentity(One, "DE.3", null, Noon.AddMinutes(1)))).ShouldBe([new(ann, false)]);
        (await database.GetAsync(organization, ann)).WaUserId.ShouldBe("DE.3");
        // an id of hers, whenever
        (await database.EnsureAsync(organization, new ContactIdentity(null, "DE.2", null, Noon.AddMinutes(-2))))
            .ShouldBe([new(ann, false)]);
    }

    [Fact]
    public async Task Numbers_that_an_erased_person_had_before_are_looked_for_too()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, One);
        var rejected = await database.ImportAsync(organization, $"phone_number,email\n{One},no address\n");
        await database.MoveAsync(organization, new(One, null, null), new(Two, null, null), "wamid.1", Noon);
        // waits: nobody is known by it
        await database.MoveAsync(organization, new(Three, null, null), new(One, null, null), "wamid.0", Noon.AddDays(-1));
        await database.OrderErasureAsync(organization, ann);
        await database.CarryErasureAsync(organization, ann);
        (await database.RejectedAsync(organization, rejected.Id)).Single().Fields.ShouldBeEmpty();
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM bsp.past_identities WHERE organization_id = $1", organization))
            .ShouldBe(0);
    }

    private const string One = "+4915100000001";
    private const string Two = "+4915100000002";
    private const string Three = "+4915100000003";
    private static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
}
