using Bsp.Application.Common;
using FsCheck;
using FsCheck.Fluent;

namespace Bsp.UnitTests.Common;

public sealed class PhoneReadingTests
{
    private const int Runs = 500;

    // Numbers of many countries as libphonenumber has them for examples, and WhatsApp's own spellings.
    private static readonly string[] Certain =
    [
        .. PhoneNumbers.PhoneNumberUtil.GetInstance().GetSupportedRegions()
            .Select(region =>
                PhoneNumbers.PhoneNumberUtil.GetInstance().GetExampleNumberForType(region, PhoneNumbers.PhoneNumberType.MOBILE))
            .Where(number => number is not null)
            .Select(number => PhoneNumbers.PhoneNumberUtil.GetInstance().Format(number, PhoneNumbers.PhoneNumberFormat.E164)),
        "+5215512345678", "+553187770000", "+5531987770000", "+541123456789", "+22507123456", "+22997000000", "+15550123456",
    ];

    private static readonly string[] Zeros = ["0", "٠", "۰", "०", "０", "০", "𝟎"];
    private static readonly string[] Blanks =
        ["", "", "", " ", "\u00A0", "\u202F", "\u2009", "\u3000", "\u200B", "\u200E", "\u202A", "\u2066", "\u2060", "\uFEFF", "\u00AD",
            "-", "‐", "–", "−", "－", "\uFE0E"];

    [Theory]
    [InlineData("919000131007.0")]
    [InlineData("+919000131007.")]
    [InlineData("+1.555.012.3456")]
    [InlineData("+919000131007 / 63")]
    [InlineData("+919000131007;+919000131063")]
    [InlineData("+919000131007,+919000131063")]
    [InlineData("+919000131007 +919000131063")]
    [InlineData("+919000131007\n+919000131063")]
    [InlineData("+919000131007\t63")]
    [InlineData("+919000131007 x63")]
    [InlineData("+919000131007 ext. 63")]
    [InlineData("+919000131007#63")]
    [InlineData("9.19000131007E+11")]
    [InlineData("9.19E+11")]
    [InlineData("919e9")]
    [InlineData("+91 90001 O1007")]
    [InlineData("tel:+919000131007")]
    [InlineData("-919000131007")]
    [InlineData("+919000131007-")]
    [InlineData("(+919000131007")]
    [InlineData("+919000131007)")]
    [InlineData("++919000131007")]
    [InlineData("+91+9000131007")]
    [InlineData("+00919000131007")]
    [InlineData("=919000131007")]
    [InlineData("~919000131007")]
    [InlineData("+91900013100²")]
    [InlineData("+9190001310079000131008")]
    [InlineData("+")]
    [InlineData("\u200B")]
    [InlineData("+15551234")] // without its area code
    public void What_may_be_another_number_is_refused_and_says_why(string written)
    {
        var reading = E164.Read(written, "IN");
        reading.E164.ShouldBeNull();
        reading.Fault.ShouldNotBeNullOrEmpty();
    }

    [Theory]
    [InlineData("919000131007.0", "'.'")]
    [InlineData("9.19E+11", "'.'")]
    [InlineData("919E9", "rounded by a spreadsheet")]
    [InlineData("+919000131007 / 63", "'/'")]
    [InlineData("+919000131007 ext 3", "'e'")]
    [InlineData("9876543210", "default_country")]
    [InlineData("16505551234", "default_country")] // a Chinese mobile, too
    public void The_fault_names_what_is_wrong(string written, string said) =>
        E164.Read(written, null).Fault.ShouldNotBeNull().ShouldContain(said);

