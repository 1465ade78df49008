using Bsp.Domain.Subscriptions;
using static Bsp.UnitTests.Subscriptions.SubscriptionSample;

namespace Bsp.UnitTests.Subscriptions;

public sealed class PeriodTests
{
    [Theory]
    [InlineData("2027-01-31", "2027-02-28 2027-03-31 2027-04-30 2027-05-31")]
    [InlineData("2027-01-30", "2027-02-28 2027-03-30 2027-04-30")]
    [InlineData("2028-01-31", "2028-02-29 2028-03-31")]
    [InlineData("2026-12-15", "2027-01-15 2027-02-15")]
    public void Periods_are_counted_from_the_anchor_and_never_drift(string anchor, string begins) =>
        string.Join(' ', Enumerable.Range(1, begins.Split(' ').Length).Select(n => $"{Period.Of(At(anchor), n).From:yyyy-MM-dd}"))
        .ShouldBe(begins);

    [Fact]
    public void The_day_that_only_leap_years_have_comes_back() =>
        string.Join(' ', Enumerable.Range(1, 4).Select(n => $"{Period.Of(At("2028-02-29"), 12 * n).From:yyyy-MM-dd}"))
        .ShouldBe("2029-02-28 2030-02-28 2031-02-28 2032-02-29");

    [Fact]
    public void One_ends_where_the_next_begins_and_each_moment_lies_in_exactly_one()
    {
        var random = new Random(7);
        for (var i = 0; i < 2_000; i++)
        {
            var anchor = Day(2024, 1, 1).AddMinutes(random.Next(4 * 366 * 1_440));
            var at = anchor.AddMinutes(random.Next(5 * 366 * 1_440));
            var holding = Period.Holding(anchor, at);
            (holding.From <= at && at < holding.Until).ShouldBeTrue($"{anchor:O} {at:O}");
            Period.Of(anchor, holding.N + 1).From.ShouldBe(holding.Until);
            Period.Holding(anchor, holding.From).N.ShouldBe(holding.N);
            Period.Holding(anchor, holding.Until).N.ShouldBe(holding.N + 1);
        }
    }

    [Fact] public void Before_the_anchor_it_is_the_first() => Period.Holding(Day(2026, 3, 1), Day(2026, 1, 1)).N.ShouldBe(0);

    [Fact]
    public void A_share_is_one_division()
    {
        // 29.99 / 31 first and × 17 afterwards would be 16.446123.
        var october = Period.Of(Day(2026, 10, 1), 0);
        october.Rest(29.99m, Day(2026, 10, 15)).ShouldBe(16.446129m);
        october.Rest(29.99m, Day(2026, 9, 1)).ShouldBe(29.99m);
        october.Rest(29.99m, Day(2026, 11, 1)).ShouldBe(0m);
    }

    [Fact]
    public void The_largest_price_is_shared_exactly() =>
        Period.Of(Day(2026, 1, 31), 0).Rest(999_999_999_999.999999m, Day(2026, 2, 14)).ShouldBe(500_000_000_000.000000m);

    private static DateTimeOffset At(string day) =>
        DateTimeOffset.Parse(day + "T00:00:00Z", System.Globalization.CultureInfo.InvariantCulture);
}
