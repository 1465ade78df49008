using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;

namespace Bsp.IntegrationTests.Contacts;

public sealed class ContactFilterTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    [Fact]
    public async Task Filters_find_whom_they_say()
    {
        var organization = await database.NewOrganizationAsync();
        await database.CreateAsync(organization, "+4915100000001", f =>
            f with { FirstName = "Ann", Tags = ["vip", "new"], CustomFields = ContactsDatabase.Json("""{"city":"Köln","age":30}""") },
            new("OPTED_IN", "form", null));
        await database.CreateAsync(organization, "+4915100000002", f =>
            f with { FirstName = "Bob", Email = "bob@example.com", Tags = ["new"],
                CustomFields = ContactsDatabase.Json("""{"city":"Bonn","age":"old"}""") });
        await database.CreateAsync(organization, "+15550000003", f =>
            f with { CustomFields = ContactsDatabase.Json("""{"age":5,"o'brien \"x\"":true}""") }, new("OPTED_OUT", "form", null));
        await database.CreateAsync(await database.NewOrganizationAsync(), "+4915100000001", f => f with { FirstName = "Neighbour" });

        async Task Finds(string filter, params string[] ends)
        {
            var compiled = ContactFilter.Compile(ContactsDatabase.Json(filter), first: 2);
            var phones = await database.Shards.All[0]
                .QueryAsync(organization,
                    $"SELECT phone_number FROM contacts c WHERE c.organization_id = $1 AND {compiled.Sql} ORDER BY right(phone_number, 1)",
                row => row.GetString(0)[^1..], TestContext.Current.CancellationToken, [organization, .. compiled.Parameters]);
            phones.ShouldBe([.. ends], customMessage: filter);
        }

        await Finds("{}", "1", "2", "3");
        await Finds("""{"field":"consent_status","value":"OPTED_IN"}""", "1");
        await Finds("""{"field":"consent_status","op":"not_in","value":["OPTED_OUT","PENDING"]}""", "1");
        await Finds("""{"field":"tags","op":"has","value":"vip"}""", "1");
        await Finds("""{"field":"tags","op":"has_any","value":["vip","new"]}""", "1", "2");
        await Finds("""{"field":"tags","op":"has_all","value":["vip","new"]}""", "1");
        await Finds("""{"field":"tags","op":"has_none","value":["vip"]}""", "2", "3");
        await Finds("""{"field":"tags","op":"exists","value":false}""", "3");
        await Finds("""{"field":"first_name","op":"starts_with","value":"an"}""", "1");
        await Finds("""{"field":"first_name","op":"contains","value":"%"}""");
        await Finds("""{"field":"first_name","op":"ne","value":"Ann"}""", "2", "3");
        await Finds("""{"not":{"field":"first_name","value":"Ann"}}""", "2", "3");
        await Finds("""{"field":"email","op":"exists"}""", "2");
        await Finds("""{"field":"phone_number","op":"starts_with","value":"+49"}""", "1", "2");
        await Finds("""{"field":"phone_number","op":"in","value":["+4915100000001","+15550000003"]}""", "1", "3");
        await Finds("""{"field":"custom_fields.city","value":"Köln"}""", "1");
        await Finds("""{"field":"custom_fields.city","op":"not_in","value":["Köln"]}""", "2", "3");
        await Finds("""{"field":"custom_fields.age","op":"gt","value":10}""", "1");
        await Finds("""{"field":"custom_fields.age","op":"lte","value":30.5}""", "1", "3");
        await Finds("""{"field":"custom_fields.o'brien \"x\"","value":true}""", "3");
        await Finds("""{"field":"created_at","op":"within_days","value":1}""", "1", "2", "3");
        await Finds("""{"field":"created_at","op":"before","value":"2020-01-01T00:00:00Z"}""");
        await Finds("""{"field":"last_interaction","op":"exists","value":false}""", "1", "2", "3");
        await Finds("""{"field":"total_messages_sent","op":"gte","value":1}""");
        await Finds("""{"any":[{"field":"tags","op":"has","value":"vip"},{"all":[{"field":"custom_fields.age","op":"lt","value":10},{"not":{"field":"email","op":"exists"}}]}]}""", "1", "3");
        await Finds("""{"field":"custom_fields.x'; DROP TABLE contacts; --","value":"' OR 1=1 --"}""");
    }
}
