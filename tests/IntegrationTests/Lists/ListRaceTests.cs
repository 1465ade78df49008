using Bsp.Infrastructure.Lists;
using Bsp.IntegrationTests.Contacts;

namespace Bsp.IntegrationTests.Lists;

public sealed class ListRaceTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Fifty_callers_adding_and_removing_the_same_people_leave_a_count_that_is_true()
    {
        var organization = await database.NewOrganizationAsync();
        var people = new List<Guid>();
        for (var n = 0; n < 30; n++)
        {
            people.Add(await database.CreateAsync(organization, $"+49151{n:D8}"));
        }

        var lists = new List<Guid>();
        foreach (var name in new[] { "A", "B" })
        {
            lists.Add((await new CreateListHandler(database.Shards, database.Audit).Handle(new(organization, name, null, null), Ct)).Id);
        }

        await Task.WhenAll(Enumerable.Range(0, 50).Select(caller => Task.Run(async () =>
        {
            var mixed = people.OrderBy(p => HashCode.Combine(p, caller)).ToArray();
            await new ChangeListMembersHandler(database.Shards, database.Audit)
                .Handle(caller % 3 == 0 ? new(organization, lists[caller % 2], [], mixed[..10])
                    : new(organization, lists[caller % 2], mixed[..10], mixed[10..15]), Ct);
        })));
        foreach (var list in lists)
        {
            var truth = await database.Log.ScalarAsync<long>("SELECT count(*) FROM contact_list_items WHERE list_id = $1", list);
            (await database.Log.ScalarAsync<int>("SELECT contact_count FROM contact_lists WHERE id = $1", list)).ShouldBe((int)truth);

            // The history tells the same: a contact that joined more often than it left is in.
            (await database.Log.ScalarAsync<long>(
                "SELECT count(*) FROM (SELECT contact_id FROM bsp.list_history WHERE list_id = $1 GROUP BY contact_id HAVING sum(CASE WHEN added THEN 1 ELSE -1 END) = 1) h", list)).ShouldBe(truth);
        }
    }
}
