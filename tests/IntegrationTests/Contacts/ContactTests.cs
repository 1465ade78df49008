using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Contacts;
using FluentValidation;

namespace Bsp.IntegrationTests.Contacts;

public sealed class ContactTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_contact_lives_from_creation_to_deletion()
    {
        var organization = await database.NewOrganizationAsync();
        var id = await database.CreateAsync(organization, "+49 151 12345678", f =>
            f with { FirstName = " محمد ", Tags = ["vip", "vip "], CustomFields = ContactsDatabase.Json("""{"city":"Köln","age":30}""") });
        var contact = await database.GetAsync(organization, id);
        (contact.PhoneNumber, contact.FirstName, contact.ConsentStatus, contact.RowVersion)
            .ShouldBe(("+4915112345678", "محمد", "PENDING", 1));
        contact.Tags.ShouldBe(["vip"]);

        await PatchAsync(organization, id, """{"first_name":null,"custom_fields":{"age":null,"plan":"gold"},"tags":["new"]}""", 1);
        var patched = await database.GetAsync(organization, id);
        (patched.FirstName, patched.CustomFields.GetRawText(), patched.RowVersion)
            .ShouldBe((null, """{"city": "Köln", "plan": "gold"}""", 2));

        await Should.ThrowAsync<VersionConflict>(PatchAsync(organization, id, """{"last_name":"x"}""", 1));
        await Should.ThrowAsync<ValidationException>(PatchAsync(organization, id, """{"phone_number":null}""", null));
        await new DeleteContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit)
            .Handle(new(organization, id, 2), Ct);
        (await Should.ThrowAsync<Refusal>(database.GetAsync(organization, id))).Code.ShouldBe("contact.unknown");
    }

    [Fact]
    public async Task A_duplicate_names_the_contact_that_is_there()
    {
        var organization = await database.NewOrganizationAsync();
        var first = await database.CreateAsync(organization, "+4915112345678");
        var refusal = await Should.ThrowAsync<Refusal>(database.CreateAsync(organization, "0049 151 12345678"));
        refusal.Code.ShouldBe("contact.duplicate");
        refusal.Message.ShouldContain(first.ToString());
        // another organization may have the same person
        await database.CreateAsync(await database.NewOrganizationAsync(), "+4915112345678");
    }

    [Fact]
    public async Task A_neighbours_contact_is_unknown()
    {
        var id = await database.CreateAsync(await database.NewOrganizationAsync(), "+4915112345678");
        var stranger = await database.NewOrganizationAsync();
        (await Should.ThrowAsync<Refusal>(database.GetAsync(stranger, id))).Code.ShouldBe("contact.unknown");
        (await Should.ThrowAsync<Refusal>(PatchAsync(stranger, id, """{"first_name":"x"}""", null))).Code.ShouldBe("contact.unknown");
        (await Should.ThrowAsync<Refusal>(ConsentAsync(stranger, id, new("OPTED_OUT", "api", null)))).Code.ShouldBe("contact.unknown");
        (await Should.ThrowAsync<Refusal>(new DeleteContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit)
            .Handle(new(stranger, id, null), Ct))).Code.ShouldBe("contact.unknown");
    }

    [Fact]
    public async Task Consent_is_an_event_and_stands_on_the_row_at_once()
    {
        var organization = await database.NewOrganizationAsync();
        var id = await database.CreateAsync(organization, "+4915112345678", consent: new("OPTED_IN", "form", "page 7"));
        (await database.GetAsync(organization, id)).ConsentStatus.ShouldBe("OPTED_IN");

        await ConsentAsync(organization, id, new("OPTED_OUT", "keyword", "STOP"));
        await ConsentAsync(organization, id, new("OPTED_OUT", "keyword", "STOP")); // again: nothing
        var contact = await database.GetAsync(organization, id);
        contact.ConsentStatus.ShouldBe("OPTED_OUT");
        contact.ConsentUpdatedAt.ShouldNotBeNull();
        var consents = (await database.TimelineAsync(organization, id)).Where(t => t.Type == "contact_consent_changed_v2").ToList();
        consents.Select(t => (t.Data.GetProperty("status").GetString(), t.Data.GetProperty("proof").GetString()))
            .ShouldBe([("OPTED_IN", "page 7"), ("OPTED_OUT", "STOP")]);
        (await database.Log.ScalarAsync<string>("SELECT string_agg(data::text, ' ') FROM mt_events WHERE stream_id = $1", id))
            .ShouldNotContain("page 7");
    }

    [Fact]
    public async Task A_claimed_creation_that_died_before_its_consent_goes_on_with_its_own_row()
    {
        var organization = await database.NewOrganizationAsync();
        var request = new CurrentRequest { CorrelationId = "test", Claim = new(Uuid.New(), Uuid.New(), WorkDone: false) };
        using var _ = request.Enter();
        await database.Log.AdminQueryAsync(
            "INSERT INTO contacts (id, organization_id, phone_number) VALUES ($1, $2, '+4915112345678') RETURNING id", row =>
                0, request.Claim.ResourceId, organization);
        var id = await database.CreateAsync(organization, "+4915112345678", consent: new("OPTED_IN", "form", null));
        id.ShouldBe(request.Claim.ResourceId);
        (await database.GetAsync(organization, id)).ConsentStatus.ShouldBe("OPTED_IN");
    }

    [Fact]
    public async Task Contacts_are_found_by_name_phone_tag_and_consent()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+4915112345678", f =>
            f with { FirstName = "Ann", LastName = "O'Neil_100%", Tags = ["vip"] }, new("OPTED_IN", "form", null));
        var bob = await database.CreateAsync(organization, "+4915999999999", f => f with { FirstName = "Bob", Email = "bob@example.com" });
        await database.CreateAsync(await database.NewOrganizationAsync(), "+4915112345678", f =>
            f with { FirstName = "Ann", Tags = ["vip"] });

        async Task Finds(Guid? expected, string? q = null, string? phone = null, string? tag = null, string? consent = null) =>
            (await database.FindAsync(organization, q, phone, tag, consent)).Select(c => c.Id).ShouldBe(expected is { } id ? [id] : []);
        await Finds(ann, q: "ANN");
        await Finds(ann, q: "neil_100%");
        await Finds(null, q: "nei_");
        await Finds(bob, q: "bob@ex");
        await Finds(ann, q: "+49151");
        await Finds(ann, phone: " 4915112345678");
        await Finds(bob, phone: "+4915999");
        await Finds(ann, tag: "vip");
        await Finds(ann, consent: "OPTED_IN");
        await Finds(null, q: "ann", consent: "OPTED_OUT");
        await Finds(null, q: "'; DROP TABLE contacts; --");

        var page = await new ListContactsHandler(database.Shards, database.Cache)
            .Handle(new(organization, null, null, null, null, 1, null), Ct);
        page.Data.Single().Id.ShouldBe(ann);
        (await new ListContactsHandler(database.Shards, database.Cache)
            .Handle(new(organization, null, null, null, null, 1, page.NextCursor), Ct)).ShouldSatisfyAllConditions(
            p => p.Data.Single().Id.ShouldBe(bob), p => p.NextCursor.ShouldBeNull());
    }

    private Task<Done> PatchAsync(Guid organization, Guid id, string patch, long? seen) =>
        new PatchContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit)
        .Handle(new(organization, id, ContactsDatabase.Json(patch), seen), Ct);

    private Task<Done> ConsentAsync(Guid organization, Guid id, Consent consent) =>
        new ChangeContactConsentHandler(database.Consents, database.Shards).Handle(new(organization, id, consent), Ct);
}
