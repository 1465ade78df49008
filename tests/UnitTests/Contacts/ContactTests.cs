using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.UnitTests.Common;

namespace Bsp.UnitTests.Contacts;

public sealed class ContactTests
{
    private static readonly Guid Id = Guid.Parse("01900000-0000-7000-8000-000000000001");
    private static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Guid Other = Guid.Parse("01900000-0000-7000-8000-000000000002");
    private static readonly Sealed Form7 = new(Other, "c2VhbGVk");
    private static readonly ContactConsentChangedV2 OptedIn = new(Id, "OPTED_IN", "api", Form7, Noon);

    private static Given<Contact, ContactEvent> Given(params ContactEvent[] past) => new(Contact.Initial, Contact.Evolve, past);

    [Fact] public void Consent_is_recorded_with_source_and_proof() =>
        Given().When(s => Contact.ChangeConsent(s, Id, "PENDING", "OPTED_IN", "api", Form7, false, Noon)).Then(OptedIn);

    [Fact] public void The_same_consent_again_changes_nothing() =>
        Given(OptedIn).When(s => Contact.ChangeConsent(s, Id, "OPTED_IN", "OPTED_IN", "api", Form7, true, Noon)).Then();

    [Fact] public void A_new_proof_of_the_same_consent_is_kept() =>
        Given(OptedIn)
        .When(s => Contact.ChangeConsent(s, Id, "OPTED_IN", "OPTED_IN", "api", Form7 with { Data = "YW5vdGhlcg==" }, false, Noon))
        .Then(OptedIn with { Proof = Form7 with { Data = "YW5vdGhlcg==" } });

    [Fact] public void What_an_import_changed_meanwhile_is_changed_back() =>
        Given(OptedIn).When(s => Contact.ChangeConsent(s, Id, "OPTED_OUT", "OPTED_IN", "api", Form7, true, Noon)).Then(OptedIn);

    [Fact] public void An_unknown_status_is_refused() =>
        Given().When(s => Contact.ChangeConsent(s, Id, "PENDING", "MAYBE", "api", null, false, Noon))
        .ThenRefused("contact.consent_status_invalid");

    [Fact] public void A_proof_stored_plain_by_an_earlier_build_is_still_the_consent() =>
        Given(new ContactConsentChanged(Id, "OPTED_IN", "api", "form 7", Noon))
        .When(s => Contact.ChangeConsent(s, Id, "OPTED_IN", "OPTED_IN", "api", Form7, s.PlainProof == "form 7", Noon)).Then();

    [Fact] public void A_contact_that_became_part_of_another_one_is_asked_there() =>
        Given(new ContactAbsorbed(Id, Other, Noon))
        .When(s => Contact.ChangeConsent(s, Id, "PENDING", "OPTED_OUT", "api", null, false, Noon)).ThenRefused("contact.merged");

    [Fact] public void Nothing_is_recorded_of_who_was_erased() =>
        Given(new ContactErased(Id, [Id], Noon)).When(s => Contact.ChangeConsent(s, Id, "PENDING", "OPTED_IN", "api", null, false, Noon))
        .ThenRefused("contact.unknown");

    [Fact] public void A_merge_is_told_in_both_streams()
    {
        var (surviving, absorbed) = Contact.Merge(Contact.Initial, Contact.Initial, Id, Other, "api", Noon);
        surviving.ShouldBe([new ContactMerged(Id, Other, "api", Noon)]);
        absorbed.ShouldBe([new ContactAbsorbed(Other, Id, Noon)]);
    }

    [Fact] public void Merging_again_changes_nothing() =>
        Contact.Merge(Contact.Initial, Contact.Evolve(Contact.Initial, new ContactAbsorbed(Other, Id, Noon)), Id, Other, "api",
            Noon).Surviving.ShouldBeEmpty();

    [Fact] public void The_news_of_a_new_number_is_noted_with_the_time_of_which_it_speaks() =>
        Given().When(s => Contact.ChangeIdentity(s, Id, "user_changed_number", "wamid.1", Form7, outdated: false, Noon.AddHours(-1), Noon))
        .Then(new ContactIdentityChanged(Id, "user_changed_number", "wamid.1", Form7, Noon, Noon.AddHours(-1)));

    [Fact] public void Old_news_is_kept_as_old_news() =>
        Given().When(s => Contact.ChangeIdentity(s, Id, "user_changed_number", "wamid.1", Form7, outdated: true, Noon.AddHours(-1), Noon))
        .Then(new ContactIdentityNewsOutdated(Id, "user_changed_number", "wamid.1", Form7, Noon, Noon.AddHours(-1)));

    [Fact] public void No_news_is_noted_of_who_is_another_contact_by_now() =>
        Given(new ContactAbsorbed(Id, Other, Noon))
        .When(s => Contact.ChangeIdentity(s, Id, "user_changed_number", "wamid.1", Form7, false, Noon, Noon)).ThenRefused("contact.merged");

    [Fact] public void Erasing_twice_erases_once() =>
        Given(new ContactErased(Id, [Id], Noon)).When(s => Contact.Erase(s, Id, [Id], Noon)).Then();

    [Theory]
    [InlineData("OPTED_IN", "OPTED_OUT", "OPTED_OUT")]
    [InlineData("OPTED_IN", "PENDING", "PENDING")]
    [InlineData("PENDING", "OPTED_OUT", "OPTED_OUT")]
    public void Of_two_words_the_stricter_wins(string one, string other, string stricter)
    {
        Contact.Stricter(one, other).ShouldBe(stricter);
        Contact.Stricter(other, one).ShouldBe(stricter);
    }

    [Theory]
    [InlineData("+49 151 12345678", "+4915112345678")]
    [InlineData("0049 (151) 123-45678", "+4915112345678")]
    [InlineData("4915112345678", "+4915112345678")]
    [InlineData("+1 555 000 0001", "+15550000001")]
    [InlineData("+44 (0)20 7946 0018", "+442079460018")]
    [InlineData("+49151٣٤٥٦٧٨٩", "+491513456789")] // any script's digits are digits
    public void Phone_numbers_are_brought_to_E164(string written, string e164) => E164.Normalize(written).ShouldBe(e164);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("+49")]
    [InlineData("+4915112345678901234")]
    [InlineData("+999123456789")]
    [InlineData("015112345678")]
    public void What_is_no_phone_number(string? written) => E164.Normalize(written).ShouldBeNull();
}
