using Bsp.Application.Lists;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Lists;
using Bsp.IntegrationTests.Contacts;

namespace Bsp.IntegrationTests.Lists;

public sealed class ListTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private async Task<Guid> CreateAsync(Guid organization, string? filters = null) =>
        (await new CreateListHandler(database.Shards, database.Audit)
            .Handle(new(organization, "List", null, filters is null ? null : ContactsDatabase.Json(filters)), Ct)).Id;

    private Task<ListView> GetAsync(Guid organization, Guid id) => new GetListHandler(database.Shards).Handle(new(organization, id), Ct);

    private async Task ChangeAsync(Guid organization, Guid id, IReadOnlyList<Guid> add, params Guid[] remove) =>
        await new ChangeListMembersHandler(database.Shards, database.Audit).Handle(new(organization, id, add, remove), Ct);

    private async Task<Guid[]> PeopleAsync(Guid organization, int count)
    {
        var ids = await database.Log.AdminQueryAsync(
            "INSERT INTO contacts (id, organization_id, phone_number) SELECT gen_random_uuid(), $1, '+49151' || n FROM generate_series(10000000, 10000000 + $2 - 1) AS n RETURNING id",
            row => row.GetGuid(0), organization, count);
        return [.. ids];
    }

    [Fact]
    public async Task Members_come_and_go_and_are_counted()
    {
        var organization = await database.NewOrganizationAsync();
        var people = await PeopleAsync(organization, 5);
        var id = await CreateAsync(organization);
        await ChangeAsync(organization, id, people[..3]);
        await ChangeAsync(organization, id, people[..4], people[4]);
        await ChangeAsync(organization, id, [people[4]], people[0]);
        (await GetAsync(organization, id)).ContactCount.ShouldBe(4);
        (await new ListMembersHandler(database.Shards).Handle(new(organization, id, 200, null), Ct)).Data.Select(c => c.Id)
            .ShouldBe(people[1..].Order());
        await new DeleteContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit)
            .Handle(new(organization, people[1], null), Ct);
        (await GetAsync(organization, id)).ContactCount.ShouldBe(3);
        await new DeleteListHandler(database.Shards, database.Audit).Handle(new(organization, id, null), Ct);
        (await Should.ThrowAsync<Refusal>(GetAsync(organization, id))).Code.ShouldBe("list.unknown");
    }

    [Fact]
    public async Task Somebody_elses_contact_changes_nothing()
    {
        var organization = await database.NewOrganizationAsync();
        var own = await PeopleAsync(organization, 2);
        var foreign = await PeopleAsync(await database.NewOrganizationAsync(), 1);
        var id = await CreateAsync(organization);
        (await Should.ThrowAsync<Refusal>(ChangeAsync(organization, id, [own[0], foreign[0]]))).Code.ShouldBe("contact.unknown");
        (await GetAsync(organization, id)).ContactCount.ShouldBe(0);
        (await Should.ThrowAsync<Refusal>(ChangeAsync(await database.NewOrganizationAsync(), id, own))).Code.ShouldBe("list.unknown");
    }

    [Fact]
    public async Task The_count_is_right_when_everybody_writes_at_once()
    {
        var organization = await database.NewOrganizationAsync();
        var people = await PeopleAsync(organization, 60);
        var lists = new[] { await CreateAsync(organization), await CreateAsync(organization) };
        await Task.WhenAll(Enumerable.Range(0, 60).Select(n => Task.Run(async () =>
        {
            var random = new Random(n);
            var some = random.GetItems(people[..50], 10).Distinct().ToArray();
            await (n % 6 == 0
                ? new DeleteContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit)
                .Handle(new(organization, people[50 + (n / 6)], null), Ct)
                : ChangeAsync(organization, lists[n % 2], n % 3 == 0 ? [] : some, n % 3 == 0 ? some : []));
        })));
        foreach (var list in lists)
        {
            (await GetAsync(organization, list)).ContactCount.ShouldBe(
                (int)await database.Log.ScalarAsync<long>("SELECT count(*) FROM contact_list_items WHERE list_id = $1", list));
        }
    }

    [Fact]
    public async Task Deleting_members_while_others_add_them_keeps_the_count()
    {
        var organization = await database.NewOrganizationAsync();
        var people = await PeopleAsync(organization, 40);
        var list = await CreateAsync(organization);
        await ChangeAsync(organization, list, people[..20]);
        await Task.WhenAll(people.Select((person, n) => Task.Run(async () =>
        {
            if (n < 20)
            {
                await new DeleteContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit)
                    .Handle(new(organization, person, null), Ct);
            }
            else
            {
                await ChangeAsync(organization, list, [person]);
            }
        })));
        (await GetAsync(organization, list)).ContactCount.ShouldBe(20);
    }

    [Fact]
    public async Task A_filtered_list_is_whoever_matches()
    {
        var organization = await database.NewOrganizationAsync();
        var vip = await database.CreateAsync(organization, "+4915112345678", f => f with { Tags = ["vip"] });
        var other = await database.CreateAsync(organization, "+4915112345679");
        var id = await CreateAsync(organization, """{"field":"tags","op":"has","value":"vip"}""");
        (await GetAsync(organization, id)).ContactCount.ShouldBe(1);
        (await Should.ThrowAsync<Refusal>(ChangeAsync(organization, id, [other]))).Code.ShouldBe("list.filtered");
        (await new ListMembersHandler(database.Shards).Handle(new(organization, id, 200, null), Ct)).Data.Select(c => c.Id).ShouldBe([vip]);

        await database.CreateAsync(organization, "+4915112345670", f => f with { Tags = ["vip"] });
        (await new PreviewListHandler(database.Shards).Handle(new(organization, id, null), Ct))
            .ShouldSatisfyAllConditions(p => p.Count.ShouldBe(2), p => p.Sample.Count.ShouldBe(2));
        (await GetAsync(organization, id)).ContactCount.ShouldBe(2);
        (await new PreviewListHandler(database.Shards).Handle(new(organization, id, ContactsDatabase.Json("{}")), Ct)).Count.ShouldBe(3);

        await new PatchListHandler(database.Shards, database.Audit)
            .Handle(new(organization, id, ContactsDatabase.Json("""{"filters":null,"name":"By hand"}"""), 1), Ct);
        (await GetAsync(organization, id))
            .ShouldSatisfyAllConditions(l => l.Filters.ShouldBeNull(), l => l.ContactCount.ShouldBe(0), l => l.Name.ShouldBe("By hand"));
        await ChangeAsync(organization, id, [other]);
        (await Should.ThrowAsync<Refusal>(new PatchListHandler(database.Shards, database.Audit)
            .Handle(new(organization, id, ContactsDatabase.Json("""{"filters":{}}"""), null), Ct))).Code.ShouldBe("list.has_members");
    }
}