    [Theory]
    [InlineData("\u202A+91 90001\u00A031007\u202C", "+919000131007")]
    [InlineData("\uFEFF+91‑90001‑31007\u200B", "+919000131007")]
    [InlineData("+٩١٩٠٠٠١٣١٠٠٧", "+919000131007")]
    [InlineData("+९१ ९०००१ ३१००७", "+919000131007")]
    [InlineData("＋９１（９０００１）３１００７", "+919000131007")]
    [InlineData("00 91 90001 31007", "+919000131007")]
    [InlineData("+5215512345678", "+5215512345678")] // as WhatsApp names it
    [InlineData("+52 1 55 1234 5678", "+5215512345678")]
    [InlineData("5215512345678", "+5215512345678")]
    [InlineData("+54 11 15-2345-6789", "+5491123456789")]
    [InlineData("919000015001", "+919000015001")]
    [InlineData("447911123456", "+447911123456")]
    public void A_number_is_read_through_its_decoration(string written, string e164) => E164.Read(written, null).E164.ShouldBe(e164);

    [Theory]
    [InlineData("9876543210", "IN", "+919876543210")]
    [InlineData("09876543210", "IN", "+919876543210")]
    [InlineData("९८७६५४३२१०", "IN", "+919876543210")]
    [InlineData("919876543210", "IN", "+919876543210")]
    [InlineData("9876543210", null, null)]
    [InlineData("015112345678", "DE", "+4915112345678")]
    [InlineData("4915112345678", "DE", "+4915112345678")]
    [InlineData("4915112345678", "IN", "+4915112345678")] // no number of India's
    [InlineData("919000015001", "DE", null)] // of India, or a landline of Germany
    [InlineData("(555) 012-3456", "US", "+15550123456")]
    [InlineData("6598234567", "US", "+16598234567")] // and of Singapore: the default country decides
    [InlineData("15012345678", "CN", "+8615012345678")]
    [InlineData("15012345678", "US", "+15012345678")]
    [InlineData("15012345678", null, null)]
    [InlineData("31987770000", "BR", "+5531987770000")]
    [InlineData("3187770000", "BR", "+553187770000")]
    [InlineData("5531987770000", "BR", "+5531987770000")]
    [InlineData("5215512345678", "MX", "+5215512345678")]
    [InlineData("98765432101", "IN", null)] // one digit too many
    [InlineData("+9876543210", "IN", null)]
    public void Without_a_country_code_the_default_country_decides(string written, string? country, string? e164) =>
        E164.Read(written, country).E164.ShouldBe(e164);

    [Theory]
    [InlineData("15550783881", "+15550783881")]
    [InlineData("+1 555-078-3881", "+15550783881")]
    [InlineData("16505551234", "+16505551234")]
    [InlineData("9876543210", null)]
    [InlineData("015112345678", null)]
    [InlineData("919000131007.0", null)]
    public void A_business_s_own_number_is_shown_with_its_country_code(string display, string? e164) =>
        E164.OfDisplay(display).ShouldBe(e164);

    [Theory]
    [InlineData("PHONE_NUMBER", null)]
    [InlineData("<WHATSAPP_USER_PHONE_NUMBER>", null)]
    [InlineData("fowefinoewcnw", null)]
    [InlineData("", null)]
    [InlineData("0", null)]
    [InlineData("1234567890123456", null)]
    [InlineData("5215512345678", "+5215512345678")]
    [InlineData("+16315551234", "+16315551234")]
    [InlineData("12345", "+12345")]
    [InlineData("1111111111111", "+1111111111111")]
    public void What_Meta_names_is_a_number_when_it_is_digits(string waId, string? e164) => E164.OfMeta(waId).ShouldBe(e164);

    [Theory]
    [InlineData("+5531987770000", "+553187770000")]
    [InlineData("+525512345678", "+5215512345678")]
    [InlineData("+5491123456789", "+541123456789")]
    [InlineData("+2250707123456", "+22507123456")]
    [InlineData("+2250544123456", "+22544123456")]
    [InlineData("+2250140123456", "+22540123456")]
    [InlineData("+2290197000000", "+22997000000")]
    public void One_telephone_has_two_spellings(string today, string other)
    {
        PhoneSpellings.Of(today).ShouldBe([today, other]);
        PhoneSpellings.Of(other).ShouldBe([today, other]);
    }

