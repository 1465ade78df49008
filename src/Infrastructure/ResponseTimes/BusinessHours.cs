using System.Globalization;
using System.Text.Json;

namespace Bsp.Infrastructure.ResponseTimes;

/// <summary>
/// When an organization works: <c>settings.business_hours</c>, <c>{"mon": [["09:00", "17:30"]], …}</c>, in its <c>settings.time_zone</c>.
/// What
/// cannot be read counts as none, and then every second counts.
/// </summary>
internal sealed class BusinessHours
{
    private const int DaysMax = 400; // of one answer; later days count whole
    private static readonly string[] Names = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

    private readonly Dictionary<DayOfWeek, List<(TimeSpan From, TimeSpan To)>> days = [];
    private readonly TimeZoneInfo zone;

    private BusinessHours(TimeZoneInfo zone) => this.zone = zone;

    /// <summary>Null: none are set.</summary>
    public static BusinessHours? Read(string? json, string? zoneName)
    {
        if (json is null || !TryParse(json, out var root) || root.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        var hours = new BusinessHours(zoneName is not null && TimeZoneInfo.TryFindSystemTimeZoneById(zoneName, out var own) ? own
            : TimeZoneInfo.Utc);
        foreach (var day in root.EnumerateObject().Where(d => Array.IndexOf(Names, d.Name) >= 0
            && d.Value.ValueKind == JsonValueKind.Array))
        {
            hours.days[(DayOfWeek)Array.IndexOf(Names, day.Name)] =
                [.. day.Value.EnumerateArray().Select(Range).OfType<(TimeSpan, TimeSpan)>()
                .OrderBy(r => r.Item1)];
        }

        return hours.days.Values.Any(ranges => ranges.Count > 0) ? hours : null;
    }

    /// <summary>Seconds of business between two moments.</summary>
    public long Seconds(DateTimeOffset from, DateTimeOffset to)
    {
        var (total, day) = (TimeSpan.Zero, TimeZoneInfo.ConvertTime(from, zone).Date);
        for (var n = 0; n < DaysMax && Instant(day) < to; n++, day = day.AddDays(1))
        {
            foreach (var (begin, end) in days.GetValueOrDefault(day.DayOfWeek, []))
            {
                var (opens, closes) = (Later(Instant(day + begin), from), Earlier(Instant(day + end), to));
                total += closes > opens ? closes - opens : TimeSpan.Zero;
            }
        }

        return (long)total.TotalSeconds + (Instant(day) < to ? (long)(to - Instant(day)).TotalSeconds : 0);
    }

    // An hour that does not exist is the moment at which the clocks were put forward.
    private DateTimeOffset Instant(DateTime local)
    {
        var before = zone.GetUtcOffset(local.AddHours(-3));
        return zone.IsInvalidTime(local) ? new DateTimeOffset(local, before) : new DateTimeOffset(local, zone.GetUtcOffset(local));
    }

    private static (TimeSpan, TimeSpan)? Range(JsonElement pair) =>
        pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2 && Time(pair[0]) is { } from && Time(pair[1]) is { } to
            && from < to
            ? (from, to) : null;

    private static TimeSpan? Time(JsonElement text) => text.ValueKind != JsonValueKind.String ? null
        : text.GetString() == "24:00" ? TimeSpan.FromDays(1)
        : TimeSpan.TryParseExact(text.GetString(), "hh\\:mm", CultureInfo.InvariantCulture, out var time) ? time : (TimeSpan?)null;

    private static bool TryParse(string json, out JsonElement root)
    {
        try
        {
            root = JsonDocument.Parse(json).RootElement;
            return true;
        }
        catch (JsonException)
        {
            root = default;
            return false; // none are set, as the summary says
        }
    }

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;
}
