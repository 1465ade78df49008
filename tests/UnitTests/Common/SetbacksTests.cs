using Bsp.Infrastructure.Common;

namespace Bsp.UnitTests.Common;

/// <summary>A loop that tries for ever tries ever more rarely.</summary>
public sealed class SetbacksTests
{
    private readonly Hand clock = new();

    private Setbacks<string> New() => new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10), clock);

    [Fact]
    public void A_lane_that_fails_is_left_alone_for_ever_longer_and_never_longer_than_the_bound()
    {
        var setbacks = New();
        setbacks.MayTry("a").ShouldBeTrue();
        foreach (var seconds in new[] { 1, 2, 4, 8, 10, 10 })
        {
            setbacks.Failed("a").ShouldBe(TimeSpan.FromSeconds(seconds));
            clock.Seconds += seconds - 0.5;
            setbacks.MayTry("a").ShouldBeFalse();
            setbacks.MayTry("b").ShouldBeTrue();
            clock.Seconds += 0.5;
            setbacks.MayTry("a").ShouldBeTrue();
        }
    }

    [Fact]
    public void After_a_success_the_next_failure_is_the_first_and_a_store_that_is_away_counts_for_none()
    {
        var setbacks = New();
        setbacks.Failed("a");
        setbacks.Failed("a").ShouldBe(TimeSpan.FromSeconds(2));
        setbacks.Worked("a");
        setbacks.MayTry("a").ShouldBeTrue();
        for (var i = 0; i < 5; i++)
        {
            setbacks.Failed("a", passing: true).ShouldBe(TimeSpan.FromSeconds(1));
        }

        setbacks.Failed("a").ShouldBe(TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void What_is_remembered_is_bounded()
    {
        var setbacks = new Setbacks<int>(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10), clock);
        foreach (var key in Enumerable.Range(0, Setbacks<int>.RememberedMax + 1))
        {
            setbacks.Failed(key);
        }

        setbacks.MayTry(0).ShouldBeTrue(); // forgotten: tried too early rather than never
    }

    private sealed class Hand : TimeProvider
    {
        public double Seconds { get; set; }

        public override long TimestampFrequency => 1_000;

        public override long GetTimestamp() => (long)(Seconds * 1_000);
    }
}
