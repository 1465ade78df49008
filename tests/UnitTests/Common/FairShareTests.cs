using Bsp.Application.Common;

namespace Bsp.UnitTests.Common;

/// <summary>Whoever asks for much rests while others who ask for little are there, and only then.</summary>
public sealed class FairShareTests
{
    private static readonly Guid Heavy = Guid.Parse("00000000-0000-0000-0000-00000000000a");
    private static readonly Guid Light = Guid.Parse("00000000-0000-0000-0000-00000000000b");
    private static readonly Guid Other = Guid.Parse("00000000-0000-0000-0000-00000000000c");

    private readonly Hand clock = new();
    private readonly FairShare fair;

    public FairShareTests() => fair = new(clock, capacity: 1);

    [Theory]
    [InlineData(new double[0], double.PositiveInfinity)]
    [InlineData(new[] { 100.0 }, double.PositiveInfinity)] // alone
    [InlineData(new[] { 0.1, 0.2, 0.3 }, double.PositiveInfinity)] // all together use less than there is
    [InlineData(new[] { 0.2, 5.0 }, 0.8)] // what the one leaves
    [InlineData(new[] { 5.0, 0.1, 0.1, 7.0 }, 0.4)] // the two that want more share what the two others leave
    [InlineData(new[] { 3.0, 4.0, 5.0 }, double.PositiveInfinity)] // among their like
    [InlineData(new[] { 0.0, 9.0 }, 1.0)]
    public void Each_may_have_what_those_leave_who_want_less(double[] rates, double level)
    {
        var found = FairShare.LevelOf([.. rates], capacity: 1);
        (double.IsInfinity(level) ? double.IsInfinity(found) : Math.Abs(found - level) < 1e-9).ShouldBeTrue($"{found}");
    }

    [Fact]
    public void Whoever_is_alone_never_rests()
    {
        fair.Used(Heavy, TimeSpan.FromMinutes(1));
        fair.Rest(Heavy).ShouldBe(TimeSpan.Zero);
        fair.OthersAreHere(Heavy).ShouldBeFalse();
    }

    [Fact]
    public void Whoever_used_much_rests_beside_who_used_little_and_that_one_does_not()
    {
        fair.Used(Heavy, TimeSpan.FromSeconds(20));
        fair.Used(Light, TimeSpan.FromMilliseconds(10));
        fair.Rest(Heavy).ShouldBe(FairShare.RestMax);
        fair.Rest(Light).ShouldBe(TimeSpan.Zero);
        fair.Rest(Other).ShouldBe(TimeSpan.Zero, "who comes anew");
        fair.Resting().ShouldBe([Heavy]);
    }

    [Fact]
    public void Two_that_use_much_do_not_rest_for_each_other()
    {
        fair.Used(Heavy, TimeSpan.FromSeconds(20));
        fair.Used(Other, TimeSpan.FromSeconds(30));
        fair.Resting().ShouldBeEmpty();
    }

    [Fact]
    public void The_rest_ends_when_the_others_are_gone()
    {
        fair.Used(Heavy, TimeSpan.FromSeconds(20));
        fair.Used(Light, TimeSpan.FromMilliseconds(10));
        fair.Rest(Heavy).ShouldBeGreaterThan(TimeSpan.Zero);
        clock.Seconds += 3;
        fair.Used(Heavy, TimeSpan.FromSeconds(20));
        fair.Rest(Heavy).ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void Beside_others_it_has_its_share_in_the_long_run_however_much_it_asks_for()
    {
        var used = TimeSpan.Zero;
        for (var began = clock.Seconds; clock.Seconds - began < 60;)
        {
            fair.Used(Light, TimeSpan.FromMilliseconds(0.1));
            var rest = fair.Rest(Heavy);
            if (rest > TimeSpan.Zero)
            {
                clock.Seconds += Math.Min(0.05, rest.TotalSeconds);
                continue;
            }

            clock.Seconds += 0.05;
            used += TimeSpan.FromMilliseconds(100); // two at a time
            fair.Used(Heavy, TimeSpan.FromMilliseconds(100));
        }

        used.TotalSeconds.ShouldBeInRange(50, 66, "one second of work a second, and what it may use before it is noticed");
    }

    [Fact]
    public void A_bound_of_all_processors_is_none()
    {
        var free = FairShare.Of(new() { BesideOthersPercent = 100 }, clock);
        free.Used(Heavy, TimeSpan.FromHours(1));
        free.Used(Light, TimeSpan.FromMilliseconds(1));
        free.Resting().ShouldBeEmpty();
    }

    private sealed class Hand : TimeProvider
    {
        public double Seconds { get; set; } = 1;

        public override long TimestampFrequency => 1_000_000;

        public override long GetTimestamp() => (long)(Seconds * 1_000_000);
    }
}
