using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Privacy;

namespace Bsp.IntegrationTests.Contacts;

/// <summary>Who said no stays OPTED_OUT although the contact was deleted or erased, by whatever way it is made again.</summary>
public sealed class SuppressionTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private const string Phone = "+4915155500001";
    private static readonly Consent No = new("OPTED_OUT", "api", null);
    private static readonly Consent Yes = new("OPTED_IN", "api", null);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Ways
    {
        get
        {
            var ways = new TheoryData<string, string>();
            foreach (var gone in new[] { "deleted", "erased", "renumbered" })
            {
                foreach (var back in new[] { "file", "file by user id", "api", "api with consent", "api with proof", "message", "patch",
                    "news" })
                {
                    ways.Add(gone, back);
                }
            }

            return ways;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Opted_out_and_gone_they_come_back_opted_out(string gone, string back)
    {
        var organization = await database.NewOrganizationAsync();
        var user = $"user{Uuid.New():N}";
        var id = await database.CreateAsync(organization, Phone, f => f with { WaUserId = user }, No);
        await GoneAsync(organization, id, gone);

        await BackAsync(organization, back, user);

        var contact = (await database.FindAsync(organization))
            .Single(c => back is "file by user id" ? c.WaUserId == user : c.PhoneNumber == Phone);
        contact.Id.ShouldNotBe(id);
        contact.ConsentStatus.ShouldBe("OPTED_OUT");
        (await database.FindAsync(organization, consent: "OPTED_IN")).ShouldBeEmpty();
    }

    public static TheoryData<string, string> SpelledWays
    {
        get
        {
            var ways = new TheoryData<string, string>();
            foreach (var gone in new[] { "deleted", "erased", "renumbered" })
            {
                foreach (var back in new[] { "file", "api", "api with consent", "api with proof", "message", "patch", "news" })
                {
                    ways.Add(gone, back);
                }
            }

            return ways;
        }
    }

    /// <summary>One telephone in another spelling is the same person.</summary>
    [Theory]
    [MemberData(nameof(SpelledWays))]
    public async Task They_come_back_opted_out_in_the_other_spelling_too(string gone, string back)
    {
        foreach (var (saved, other) in new[] { ("+5531987770101", "+553187770101"), ("+553187770102", "+5531987770102"),
            ("+525512345601", "+5215512345601"), ("+541123456701", "+5491123456701") })
        {
            var organization = await database.NewOrganizationAsync();
            await GoneAsync(organization, await database.CreateAsync(organization, saved, null, No), gone);

            await BackAsync(organization, back, "unused", other);

            var all = await database.FindAsync(organization);
            all.Where(c => c.PhoneNumber == other).ShouldHaveSingleItem().ConsentStatus.ShouldBe("OPTED_OUT", $"{saved} {other}");
            all.ShouldNotContain(c => c.ConsentStatus == "OPTED_IN");
        }
    }

    /// <summary>
    /// Of two contacts that are one person the one who said no is deleted, before they are merged: what names them afterwards finds the
    /// other by whichever spelling.
    /// </summary>
    [Fact]
    public async Task A_deleted_twins_no_reaches_the_one_that_stays_when_a_file_names_them()
    {
        var organization = await database.NewOrganizationAsync();
        var twin = await database.CreateAsync(organization, "+553187770104", null, No);
        await GoneAsync(organization, twin, "deleted");
        await database.Log.AdminQueryAsync(
            "INSERT INTO contacts (id, organization_id, phone_number, consent_status) VALUES ($1, $2, '+5531987770104', 'OPTED_IN')", _ =>
                0, Uuid.New(), organization);

        await database.ImportAsync(organization, "phone_number,first_name\n'+553187770104,Ann\n");

        (await database.FindAsync(organization)).ShouldHaveSingleItem()
            .ShouldSatisfyAllConditions(c => c.PhoneNumber.ShouldBe("+5531987770104"), c => c.ConsentStatus.ShouldBe("OPTED_OUT"));
    }

    [Fact]
    public async Task A_person_who_had_not_said_no_comes_back_as_the_file_says()
    {
        var organization = await database.NewOrganizationAsync();
        var id = await database.CreateAsync(organization, Phone, null, Yes);
        await GoneAsync(organization, id, "deleted");
        await database.ImportAsync(organization, $"phone_number,consent_status\n{Phone},OPTED_IN\n");
        (await database.FindAsync(organization)).Single().ConsentStatus.ShouldBe("OPTED_IN");
    }

    [Fact]
    public async Task A_merged_persons_other_number_is_suppressed_too_and_the_neighbours_is_not()
    {
        var (organization, neighbour) = (await database.NewOrganizationAsync(), await database.NewOrganizationAsync());
        var (one, other) =
            (await database.CreateAsync(organization, Phone, null, No), await database.CreateAsync(organization, "+4915155500002"));
        await database.MergeAsync(organization, other, one);
        await GoneAsync(organization, other, "deleted");
        foreach (var own in new[] { organization, neighbour })
        {
            await database.ImportAsync(own, $"phone_number,consent_status\n{Phone},OPTED_IN\n+4915155500002,OPTED_IN\n");
        }

        (await database.FindAsync(organization)).Select(c => c.ConsentStatus).ShouldBe(["OPTED_OUT", "OPTED_OUT"]);
        (await database.FindAsync(neighbour)).Select(c => c.ConsentStatus).ShouldBe(["OPTED_IN", "OPTED_IN"]);
    }

    [Fact]
    public async Task Only_the_persons_own_word_with_proof_ends_it()
    {
        var organization = await database.NewOrganizationAsync();
        await GoneAsync(organization, await database.CreateAsync(organization, Phone, null, No), "erased");
        var id = (await database.EnsureAsync(organization, new ContactIdentity(Phone.TrimStart('+'), null, "Ann")))[0].Id;
        Task<Done> SayAsync(Consent consent) =>
            new ChangeContactConsentHandler(database.Consents, database.Shards).Handle(new(organization, id, consent), Ct);

        (await Should.ThrowAsync<Refusal>(() => SayAsync(Yes))).Code.ShouldBe("contact.suppressed");
        (await Should.ThrowAsync<Refusal>(() => SayAsync(new("PENDING", "api", "form 1")))).Code.ShouldBe("contact.suppressed");
        await SayAsync(No);
        (await database.GetAsync(organization, id)).ConsentStatus.ShouldBe("OPTED_OUT");

        await SayAsync(new("OPTED_IN", "keyword", "wamid.start"));
        (await database.GetAsync(organization, id)).ConsentStatus.ShouldBe("OPTED_IN");
        await GoneAsync(organization, id, "deleted");
        await database.ImportAsync(organization, $"phone_number,consent_status\n{Phone},OPTED_IN\n");
        (await database.FindAsync(organization)).Single().ConsentStatus.ShouldBe("OPTED_IN");
        (await database.Log.AdminQueryAsync("SELECT lifted_by FROM bsp.suppressions WHERE organization_id = $1", r =>
            r.GetGuid(0), organization)).ShouldHaveSingleItem().ShouldBe(id);
    }

    [Fact]
    public async Task What_is_kept_does_not_say_whose_it_is_and_outlives_a_rotation_of_the_master_key()
    {
        var organization = await database.NewOrganizationAsync();
        await GoneAsync(organization, await database.CreateAsync(organization, Phone, null, No), "erased");
        var (hash, wrapped) =
            (await database.Log.AdminQueryAsync(
                "SELECT identity_hash, wrapped_key FROM bsp.suppressions s JOIN bsp.suppression_keys k USING (organization_id) WHERE s.organization_id = $1", r => (r.GetFieldValue<byte[]>(0), r.GetFieldValue<byte[]>(1)), organization))[0];
        hash.ShouldNotBe(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Phone)));

        var next = new MasterKeys(new() { DirectoryApp = "Host=unused", Shards = [], PlatformKeySha256 = new byte[32],
            MasterKey = [.. Enumerable.Repeat((byte)7, 32)], OldMasterKeys = [new byte[32]], Meta = null! });
        await new KeyRotation(database.Shards, next, _ => { }).RunAsync(Ct);
        (await database.Log.ScalarAsync<byte[]>("SELECT wrapped_key FROM bsp.suppression_keys WHERE organization_id = $1", organization))
            .ShouldNotBe(wrapped);

        var alone = new MasterKeys(new() { DirectoryApp = "Host=unused", Shards = [], PlatformKeySha256 = new byte[32],
            MasterKey = [.. Enumerable.Repeat((byte)7, 32)], Meta = null! });
        using var suppressions = new Suppressions(alone);
        await new EnsureContactsHandler(database.Shards, database.Merger, database.Cache, suppressions)
            .Handle(new(organization, [new(Phone.TrimStart('+'), null, null)]), Ct);
        (await database.FindAsync(organization)).Single().ConsentStatus.ShouldBe("OPTED_OUT");
        await new KeyRotation(database.Shards,
            new(new() { DirectoryApp = "Host=unused", Shards = [], PlatformKeySha256 = new byte[32], MasterKey = new byte[32],
                OldMasterKeys = [[.. Enumerable.Repeat((byte)7, 32)]], Meta = null! }), _ => { }).RunAsync(Ct);
    }

    /// <summary>
    /// A deletion and a file that brings the person back, at once, again and again: either the file came first and the contact is gone, or
    /// it came after and they are OPTED_OUT.
    /// </summary>
    [Theory]
    [InlineData("file")]
    [InlineData("api with consent")]
    [InlineData("message")]
    public async Task Deleted_while_they_are_being_brought_back_nobody_is_opted_in(string back)
    {
        var organization = await database.NewOrganizationAsync();
        for (var round = 0; round < 15; round++)
        {
            var id = (await database.FindAsync(organization)).SingleOrDefault()?.Id ?? await database.CreateAsync(organization, Phone);
            if ((await database.GetAsync(organization, id)).ConsentStatus != "OPTED_OUT")
            {
                await new ChangeContactConsentHandler(database.Consents, database.Shards).Handle(new(organization, id, No), Ct);
            }

            var bring = Task.Run(() => BackAsync(organization, back, "unused"), Ct);
            await Task.Run(() => GoneAsync(organization, id, "deleted"), Ct);
            // the API is told of the duplicate
            await ((Task)bring).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);

            (await database.FindAsync(organization)).Select(c => c.ConsentStatus)
                .ShouldAllBe(status => status == "OPTED_OUT", $"round {round}");
        }
    }

    private async Task GoneAsync(Guid organization, Guid id, string way)
    {
        switch (way)
        {
            case "deleted":
                await new DeleteContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit)
                    .Handle(new(organization, id, null), Ct);
                break;
            case "erased":
                await database.OrderErasureAsync(organization, id);
                await database.CarryErasureAsync(organization, id); // rows and keys are gone; the documents follow their projection
                break;
            case "renumbered":
                await PatchAsync(organization, id, """{"phone_number":"+4915155599999","wa_user_id":null}""");
                break;
        }
    }

    private Task<Done> PatchAsync(Guid organization, Guid id, string patch) =>
        new PatchContactHandler(database.Shards, database.Cache, database.Suppressions, database.Audit)
        .Handle(new(organization, id, ContactsDatabase.Json(patch), null), Ct);

    private async Task BackAsync(Guid organization, string way, string user, string phone = Phone)
    {
        switch (way)
        {
            case "file":
                await database.ImportAsync(organization, $"phone_number,consent_status\n{phone},OPTED_IN\n");
                break;
            case "file by user id":
                await database.ImportAsync(organization, $"wa_user_id,consent_status\n{user},OPTED_IN\n");
                break;
            case "api":
                await database.CreateAsync(organization, phone);
                break;
            case "api with consent":
                await database.CreateAsync(organization, phone, null, Yes);
                break;
            case "api with proof":
                await database.CreateAsync(organization, phone, null, new("OPTED_IN", "api", "form 17"));
                break;
            case "message":
                await database.EnsureAsync(organization, new ContactIdentity(phone.TrimStart('+'), null, "Ann"));
                break;
            case "patch":
                await PatchAsync(organization, await database.CreateAsync(organization, "+4915155500777"),
                    $$"""{"phone_number":"{{phone}}"}""");
                break;
            case "news":
                await database.CreateAsync(organization, "+4915155500778");
                await database.MoveAsync(organization, new("+4915155500778", null, null), new(phone, null, null), "wamid.news");
                break;
        }
    }
}
