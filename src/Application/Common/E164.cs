using System.Collections.Concurrent;
using System.Globalization;
using PhoneNumbers;

namespace Bsp.Application.Common;

/// <summary>What a written phone number was read as.</summary>
/// <param name="E164">Null: refused.</param>
/// <param name="Fault">Why, as the rest of a sentence that begins with the field's name; null when read.</param>
/// <param name="Written">Refused, but of nothing but digits: these after a '+'. It may be a number that Meta named all the same. Else
/// null.</param>
/// <param name="IsBare">No country code was written: an organization's default country decides.</param>
public readonly record struct PhoneReading(string? E164, string? Fault, string? Written = null, bool IsBare = false);

/// <summary>Phone numbers in E.164 with '+', the only form stored. How written ones are read: docs/decisions/0155.</summary>
public static class E164
{
    private const int DigitsMax = 15; // ITU-T E.164
    private const int MetaDigitsMin = 3;
    private const int DigitsOfNoLocalNumber = 11; // from here on digits without '+' may be read as begun with the country code
    private const string Unknown = "is no phone number with country code";

    private static readonly PhoneNumberUtil Library = PhoneNumberUtil.GetInstance();
    private static readonly HashSet<int> CallingCodes = [.. Library.GetSupportedCallingCodes()];
    [Bounded("one a length of a number")]
    private static readonly ConcurrentDictionary<int, int[]> CodesOfMobiles = new();

    /// <summary>One reading of some digits.</summary>
    /// <param name="Valid">In a range that the country has given out.</param>
    /// <param name="Mobile">In one that mobiles have (or may have, where a country does not tell them apart).</param>
    private readonly record struct Candidate(string Number, bool Valid, bool Mobile);

    /// <summary>As <see cref="Read"/> without a default country; null when refused.</summary>
    public static string? Normalize(string? text) => Read(text, null).E164;

    /// <summary>
    /// Reads what somebody wrote, by the rules of the number's country. With '+' (or <c>00</c>) it has its country code; lengths are
    /// checked per country, single number ranges are not: those change more often
    /// than any library, and Meta's own test numbers (+1 555 …) are in none. Without, the default country decides. What may be two numbers
    /// is refused.
    /// </summary>
    /// <param name="text">Null or blank: refused.</param>
    /// <param name="country">ISO 3166-1 alpha-2; null: there is no default.</param>
    public static PhoneReading Read(string? text, string? country)
    {
        var (digits, fault) = PhoneText.Tidy(text ?? "");
        return digits is null ? new(null, fault)
            : digits[0] == '+' ? Abroad(digits)
            : digits.StartsWith("00", StringComparison.Ordinal) ? Abroad($"+{digits[2..]}")
            : Bare(digits, country) with { IsBare = true };
    }

    /// <summary>What is written of a number, perhaps its beginning only: digits, after a '+' where there is one.</summary>
    public static (string? Digits, string? Fault) Digits(string text) => PhoneText.Tidy(text.TrimEnd(' ', '-', '('), partly: true);

    /// <summary>A business's own number as Meta shows it (<c>display_phone_number</c>): without '+', too, it begins with the country code.
    /// Null: it is none.</summary>
    public static string? OfDisplay(string? text) => 
        Read(text, null) is var reading && reading is { E164: null, IsBare: true, Written: { } written }
            ? Abroad(written).E164 : reading.E164;

    /// <summary>The id that WhatsApp gives (<c>wa_id</c>, digits only) as E.164. Never refuses: Meta knows the number, whatever a library
    /// thinks of it.</summary>
    public static string OfWaId(string waId) => waId.StartsWith('+') ? waId : $"+{waId}";

    /// <summary>The id that WhatsApp gives as E.164; null when it is no number at all, such as the placeholders of Meta's examples
    /// (<c>PHONE_NUMBER</c>). A number that Meta names is one, whatever a library thinks of it.</summary>
    public static string? OfMeta(string? waId)
    {
        var digits = waId is ['+', .. var rest] ? rest : waId;
        return digits is { Length: >= MetaDigitsMin and <= DigitsMax } && digits.All(char.IsAsciiDigit) && digits[0] != '0'
            ? $"+{digits}" : null;
    }

    /// <summary>A country whose numbers can be read: ISO 3166-1 alpha-2, upper case.</summary>
    public static bool IsCountry(string code) =>
        code is [>= 'A' and <= 'Z', >= 'A' and <= 'Z'] && Library.GetCountryCodeForRegion(code) != 0;

