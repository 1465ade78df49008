using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Contacts;
using FluentValidation;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Contacts;

/// <summary>One telephone in several spellings is one person, whoever writes it, in whichever order, at once or long ago.</summary>
public sealed class SpellingTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Spellings => new()
    {
        { "+5531987770000", "+553187770000" },
        { "+525512345678", "+5215512345678" },
        { "+5491123456789", "+541123456789" },
        { "+2250707123456", "+22507123456" },
        { "+2290197000000", "+22997000000" },
    };

    [Theory]
    [MemberData(nameof(Spellings))]
    public async Task Whoever_writes_from_the_other_spelling_is_the_one_who_was_saved(string today, string other)
    {
        foreach (var (saved, writes) in new[] { (today, other), (other, today) })
        {
            var organization = await database.NewOrganizationAsync();
            var contact = await database.CreateAsync(organization, saved);
            (await database.EnsureAsync(organization, new ContactIdentity(writes[1..], null, "Ann"),
                new ContactIdentity(saved[1..], null, null))).ShouldBe([new(contact, false), new(contact, false)]);
            (await database.GetAsync(organization, contact)).PhoneNumber.ShouldBe(saved); // as the organization writes it
            (await ExactAsync(organization, writes)).ShouldBe([contact]);
            (await Should.ThrowAsync<Refusal>(() => database.CreateAsync(organization, writes))).Code.ShouldBe("contact.duplicate");
            var import = await database.ImportAsync(organization, $"phone_number,first_name\n'{writes},Ann\n{saved},Annie\n");
            (import.Created, import.Updated, import.Duplicates, import.Rejected).ShouldBe((0, 1, 1, 0));
            (await CountAsync(organization)).ShouldBe(1);
        }
    }

    [Theory]
    [MemberData(nameof(Spellings))]
    public async Task Two_spellings_that_arrive_at_once_make_one_contact(string today, string other)
    {
        var organization = await database.NewOrganizationAsync();
        var staged = await database.StageAsync(organization, $"phone_number,first_name\n{today},Ann\n");
        var arrivals = Enumerable.Range(0, 12)
            .Select(n =>
                Task.Run(() => database.EnsureAsync(organization, new ContactIdentity((n % 2 == 0 ? today : other)[1..], null, null))))
                .ToList();
        var imported = Task.Run(async () =>
        {
            while (await database.Worker().WorkAsync(Ct))
            {
            }
        }, Ct);
        var found = (await Task.WhenAll(arrivals)).SelectMany(e => e).Select(e => e.Id).Distinct().ToList();
        await imported;
        found.Count.ShouldBe(1);
        (await database.ImportAsync(organization, staged))
            .ShouldSatisfyAllConditions(i => i.Status.ShouldBe("completed"), i => i.Rejected.ShouldBe(0));
        (await CountAsync(organization)).ShouldBe(1);
    }

    [Fact]
    public async Task Two_unknown_spellings_in_one_page_or_one_file_are_one_contact()
    {
        var organization = await database.NewOrganizationAsync();
        var ensured =
            await database.EnsureAsync(organization, new ContactIdentity("553187770000", null, null),
                new ContactIdentity("5531987770000", null, null), new ContactIdentity("5215512345678", "MX.1", null),
                new ContactIdentity("525512345678", "MX.1", null));
        ensured.Select(e => e.Id).Distinct().Count().ShouldBe(2);
        var import = await database.ImportAsync(organization, "phone_number\n+541123456789\n+5491123456789\n");
        (import.Created, import.Duplicates).ShouldBe((1, 1));
        (await CountAsync(organization)).ShouldBe(3);
    }

    [Theory]
    [InlineData("OPTED_IN", "OPTED_OUT", "OPTED_OUT")]
    [InlineData("OPTED_OUT", "OPTED_IN", "OPTED_OUT")]
    [InlineData("OPTED_IN", "PENDING", "PENDING")]
    public async Task Twins_of_before_are_merged_with_the_stricter_consent(string saved, string wrote, string joined)
    {
        var organization = await database.NewOrganizationAsync();
        var (older, younger) = await TwinsAsync(organization, saved, wrote);
        var worker =
            new SpellingWorker(database.Shards, new(database.Shards, database.Merger), TimeProvider.System,
                NullLogger<SpellingWorker>.Instance);
        // as the processes of a fleet do, one of them after a kill
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() => worker.WorkAsync(database.Shards.All[0], Ct), Ct)));
        await worker.WorkAsync(database.Shards.All[0], Ct);
        (await database.GetAsync(organization, younger))
            .ShouldSatisfyAllConditions(c => c.Id.ShouldBe(older), c => c.ConsentStatus.ShouldBe(joined));
        (await database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE organization_id = $1 AND phone_key IS NOT NULL",
            organization)).ShouldBe(1);
        (await database.Store.LoadAsync(organization, older, Ct)).Events.Count(e =>
            e.Body is Domain.Contacts.ContactMerged { Source: "spelling" }).ShouldBe(1);
    }

    [Fact]
    public async Task Twins_of_before_become_one_when_one_of_them_writes_or_a_campaign_is_to_begin()
    {
        var organization = await database.NewOrganizationAsync();
        var (older, younger) = await TwinsAsync(organization, "OPTED_IN", "OPTED_OUT");
        (await database.EnsureAsync(organization, new ContactIdentity("5531987770000", null, null))).ShouldBe([new(older, false)]);
        (await database.GetAsync(organization, younger)).ConsentStatus.ShouldBe("OPTED_OUT");

        var other = await database.NewOrganizationAsync();
        (older, younger) = await TwinsAsync(other, "OPTED_OUT", "OPTED_IN");
        await new SpellingTwins(database.Shards, database.Merger).SettleAsync(other, Ct);
        (await database.GetAsync(other, younger))
            .ShouldSatisfyAllConditions(c => c.Id.ShouldBe(older), c => c.ConsentStatus.ShouldBe("OPTED_OUT"));
    }

    [Fact]
    public async Task A_twin_of_before_can_be_changed_until_it_is_merged()
    {
        var organization = await database.NewOrganizationAsync();
        var (older, _) = await TwinsAsync(organization, "PENDING", "PENDING");
        await new PatchContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit)
            .Handle(new(organization, older, ContactsDatabase.Json("""{"custom_fields":{"a":1}}"""), null), Ct);
    }

    [Fact]
    public async Task News_of_a_new_number_finds_the_person_in_the_other_spelling_and_merges_who_has_the_new_one_so()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+5531987770000");
        var early = (await database.EnsureAsync(organization, new ContactIdentity("5215512345678", null, null)))[0].Id;
        (await database.MoveAsync(organization, new("+553187770000", null, null), new("+525512345678", null, null), "wamid.1"))
            .ShouldBe(ann);
        (await database.GetAsync(organization, early))
            .ShouldSatisfyAllConditions(c => c.Id.ShouldBe(ann), c => c.PhoneNumber.ShouldBe("+525512345678"));
        (await CountAsync(organization)).ShouldBe(1);
    }

    [Fact]
    public async Task Meta_s_word_joins_what_no_rule_does_and_only_what_is_alike()
    {
        var organization = await database.NewOrganizationAsync();
        // without its 9 a landline's number
        var ann = await database.CreateAsync(organization, "+5531937770000", consent: new("OPTED_IN", "form", null));
        var twin = (await database.EnsureAsync(organization, new ContactIdentity("553137770000", null, null)))[0].Id;
        await database.Consents.ChangeAsync(organization, twin, null, new("OPTED_OUT", "keyword", "wamid.1"), Ct);
        (await RecognizeAsync(organization, ann, "+553137770000")).ShouldBe(new(ann, true));
        (await database.GetAsync(organization, twin))
            .ShouldSatisfyAllConditions(c => c.Id.ShouldBe(ann), c => c.ConsentStatus.ShouldBe("OPTED_OUT"), c =>
                c.PhoneNumber.ShouldBe("+5531937770000"));
        (await RecognizeAsync(organization, ann, "+553137770000")).ShouldBe(new(ann, true)); // said again
        (await database.EnsureAsync(organization, new ContactIdentity("553137770000", null, null))).ShouldBe([new(ann, false)]);
        (await ExactAsync(organization, "+553137770000")).ShouldBe([ann]);

        // Another's number, however often somebody says so.
        foreach (var unlike in new[] { "+5531937770001", "+4915112345678", "+5521937770000", "+351937770000" })
        {
            (await RecognizeAsync(organization, ann, unlike)).Same.ShouldBeFalse(unlike);
        }

        (await CountAsync(organization)).ShouldBe(1);
    }

    [Fact]
    public async Task Two_people_by_their_user_ids_stay_two()
    {
        var organization = await database.NewOrganizationAsync();
        var ann = await database.CreateAsync(organization, "+5531937770000", f => f with { WaUserId = "BR.1" });
        await database.EnsureAsync(organization, new ContactIdentity("553137770000", "BR.2", null));
        (await RecognizeAsync(organization, ann, "+553137770000")).Same.ShouldBeFalse();
        (await CountAsync(organization)).ShouldBe(2);
    }

    [Fact]
    public async Task The_database_and_the_application_spell_alike()
    {
        var numbers =
            (from prefix in Gen.Elements("+1", "+49", "+52", "+521", "+54", "+549", "+55", "+225", "+22501", "+22505", "+22507", "+229",
                "+22901")
                       from count in Gen.Choose(6, 12)
                       from digits in Gen.ArrayOf(Gen.Choose(0, 9), count)
                       select prefix + string.Concat(digits)).Sample(3000, 3000).Distinct().ToArray();
        var stored =
            await database.Log.AdminQueryAsync(
                "SELECT p, coalesce(bsp.phone_key(p), ''), array_to_string(bsp.phone_spellings(p), ' ') FROM unnest($1::text[]) AS p", r =>
                    (r.GetString(0), r.GetString(1), r.GetString(2)), [numbers]);
        foreach (var (number, key, spellings) in stored)
        {
            spellings.ShouldBe(string.Join(' ', PhoneSpellings.Of(number)), number);
            key.ShouldBe(PhoneSpellings.MayDiffer(number) ? PhoneSpellings.Of(number)[0] : "", number);
        }
    }

    [Theory]
    [InlineData("5215512345678")]
    [InlineData("12345")] // short, and delivered by Meta
    [InlineData("1111111111111")]
    [InlineData("409552778964973")]
    public async Task A_number_that_Meta_named_is_never_judged_again(string waId)
    {
        var organization = await database.NewOrganizationAsync();
        var contact = (await database.EnsureAsync(organization, new ContactIdentity(waId, null, "Ann")))[0].Id;
        var patch = new PatchContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit);
        await patch.Handle(new(organization, contact, ContactsDatabase.Json("""{"first_name":"Anne"}"""), null), Ct);
        await patch.Handle(new(organization, contact, ContactsDatabase.Json($$"""{"phone_number":"+{{waId}}","last_name":"Smith"}"""),
            null), Ct);
        (await ExactAsync(organization, $"+{waId}")).ShouldBe([contact]);
        (await ExactAsync(organization, $"+{waId[..2]} {waId[2..]}")).ShouldBe([contact]);
        var csv = $"phone_number,first_name\r\n'+{waId},Anne\r\n"; // as the export writes it
        var import = await database.ImportAsync(organization, csv);
        (import.Created, import.Updated, import.Rejected).ShouldBe((0, 1, 0));
        (await database.GetAsync(organization, contact))
            .ShouldSatisfyAllConditions(c => c.PhoneNumber.ShouldBe($"+{waId}"), c => c.LastName.ShouldBe("Smith"));
    }

    [Fact]
    public async Task A_number_that_nobody_has_and_no_country_is_refused_everywhere()
    {
        var organization = await database.NewOrganizationAsync();
        await Should.ThrowAsync<ValidationException>(() => database.CreateAsync(organization, "+12345"));
        await Should.ThrowAsync<ValidationException>(() => ExactAsync(organization, "+12345"));
        var import = await database.ImportAsync(organization, "phone_number\n+12345\n919000131007.0\n+919000131007 / 63\n9.19E+11\n");
        (import.Created, import.Rejected).ShouldBe((0, 4));
        (await database.RejectedAsync(organization, import.Id)).Select(r => r.Column).ShouldAllBe(c => c == "phone_number");
    }

    [Fact]
    public async Task Without_country_code_the_organization_s_country_decides_and_without_one_it_is_refused()
    {
        var organization = await database.NewOrganizationAsync();
        (await Should.ThrowAsync<ValidationException>(() =>
            database.CreateAsync(organization, "9876543210"))).Message.ShouldContain("default_country");
        await Should.ThrowAsync<ValidationException>(() => ExactAsync(organization, "9876543210"));
        var refused = await database.ImportAsync(organization, "phone_number\n9876543210\n919876500001\n");
        (refused.Created, refused.Rejected).ShouldBe((1, 1));
        (await database.RejectedAsync(organization, refused.Id)).Single().Reason.ShouldContain("default_country");

        await database.Log.AdminQueryAsync(
            "UPDATE organizations SET settings = settings || '{\"default_country\":\"IN\"}' WHERE id = $1 RETURNING id", r =>
                r.GetGuid(0), organization);
        var contact = await database.CreateAsync(organization, "९८७६५ ४३२१०");
        (await database.GetAsync(organization, contact)).PhoneNumber.ShouldBe("+919876543210");
        (await ExactAsync(organization, "09876543210")).ShouldBe([contact]);
        var import =
            await database.ImportAsync(organization,
                "phone_number\n9876543210\n\u202A+91 98765\u00A043211\u202C\n98765432\n919876543212\n");
        (import.Created, import.Updated, import.Rejected).ShouldBe((2, 1, 1));
        (await database.FindAsync(organization)).Select(c => c.PhoneNumber).Order(StringComparer.Ordinal)
            .ShouldBe(["+919876500001", "+919876543210", "+919876543211", "+919876543212"]);
    }

    // Made before there were keys: the older one without, so the younger holds it.
    private async Task<(Guid Older, Guid Younger)> TwinsAsync(Guid organization, string saved, string wrote)
    {
        var older = await database.CreateAsync(organization, "+5531987770000", consent: saved == "PENDING" ? null
            : new(saved, "form", null));
        await database.Log.AdminQueryAsync("UPDATE contacts SET phone_key = NULL WHERE id = $1 RETURNING id", r => r.GetGuid(0), older);
        var younger =
            await database.Log.ScalarAsync<Guid>(
                "INSERT INTO contacts (id, organization_id, phone_number) VALUES ($1, $2, '+553187770000') RETURNING id", Uuid.New(),
                organization);
        if (wrote != "PENDING")
        {
            await database.Consents.ChangeAsync(organization, younger, null, new(wrote, "keyword", null), Ct);
        }

        return (older, younger);
    }

    private Task<Recognized> RecognizeAsync(Guid organization, Guid contact, string number) =>
        new RecognizeContactHandler(database.Shards,
            new EnsureContactsHandler(database.Shards, database.Merger, database.Cache, database.Suppressions), database.Merger)
            .Handle(new(organization, contact, number, "reply"), Ct);

    private async Task<List<Guid>> ExactAsync(Guid organization, string number) =>
        [.. (await new ListContactsHandler(database.Shards, database.Cache)
            .Handle(new(organization, null, null, null, null, 10, null) { PhoneNumber = number }, Ct)).Data.Select(c => c.Id)];

    private Task<long> CountAsync(Guid organization) =>
        database.Log.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE organization_id = $1", organization);
}
