using Bsp.Application.Contacts;
using Bsp.Domain.Contacts;

namespace Bsp.IntegrationTests.Contacts;

public sealed class IdentityTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_new_number_moves_with_the_person_and_the_old_one_is_nobodys()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001", consent: new("OPTED_IN", "form", null));
        (await database.MoveAsync(organization, new("+4915100000001", null, null), new("+4915100000009", null, null), "wamid.1")).ShouldBe(ann);
        (await database.GetAsync(organization, ann)).ShouldSatisfyAllConditions(c => c.PhoneNumber.ShouldBe("+4915100000009"), c => c.ConsentStatus.ShouldBe("OPTED_IN"));
        (await database.EnsureAsync(organization, new ContactIdentity("4915100000001", null, null)))[0].Created.ShouldBeTrue(); // given to somebody else
        var moved = (await database.TimelineAsync(organization, ann)).Single(t => t.Type == "contact_identity_changed");
        moved.Data.GetProperty("identity").GetProperty("before").GetProperty("phone_number").GetString().ShouldBe("+4915100000001");
        (await database.Log.ScalarAsync<string>("SELECT string_agg(data::text, ' ') FROM mt_events WHERE stream_id = $1", ann)).ShouldNotContain("15100000001");
    }

    [Fact]
    public async Task The_same_news_again_changes_nothing()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001");
        for (var n = 0; n < 3; n++)
        {
            (await database.MoveAsync(organization, new("+4915100000001", null, null), new("+4915100000009", null, null), "wamid.1")).ShouldBe(ann);
        }

        (await database.Store.LoadAsync(organization, ann, Ct)).Events.Count(e => e.Body is ContactIdentityChanged).ShouldBe(1);
        (await database.MoveAsync(organization, new("+4915177777777", null, null), new("+4915188888888", null, null), "wamid.2")).ShouldBeNull();
    }

    [Fact]
    public async Task Who_wrote_from_the_new_number_first_is_the_same_person()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915100000001", f => f with { WaUserId = "DE.old", FirstName = "Ann" });
        var early = (await database.EnsureAsync(organization, new ContactIdentity("4915100000009", "DE.new", "Annie")))[0].Id;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => database.MoveAsync(organization, new("+4915100000001", "DE.old", null), new("+4915100000009", "DE.new", null), "wamid.1"))));
        var person = await database.GetAsync(organization, early);
        (person.Id, person.PhoneNumber, person.WaUserId, person.FirstName).ShouldBe((ann, "+4915100000009", "DE.new", "Ann"));
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE organization_id = $1", organization)).ShouldBe(1);
        (await database.EnsureAsync(organization, new ContactIdentity("4915100000009", "DE.new", null), new ContactIdentity(null, "DE.new", null))).ShouldBe([new(ann, false), new(ann, false)]);
    }

    [Fact]
    public async Task A_user_id_and_a_number_that_were_two_contacts_become_one_when_Meta_names_both()
    {
        var organization = await database.NewOrganizationAsync();
        var byUser = (await database.EnsureAsync(organization, new ContactIdentity(null, "DE.1", "Ann")))[0].Id;
        var byPhone = await database.CreateAsync(organization, "+4915100000001", consent: new("OPTED_IN", "form", null));
        (await database.EnsureAsync(organization, new ContactIdentity("4915100000001", "DE.1", null))).ShouldBe([new(byPhone, false)]);
        (await database.GetAsync(organization, byUser)).ShouldSatisfyAllConditions(c => c.Id.ShouldBe(byPhone), c => c.WaUserId.ShouldBe("DE.1"), c => c.PhoneNumber.ShouldBe("+4915100000001"));
    }

    [Fact]
    public async Task A_user_id_renewed_for_a_known_number_replaces_the_old_one()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = (await database.EnsureAsync(organization, new ContactIdentity("4915100000001", "DE.1", null)))[0].Id;
        (await database.EnsureAsync(organization, new ContactIdentity("4915100000001", "DE.2", null))).ShouldBe([new(ann, false)]);
        (await database.GetAsync(organization, ann)).WaUserId.ShouldBe("DE.2");
    }
}
