using Bsp.Application.Common;
using Bsp.Domain.Campaigns;

namespace Bsp.UnitTests.Campaigns;

/// <summary>What clocks show and what it means, on days on which they change, and where somebody lives.</summary>
public sealed class SendingHoursTests
{
    private static TimeZoneInfo Zone(string name) => RecipientZones.Find(name)
        ?? throw new InvalidOperationException($"No zone {name} here.");

    private static DateTimeOffset Utc(string text) =>
        DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal);

    private static DateTime Local(string text) => DateTime.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    [Theory]
    [InlineData("Africa/Cairo", "2026-04-24T00:30", "2026-04-23T22:00Z")] // midnight to one is left out: the moment of the change
    [InlineData("Africa/Cairo", "2026-04-24T01:00", "2026-04-23T22:00Z")]
    [InlineData("Africa/Cairo", "2026-10-29T23:30", "2026-10-29T20:30Z")] // comes twice: the first
    [InlineData("Africa/Cairo", "2026-10-30T00:00", "2026-10-29T22:00Z")]
    [InlineData("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00Z")]
    [InlineData("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30Z")]
    [InlineData("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00Z")]
    [InlineData("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30Z")] // half an hour is left out
    [InlineData("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45Z")] // half an hour comes twice
    [InlineData("UTC", "2026-11-01T01:30", "2026-11-01T01:30Z")]
    public void A_time_that_is_left_out_is_the_moment_of_the_change_and_one_that_comes_twice_is_the_first(string zone, string local,
        string utc) => LocalTimes.InstantOf(Local(local), Zone(zone)).ShouldBe(Utc(utc));

    [Theory]
    [InlineData("2026-11-30T18:59Z", "2026-11-30T18:59Z")] // 20:59 in Cairo
    [InlineData("2026-11-30T19:00Z", "2026-12-01T06:00Z")] // over the end of the month
    [InlineData("2026-12-01T05:59Z", "2026-12-01T06:00Z")]
    [InlineData("2026-12-01T06:00Z", "2026-12-01T06:00Z")]
    [InlineData("2026-04-23T21:30Z", "2026-04-24T05:00Z")] // the night of the change is an hour shorter
    public void Whoever_falls_into_the_quiet_time_waits_until_its_end(string now, string open) =>
        new SendingHours("21:00", "08:00").OpensAt(Utc(now), Zone("Africa/Cairo")).ShouldBe(Utc(open));

    [Fact]
    public void A_quiet_time_within_a_day_ends_on_that_day()
    {
        var siesta = new SendingHours("13:00", "15:30");
        siesta.OpensAt(Utc("2026-11-30T12:59Z"), TimeZoneInfo.Utc).ShouldBe(Utc("2026-11-30T12:59Z"));
        siesta.OpensAt(Utc("2026-11-30T13:00Z"), TimeZoneInfo.Utc).ShouldBe(Utc("2026-11-30T15:30Z"));
    }

    [Fact]
    public void Days_are_those_of_the_zone_and_what_opens_on_a_day_off_opens_on_the_next_day()
    {
        var week = new SendingHours("20:00", "09:00", ["sun", "mon", "tue", "wed", "thu"]);
        // Thursday 23:00 in Cairo: quiet until Friday, which is off, Saturday too; Sunday is quiet until nine.
        week.OpensAt(Utc("2026-11-26T21:00Z"), Zone("Africa/Cairo")).ShouldBe(Utc("2026-11-29T07:00Z"));
        new SendingHours(Days: ["mon"]).OpensAt(Utc("2026-11-30T23:30Z"), Zone("Africa/Cairo")).ShouldBe(Utc("2026-12-06T22:00Z"));
        new SendingHours().OpensAt(Utc("2026-11-30T23:30Z"), Zone("Africa/Cairo")).ShouldBe(Utc("2026-11-30T23:30Z"));
    }

    [Fact]
    public void A_quiet_time_that_ends_in_a_repeated_hour_is_over_the_first_time_and_quiet_again_the_second()
    {
        var (hours, zone) = (new SendingHours("22:00", "01:30"), Zone("America/New_York"));
        hours.OpensAt(Utc("2026-11-01T04:00Z"), zone).ShouldBe(Utc("2026-11-01T05:30Z")); // 00:00 → the first 01:30
        hours.OpensAt(Utc("2026-11-01T05:45Z"), zone).ShouldBe(Utc("2026-11-01T05:45Z"));
        hours.OpensAt(Utc("2026-11-01T06:10Z"), zone).ShouldBe(Utc("2026-11-01T06:30Z")); // 01:10 again → the second 01:30
    }

    [Theory]
    [InlineData(null, "+201001234567", null, "Africa/Cairo")]
    [InlineData(null, "+12125550123", null, "America/New_York")]
    [InlineData(null, "+13105550123", null, "America/Los_Angeles")]
    [InlineData(null, "+5511987654321", null, "America/Sao_Paulo")]
    [InlineData("Asia/Tokyo", "+201001234567", null, "Asia/Tokyo")]
    [InlineData("Nowhere/At_All", "+201001234567", null, "Africa/Cairo")]
    [InlineData("../../etc/passwd", null, "EG.13491208655302741918", "Africa/Cairo")]
    [InlineData(null, null, "XX.1349", "Pacific/Auckland")]
    [InlineData(null, "+88312345678", null, "Pacific/Auckland")]
    public void Somebodys_zone_is_what_their_field_says_else_their_numbers_else_their_countrys(string? said, string? phone, string? user,
        string zone) => RecipientZones.Of(said, phone, user, Zone("Pacific/Auckland")).Id.ShouldBe(zone);
}
