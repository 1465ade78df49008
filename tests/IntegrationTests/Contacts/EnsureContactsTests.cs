using Bsp.Application.Contacts;
using Bsp.Infrastructure.Contacts;

namespace Bsp.IntegrationTests.Contacts;

public sealed class EnsureContactsTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private Task<IReadOnlyList<EnsuredContact>> EnsureAsync(Guid organization, params ContactIdentity[] identities) =>
        new EnsureContactsHandler(database.Shards, database.Merger, database.Cache, database.Suppressions)
        .Handle(new(organization, identities), Ct);

    [Fact]
    public async Task People_who_are_there_are_found_and_the_others_are_made()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915112345678", f => f with { FirstName = "Ann" });
        var ensured =
            await EnsureAsync(organization, new("4915112345678", null, "Annie"), new("+4915112345679", null, "Bob B. Builder"),
                new(null, "DE.123", null), new("4915112345679", null, null));
        ensured.Select(e => e.Created).ShouldBe([false, true, true, false]);
        ensured[0].Id.ShouldBe(ann);
        ensured[3].Id.ShouldBe(ensured[1].Id);
        (await database.GetAsync(organization, ann)).FirstName.ShouldBe("Ann");
        var bob = await database.GetAsync(organization, ensured[1].Id);
        (bob.PhoneNumber, bob.FirstName, bob.LastName).ShouldBe(("+4915112345679", "Bob", "B. Builder"));
        (await EnsureAsync(organization, new ContactIdentity("4915112345679", null, null))).ShouldBe([new(bob.Id, false)]);
    }

    [Fact]
    public async Task An_id_learned_later_is_added()
    {
        var organization = await database.NewOrganizationAsync();
        var byPhone = (await EnsureAsync(organization, new ContactIdentity("4915112345678", null, null)))[0].Id;
        (await EnsureAsync(organization, new ContactIdentity("4915112345678", "DE.1", null)))[0].Id.ShouldBe(byPhone);
        (await EnsureAsync(organization, new ContactIdentity(null, "DE.1", null)))[0].ShouldBe(new(byPhone, false));
        var byUser = (await EnsureAsync(organization, new ContactIdentity(null, "DE.2", null)))[0].Id;
        (await EnsureAsync(organization, new ContactIdentity("4915112345670", "DE.2", null)))[0].Id.ShouldBe(byUser);
        (await database.GetAsync(organization, byUser)).PhoneNumber.ShouldBe("+4915112345670");
    }

    [Fact]
    public async Task Fifty_callers_with_the_same_people_get_the_same_rows()
    {
        var organization = await database.NewOrganizationAsync();
        var people = Enumerable.Range(0, 40).Select(n => new ContactIdentity($"49151{n:D8}", n % 2 == 0 ? $"DE.{n}" : null, $"Person {n}"))
            .ToArray();
        var all = await Task.WhenAll(Enumerable.Range(0, 50).Select(caller => Task.Run(async () =>
        {
            var mixed = people.OrderBy(p => (p.PhoneNumber + caller).GetHashCode(StringComparison.Ordinal)).ToArray();
            var ensured = await EnsureAsync(organization, mixed);
            return mixed.Zip(ensured).ToDictionary(p => p.First.PhoneNumber!, p => p.Second);
        })));
        foreach (var person in people)
        {
            all.Select(a => a[person.PhoneNumber!].Id).Distinct().Count().ShouldBe(1);
            all.Count(a => a[person.PhoneNumber!].Created).ShouldBe(1);
        }

        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE organization_id = $1", organization)).ShouldBe(40);
    }

    [Fact]
    public async Task What_a_message_or_a_first_consent_changes_is_read_from_no_cached_copy()
    {
        var organization = await database.NewOrganizationAsync();
        var phone = $"+49151{Random.Shared.NextInt64(100_000_000):D8}";
        var ann = await database.CreateAsync(organization, phone);
        async Task<ContactView> ShownAsync() =>
            (await new ListContactsHandler(database.Shards, database.Cache)
                .Handle(new(organization, null, null, null, null, 10, null) { PhoneNumber = phone }, Ct)).Data.Single();
        (await ShownAsync()).WaUserId.ShouldBeNull();
        await EnsureAsync(organization, new ContactIdentity(phone, "DE.9", null));
        (await ShownAsync()).WaUserId.ShouldBe("DE.9");
        // as at a creation: the row as last seen is not known
        await database.Consents.ChangeAsync(organization, ann, null, new("OPTED_IN", "form", null), Ct);
        (await ShownAsync()).ConsentStatus.ShouldBe("OPTED_IN");
    }
}
