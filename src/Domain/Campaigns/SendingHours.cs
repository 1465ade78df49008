using System.Globalization;

namespace Bsp.Domain.Campaigns;

/// <summary>When a campaign may send. What the clock of its zone shows counts.</summary>
/// <param name="QuietFrom"><c>HH:mm</c> from which nothing is sent, each day; null: there is no quiet time.</param>
/// <param name="QuietTo"><c>HH:mm</c> until which nothing is sent; before <paramref name="QuietFrom"/>: of the next day.</param>
/// <param name="Days">Days on which anything is sent: <c>mon</c> … <c>sun</c>; null: all.</param>
/// <param name="Zone"><c>recipient</c> (null, too), <c>organization</c>, or an IANA zone.</param>
/// <param name="ZoneField">Custom field of contacts that names their zone; null: <c>time_zone</c>.</param>
public sealed record SendingHours(string? QuietFrom = null, string? QuietTo = null, IReadOnlyList<string>? Days = null, string? Zone = null,
    string? ZoneField = null)
{
    /// <summary>Each in their own zone.</summary>
    public const string Recipient = "recipient";

    /// <summary>All in the organization's zone.</summary>
    public const string Organization = "organization";

    /// <summary>Where no other field is named.</summary>
    public const string StandardField = "time_zone";

    /// <summary>The words for days, from Monday.</summary>
    public static readonly IReadOnlyList<string> DayWords = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    private const int StepsMax = 20; // days off, quiet times and clock changes on the way to an open moment

    /// <summary>A time of day as it is written.</summary>
    public static TimeOnly? TimeOf(string? text) =>
        TimeOnly.TryParseExact(text, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time) ? time : null;

    /// <summary>The first moment from which on something may be sent: <paramref name="from"/> itself, if it may be now.</summary>
    /// <remarks>A quiet time that ends within the hour that a clock change leaves out ends with that hour; one that ends within an hour
    /// that
    /// comes twice ends the first time and, while the clock shows it again, is quiet again.</remarks>
    public DateTimeOffset OpensAt(DateTimeOffset from, TimeZoneInfo zone)
    {
        var at = from;
        for (var step = 0; step < StepsMax; step++)
        {
            var local = TimeZoneInfo.ConvertTime(at, zone).DateTime;
            if (Closed(local) is not { } until)
            {
                return at;
            }

            at = LocalTimes.NextAt(until, zone, at);
        }

        return at;
    }

    // Until when the clock must go on; null: it is open.
    private DateTime? Closed(DateTime local)
    {
        if (Days is { Count: > 0 } && !Days.Contains(DayWords[((int)local.DayOfWeek + 6) % 7]))
        {
            return local.Date.AddDays(1);
        }

        if (TimeOf(QuietFrom) is not { } from || TimeOf(QuietTo) is not { } to || from == to)
        {
            return null;
        }

        var now = TimeOnly.FromDateTime(local);
        return from < to ? now >= from && now < to ? local.Date + to.ToTimeSpan() : null
            : now >= from ? local.Date.AddDays(1) + to.ToTimeSpan()
            : now < to ? local.Date + to.ToTimeSpan() : null;
    }
}

/// <summary>
/// What a time that a clock shows means. One that a clock change leaves out is the moment of the change; one that comes twice is the first.
/// </summary>
public static class LocalTimes
{
    private const int GapMinutesMax = 24 * 60; // Samoa left out a day

    /// <summary>The first moment at which the zone's clock shows it, or has passed it.</summary>
    public static DateTimeOffset InstantOf(DateTime local, TimeZoneInfo zone)
    {
        var wanted = Shown(local, zone);
        var offset = zone.IsAmbiguousTime(wanted) ? zone.GetAmbiguousTimeOffsets(wanted).Max() : zone.GetUtcOffset(wanted);
        return new DateTimeOffset(wanted, offset).ToUniversalTime();
    }

    /// <summary>The first moment after another at which the zone's clock shows it; it comes twice: the second, when the first has
    /// passed.</summary>
    public static DateTimeOffset NextAt(DateTime local, TimeZoneInfo zone, DateTimeOffset after)
    {
        var first = InstantOf(local, zone);
        var wanted = Shown(local, zone);
        return first > after || !zone.IsAmbiguousTime(wanted) ? first
            : new DateTimeOffset(wanted, zone.GetAmbiguousTimeOffsets(wanted).Min()).ToUniversalTime();
    }

    // A time that is left out: the first that is not.
    private static DateTime Shown(DateTime local, TimeZoneInfo zone)
    {
        var shown = DateTime.SpecifyKind(local, DateTimeKind.Unspecified);
        if (!zone.IsInvalidTime(shown))
        {
            return shown;
        }

        shown = new DateTime(shown.Year, shown.Month, shown.Day, shown.Hour, shown.Minute, 0, DateTimeKind.Unspecified);
        for (var minutes = 0; minutes < GapMinutesMax && zone.IsInvalidTime(shown); minutes++)
        {
            shown = shown.AddMinutes(1);
        }

        return shown;
    }
}
