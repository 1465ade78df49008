using PhoneNumbers;

namespace Bsp.Application.Common;

/// <summary>Phone numbers in E.164 with '+', the only form stored.</summary>
public static class E164
{
    private const int CharactersMax = 40;
    private static readonly PhoneNumberUtil Library = PhoneNumberUtil.GetInstance();

    /// <summary>
    /// Normalizes by the rules of the number's country; null when it cannot be a number of one. Spaces, dashes, dots, slashes and brackets are taken; <c>00</c> stands for '+'; without either the digits are
    /// taken to begin with the country code (as WhatsApp's own ids do). Lengths are checked per country, single number ranges are not: those change more often than any library, and Meta's own
    /// test numbers (+1 555 …) are in none.
    /// </summary>
    public static string? Normalize(string? text)
    {
        if (text is null || text.Length > CharactersMax)
        {
            return null;
        }

        var trimmed = text.Trim();
        if (trimmed.Length == 0 || trimmed.Any(c => !char.IsAsciiDigit(c) && c is not ('+' or ' ' or '-' or '.' or '(' or ')' or '/' or '\u00A0')))
        {
            return null;
        }

        var international = trimmed[0] == '+' ? trimmed : trimmed.StartsWith("00", StringComparison.Ordinal) ? $"+{trimmed[2..]}" : $"+{trimmed}";
        try
        {
            var number = Library.Parse(international, null);
            return Library.IsPossibleNumber(number) ? Library.Format(number, PhoneNumberFormat.E164) : null;
        }
        catch (NumberParseException)
        {
            return null; // no country has such a number: an answer, not a failure
        }
    }

    /// <summary>The id that WhatsApp gives (<c>wa_id</c>, digits only) as E.164. Never refuses: Meta knows the number, whatever a library thinks of it.</summary>
    public static string OfWaId(string waId) => waId.StartsWith('+') ? waId : $"+{waId}";
}