    /// <summary>Calling code that a number in E.164 begins with; null when there is no such.</summary>
    public static int? CallingCode(string e164)
    {
        for (var length = 1; length <= 3 && length < e164.Length; length++)
        {
            if (int.TryParse(e164.AsSpan(1, length), NumberStyles.None, CultureInfo.InvariantCulture, out var code)
                && CallingCodes.Contains(code))
            {
                return code;
            }
        }

        return null;
    }

    private static PhoneReading Abroad(string plus)
    {
        return Judge(plus, null, ranges: false) is { } found ? new(found.Number, null) : new(null, Unknown, OfMeta(plus));
    }

    private static PhoneReading Bare(string digits, string? country)
    {
        var abroad = digits[0] != '0' && Judge($"+{digits}", null) is { Valid: true } whole ? whole : (Candidate?)null;
        var home = country is not null && Judge(digits, country) is { } local && (local.Valid || local.Mobile) ? local : (Candidate?)null;
        var own = abroad is { } a && country is not null && CallingCode(a.Number) == Library.GetCountryCodeForRegion(country);
        return (home, abroad) switch
        {
            (null, { } only) when own || (digits.Length >= DigitsOfNoLocalNumber && !IsMobileElsewhere(digits, only)) =>
                new(only.Number, null),
            (null, _) => new(null, country is null
                ? "has no country code: write it with + and the country code, "
                    + "or give the organization a default country (settings.default_country)"
                : $"is no phone number of {country}, the organization's default country: write it with + and the country code",
                OfMeta(digits)),
            ({ } only, null) => new(only.Number, null),
            ({ } same, { } other) when same.Number == other.Number => new(same.Number, null),
            ({ Valid: true } mine, { } other) when mine.Mobile || !other.Mobile => new(mine.Number, null),
            (_, { } whole2) when own => new(whole2.Number, null),
            ({ } mine, { } other) => new(null,
                $"may be {mine.Number} or {other.Number}: write it with + and the country code", OfMeta(digits)),
        };
    }

    // Null: no country has numbers of this length, or the digits would have to be changed by more than a trunk prefix. Without ranges only
    // the number counts: they are most of the time.
    private static Candidate? Judge(string digits, string? country, bool ranges = true)
    {
        if (PhoneSpellings.Of(digits).Count > 1)
        {
            return new(digits, true, true); // WhatsApp's own spelling, too, which the library may hold for too long or too short
        }

        try
        {
            var number = Library.Parse(digits, country);
            var e164 = Library.Format(number, PhoneNumberFormat.E164);
            if (PhoneSpellings.Of(e164).Count > 1)
            {
                return new(e164, true, true);
            }

            if (Library.IsPossibleNumberWithReason(number) != PhoneNumberUtil.ValidationResult.IS_POSSIBLE)
            {
                return null;
            }

            if (!ranges && e164 == digits)
            {
                return new(e164, false, false);
            }

            var (valid, type) = (Library.IsValidNumber(number), Library.GetNumberType(number));
            var mobile = IsMobile(type) || (!valid && country is not null && IsAsLongAsMobiles(number));
            return valid || country is not null || e164 == digits ? new(e164, valid, mobile) : null;
        }
        catch (NumberParseException)
        {
            return null; // no country has such a number: an answer, not a failure
        }
    }

    private static bool IsMobile(PhoneNumberType type) => type is PhoneNumberType.MOBILE or PhoneNumberType.FIXED_LINE_OR_MOBILE;

    private static bool IsAsLongAsMobiles(PhoneNumber number) =>
        Library.IsPossibleNumberForTypeWithReason(number, PhoneNumberType.MOBILE) == PhoneNumberUtil.ValidationResult.IS_POSSIBLE;

    // Somebody's mobile as it is written at home: then the digits are not certainly begun with a country code.
    private static bool IsMobileElsewhere(string digits, Candidate whole) =>
        digits.Length < DigitsMax
        && ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var national)
        && CodesOfMobiles.GetOrAdd(digits.Length, _ => CodesWithMobilesLike(national))
            .Any(code => IsMobile(Library.GetNumberType(Number(code, national))) && $"+{code}{digits}" != whole.Number);

    private static int[] CodesWithMobilesLike(ulong national) =>
        [.. CallingCodes.Where(code => IsAsLongAsMobiles(Number(code, national)))];

    private static PhoneNumber Number(int callingCode, ulong national) =>
        new PhoneNumber.Builder().SetCountryCode(callingCode).SetNationalNumber(national).Build();
}
