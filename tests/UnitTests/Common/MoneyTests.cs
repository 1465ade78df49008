using Bsp.Domain.Common;

namespace Bsp.UnitTests.Common;

public sealed class MoneyTests
{
    [Theory]
    [InlineData("0.0120", "0.125", "0", "0.013500")]
    [InlineData("0.0025", "0.0186", "0", "0.002546")] // 0.0025465, half to even
    [InlineData("0.0025", "0.0190", "0", "0.002548")]
    [InlineData("0.0100", "0", "0.0005", "0.010500")]
    public void The_price_of_one_message_is_rounded_once_half_to_even(string price, string rate, string fix, string unit) =>
        Money.Text(Money.Unit(decimal.Parse(price), decimal.Parse(rate), decimal.Parse(fix))).ShouldBe(unit);

    [Theory]
    [InlineData("-0.0025465", "-0.002546")]
    [InlineData("0.0000005", "0.000000")]
    [InlineData("-0.0000005", "0.000000")]
    [InlineData("0.0000015", "0.000002")]
    [InlineData("1", "1.000000")]
    [InlineData("-999999999999.999999", "-999999999999.999999")]
    public void Rounding_is_half_to_even_and_text_has_six_places_and_no_minus_zero(string amount, string text) =>
        Money.Text(Money.Round(decimal.Parse(amount))).ShouldBe(text);

    [Fact]
    public void Rounding_always_gives_a_scale_of_six()
    {
        Money.Round(1m).Scale.ShouldBe((byte)6);
        Money.Round(0m).Scale.ShouldBe((byte)6);
        Money.Round(1.00000000m).Scale.ShouldBe((byte)6);
    }

    [Fact]
    public void A_million_units_are_a_million_times_the_unit() =>
        Money.Text(Enumerable.Repeat(Money.Unit(0.0025m, 0.0186m, 0), 1_000_000).Sum()).ShouldBe("2546.000000");

    [Theory]
    [InlineData("1")]
    [InlineData("1.0")]
    [InlineData("1.000000")]
    public void A_plain_amount_is_read(string text)
    {
        Money.TryParse(text, out var amount).ShouldBeTrue();
        Money.Text(amount).ShouldBe("1.000000");
        amount.Scale.ShouldBe((byte)6);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("1.0000001")]
    [InlineData("1e3")]
    [InlineData("+1")]
    [InlineData("-1")]
    [InlineData(".5")]
    [InlineData("5.")]
    [InlineData("-0")]
    [InlineData("0")]
    [InlineData("0.000000")]
    [InlineData("1,0")]
    [InlineData("NaN")]
    [InlineData("1000000000000")]
    [InlineData("01")]
    [InlineData(" 1")]
    [InlineData("1\n")]
    [InlineData("1\0")]
    [InlineData("١")]
    [InlineData("1_000")]
    [InlineData("99999999999999999999999999999999999")]
    public void Anything_else_is_not(string? text) => Money.TryParse(text, out _).ShouldBeFalse();

    [Theory]
    [InlineData("-1.5", true)]
    [InlineData("0", true)]
    [InlineData("-0", false)]
    [InlineData("-0.000000", false)]
    public void Where_a_sign_is_allowed_there_is_still_no_minus_zero(string text, bool read) =>
        Money.TryParseSigned(text, out _).ShouldBe(read);

    [Fact]
    public void What_was_never_rounded_is_not_shown()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => Money.Text(0.0000001m));
        Should.Throw<ArgumentOutOfRangeException>(() => Money.Text(Money.Limit));
        Should.Throw<ArgumentOutOfRangeException>(() => Money.Text(-Money.Limit));
    }

    [Theory]
    [InlineData("29.99", "2026-10-01", "2026-11-01", "2026-10-17T00:00:00", "14.511290")]
    [InlineData("99", "2026-10-01", "2026-11-01", "2026-10-17T00:00:00", "47.903226")]
    [InlineData("49", "2027-01-31", "2027-02-28", "2027-02-14T12:00:00", "23.625000")]
    [InlineData("99", "2027-01-31", "2027-02-28", "2027-02-14T12:00:00", "47.732143")]
    [InlineData("49", "2028-01-31", "2028-02-29", "2028-02-10T00:00:00", "32.103448")]
    [InlineData("99", "2028-01-31", "2028-02-29", "2028-02-10T00:00:00", "64.862069")]
    [InlineData("49", "2027-01-31", "2027-02-28", "2027-02-27T23:59:59", "0.000020")]
    [InlineData("99", "2026-11-01", "2026-12-01", "2026-11-16T00:00:00", "49.500000")]
    [InlineData("29.99", "2026-11-01", "2026-12-01", "2026-11-16T00:00:00", "14.995000")]
    public void What_is_left_of_a_period_is_one_division(string price, string from, string to, string at, string share)
    {
        var (start, end, now) = (Utc(from), Utc(to), Utc(at));

        Money.Text(Money.Prorate(decimal.Parse(price), (long)(end - now).TotalSeconds, (long)(end - start).TotalSeconds)).ShouldBe(share);
    }

    [Fact]
    public void The_day_is_not_rounded_first() => Money.Text(Money.Prorate(29.99m, 17, 31)).ShouldBe("16.446129");

    [Fact]
    public void A_period_has_a_length_and_a_part_of_it_is_no_more_than_the_whole()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => Money.Prorate(1, 1, 0));
        Should.Throw<ArgumentOutOfRangeException>(() => Money.Prorate(1, 2, 1));
        Should.Throw<ArgumentOutOfRangeException>(() => Money.Prorate(1, -1, 1));
    }

    [Theory]
    [InlineData("100", new[] { 1L, 1, 1 }, new[] { "33.333334", "33.333333", "33.333333" })]
    [InlineData("10", new[] { 1L, 2, 4 }, new[] { "1.428571", "2.857143", "5.714286" })]
    [InlineData("0.000002", new[] { 1L, 1, 1 }, new[] { "0.000001", "0.000001", "0.000000" })]
    [InlineData("-100", new[] { 1L, 1, 1 }, new[] { "-33.333334", "-33.333333", "-33.333333" })]
    [InlineData("1", new[] { 0L, 5 }, new[] { "0.000000", "1.000000" })]
    public void Shares_get_the_millionths_that_are_over_by_the_largest_remainders(string amount, long[] weights, string[] shares) =>
        Money.Split(decimal.Parse(amount), weights).Select(Money.Text).ShouldBe(shares);

    [Fact]
    public void Shares_of_anything_add_up()
    {
        var random = new Random(20261130);
        for (var run = 0; run < 2_000; run++)
        {
            var amount = new decimal(random.NextInt64(1_000_000_000_000_000_000)) / 1_000_000m;
            var weights = Enumerable.Range(0, random.Next(1, 12)).Select(_ => random.NextInt64(1, long.MaxValue / 16)).ToList();

            Money.Split(amount, weights).Sum().ShouldBe(amount);
        }
    }

    private static DateTimeOffset Utc(string text) =>
        DateTimeOffset.Parse(text, null,
            System.Globalization.DateTimeStyles.AssumeUniversal | System.Globalization.DateTimeStyles.AdjustToUniversal);
}
