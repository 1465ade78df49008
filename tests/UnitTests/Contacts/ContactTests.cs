using Bsp.Application.Contacts;
using Bsp.Domain.Contacts;
using Bsp.UnitTests.Common;

namespace Bsp.UnitTests.Contacts;

public sealed class ContactTests
{
    private static readonly Guid Id = Guid.Parse("01900000-0000-7000-8000-000000000001");
    private static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly ContactConsentChanged OptedIn = new(Id, "OPTED_IN", "api", "form 7", Noon);

    private static Given<Contact, ContactEvent> Given(params ContactEvent[] past) => new(Contact.Initial, Contact.Evolve, past);

    [Fact] public void Consent_is_recorded_with_source_and_proof() => Given().When(s => Contact.ChangeConsent(s, Id, "PENDING", "OPTED_IN", "api", "form 7", Noon)).Then(OptedIn);

    [Fact] public void The_same_consent_again_changes_nothing() => Given(OptedIn).When(s => Contact.ChangeConsent(s, Id, "OPTED_IN", "OPTED_IN", "api", "form 7", Noon)).Then();

    [Fact] public void A_new_proof_of_the_same_consent_is_kept() =>
        Given(OptedIn).When(s => Contact.ChangeConsent(s, Id, "OPTED_IN", "OPTED_IN", "api", "form 8", Noon)).Then(OptedIn with { Proof = "form 8" });

    [Fact] public void What_an_import_changed_meanwhile_is_changed_back() => Given(OptedIn).When(s => Contact.ChangeConsent(s, Id, "OPTED_OUT", "OPTED_IN", "api", "form 7", Noon)).Then(OptedIn);

    [Fact] public void An_unknown_status_is_refused() => Given().When(s => Contact.ChangeConsent(s, Id, "PENDING", "MAYBE", "api", null, Noon)).ThenRefused("contact.consent_status_invalid");

    [Theory]
    [InlineData("+49 151 12345678", "+4915112345678")]
    [InlineData("0049 (151) 123-45678", "+4915112345678")]
    [InlineData("4915112345678", "+4915112345678")]
    [InlineData("+1 555 000 0001", "+15550000001")]
    [InlineData("+44 (0)20 7946 0018", "+442079460018")]
    public void Phone_numbers_are_brought_to_E164(string written, string e164)
    {
        ContactPhone.TryNormalize(written, out var normalized).ShouldBeTrue();
        normalized.ShouldBe(e164);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("+49")]
    [InlineData("+4915112345678901234")]
    [InlineData("+999123456789")]
    [InlineData("015112345678")]
    [InlineData("+49151٣٤٥٦٧٨٩")]
    public void What_is_no_phone_number(string? written) => ContactPhone.TryNormalize(written, out _).ShouldBeFalse();
}
