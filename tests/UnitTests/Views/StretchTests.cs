using Bsp.Infrastructure.Analytics;

namespace Bsp.UnitTests.Views;

/// <summary>How days are put together to be counted.</summary>
public sealed class StretchTests
{
    [Fact]
    public void Days_go_together_up_to_a_million_rows_within_a_month_and_a_day_with_more_is_divided()
    {
        (DateOnly, long)[] days =
        [
            (new(2026, 1, 30), 400_000), (new(2026, 1, 31), 500_000), (new(2026, 2, 1), 600_000), (new(2026, 2, 2), 500_000),
            (new(2026, 2, 3), 2_500_001), (new(2026, 2, 4), 0), (new(2027, 2, 5), 1_000_000_000),
        ];
        BucketCounting.Stretches(days).Select(s => $"{s.First:MM-dd} {s.Last:MM-dd} {s.Parts}").ShouldBe(
            ["01-30 01-31 1", "02-01 02-01 1", "02-02 02-02 1", "02-03 02-03 3", "02-04 02-04 1", "02-05 02-05 64"]);
        BucketCounting.Stretches([]).ShouldBeEmpty();
    }
}