    [Theory]
    [InlineData("+553137770000")] // a landline
    [InlineData("+5531937770000")] // a mobile whose eight digits are those of a landline
    [InlineData("+22520123456")]
    [InlineData("+2250120123456")]
    [InlineData("+5511")]
    [InlineData("+4915112345678")]
    public void What_is_certain_only_as_written_has_one_spelling(string number) => PhoneSpellings.Of(number).ShouldBe([number]);

    [Fact]
    public void Reading_again_changes_nothing_and_every_decoration_reads_the_same()
    {
        var decorated = from number in Gen.Elements(Certain)
                        from zeros in Gen.ArrayOf(Gen.Elements(Zeros), number.Length)
                        from blanks in Gen.ArrayOf(Gen.Elements(Blanks), number.Length + 1)
                        from twoZeros in Gen.Elements(true, false)
                        select (number, Text: Decorate(number, zeros, blanks, twoZeros));
        Prop.ForAll(Arb.From(decorated), given =>
        {
            var read = E164.Read(given.Text, null);
            read.E164.ShouldBe(given.number, given.Text);
            E164.Read(read.E164, null).E164.ShouldBe(given.number);
            E164.Read(read.E164, "IN").E164.ShouldBe(given.number);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(Runs));
    }

    [Fact]
    public void No_text_is_read_as_another_certain_number()
    {
        // One character put in, taken out or exchanged: the result is the number, refused, or the digits that are written.
        var wrong = from number in Gen.Elements(Certain)
                    from at in Gen.Choose(1, number.Length - 1)
                    from character in Gen.Elements("0123456789./;,xeE#*~+()-_:'\"ab²½Ⅷ".ToCharArray())
                    from how in Gen.Choose(0, 2)
                    select (number,
                        Text: how switch { 0 => number.Insert(at, character.ToString()), 1 => number.Remove(at, 1), _ =>
                            number.Remove(at, 1).Insert(at, character.ToString()) });
        Prop.ForAll(Arb.From(wrong), given =>
        {
            var digits = $"+{new string([.. given.Text.Where(char.IsAsciiDigit)])}";
            if (E164.Read(given.Text, null).E164 is { } read && read != given.number && read != digits)
            {
                // A trunk prefix after the country code is all that is ever taken out of the digits.
                read.Length.ShouldBeLessThan(digits.Length + 2, given.Text);
                digits.ShouldEndWith(read[^6..], customMessage: given.Text);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(Runs * 4));
    }

    [Fact]
    public void The_spellings_of_a_number_are_the_same_from_each_of_them()
    {
        var numbers =
            from prefix in Gen.Elements("+52", "+521", "+54", "+549", "+55", "+225", "+22501", "+22505", "+22507", "+229", "+22901")
                      from count in Gen.Choose(7, 11)
                      from digits in Gen.ArrayOf(Gen.Choose(0, 9), count)
                      select prefix + string.Concat(digits);
        Prop.ForAll(Arb.From(numbers), number =>
        {
            var all = PhoneSpellings.Of(number);
            all.ShouldContain(number);
            all.Count.ShouldBeLessThanOrEqualTo(2);
            all.ShouldAllBe(one => PhoneSpellings.Of(one).SequenceEqual(all));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(Runs * 10));
    }

    private static string Decorate(string number, string[] zeros, string[] blanks, bool twoZeros)
    {
        var text = new System.Text.StringBuilder(twoZeros ? "00" : "+");
        for (var i = 1; i < number.Length; i++)
        {
            var zero = zeros[i];
            text.Append(char.ConvertFromUtf32(char.ConvertToUtf32(zero, 0) + (number[i] - '0')));
            text.Append(i == number.Length - 1 ? "" : blanks[i]);
        }

        return text.ToString();
    }
}
