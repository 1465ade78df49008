using System.Collections.Concurrent;
using Bsp.Domain.Common;
using PhoneNumbers;

namespace Bsp.Application.Common;

/// <summary>
/// In which zone somebody lives, as far as it can be told: what their contact's field says; else where their number belongs to. Of a
/// country
/// with several zones whose numbers do not tell, the one in the middle, from west to east. A user id without a number has its country.
/// </summary>
public static class RecipientZones
{
    private static readonly PhoneNumberToTimeZonesMapper Mapper = PhoneNumberToTimeZonesMapper.GetInstance();
    private static readonly PhoneNumberUtil Library = PhoneNumberUtil.GetInstance();

    [Bounded("one a zone of the system's database")]
    private static readonly ConcurrentDictionary<string, TimeZoneInfo> Known = new(StringComparer.Ordinal);

    /// <summary>The zone of this IANA name; null: there is none.</summary>
    public static TimeZoneInfo? Find(string? name)
    {
        if (name is null or { Length: 0 or > 64 })
        {
            return null;
        }

        if (Known.TryGetValue(name, out var known))
        {
            return known;
        }

        // Names only, no paths; a stranger's words are not kept.
        return name.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '_' or '-' or '+') && TimeZoneInfo.TryFindSystemTimeZoneById(name,
            out var found)
            ? Known.GetOrAdd(found.Id, found) : null;
    }

    /// <param name="said">What the contact's field says; no known zone: it says nothing.</param>
    /// <param name="phone">E.164; null: there is none.</param>
    /// <param name="userId">Business-scoped user id, which begins with a country; null: there is none.</param>
    /// <param name="otherwise">Whose zone cannot be told.</param>
    public static TimeZoneInfo Of(string? said, string? phone, string? userId, TimeZoneInfo otherwise) =>
        Find(said) ?? OfPhone(phone) ?? OfCountry(userId) ?? otherwise;

    private static TimeZoneInfo? OfPhone(string? phone)
    {
        if (phone is null)
        {
            return null;
        }

        try
        {
            var number = Library.Parse(phone, null);
            return Middle(Mapper.GetTimeZonesForNumber(number)) ?? Middle(Mapper.GetTimeZonesForGeographicalNumber(number));
        }
        catch (NumberParseException)
        {
            return null;
        }
    }

    private static TimeZoneInfo? OfCountry(string? userId) =>
        userId is { Length: > 3 } && userId[2] == '.' && Library.GetExampleNumber(Text.Cut(userId, 2)) is { } example
        ? Middle(Mapper.GetTimeZonesForNumber(example)) : null;

    private static TimeZoneInfo? Middle(IEnumerable<string> names)
    {
        var zones = names.Select(Find).OfType<TimeZoneInfo>().OrderBy(z => z.BaseUtcOffset).ThenBy(z =>
            z.Id, StringComparer.Ordinal).ToList();
        return zones.Count == 0 ? null : zones[zones.Count / 2];
    }
}
