using PhoneNumbers;

namespace Bsp.Application.Common;

/// <summary>Phone numbers in international form.</summary>
public static class E164
{
    /// <summary>
    /// <c>+4915112345678</c> from anything written with a leading <c>+</c>; null when it cannot be a number of its country.
    /// Length and country code decide, not whether the range is in service: Meta's own test numbers (+1 555 …) are not.
    /// </summary>
    public static string? Normalize(string? text)
    {
        if (text is not { Length: >= 5 and <= 40 } || text.TrimStart() is not ['+', ..])
        {
            return null;
        }

        try
        {
            var util = PhoneNumberUtil.GetInstance();
            var number = util.Parse(text, null);
            return util.IsPossibleNumber(number) && !number.HasExtension ? util.Format(number, PhoneNumberFormat.E164) : null;
        }
        catch (NumberParseException)
        {
            return null;
        }
    }
}
