using Bsp.Infrastructure.Messages;

namespace Bsp.UnitTests.Messages;

public sealed class SendTurnsTests
{
    private static readonly Guid[] Organizations = [.. Enumerable.Range(1, 3).Select(i => new Guid(i, 0, 0, new byte[8]))];

    private static Guid Account(int i) => new(0, 0, 1, [0, 0, 0, 0, 0, 0, 0, (byte)i]);

    [Fact]
    public void Each_organization_has_its_turn_however_many_numbers_another_has()
    {
        var turns = new SendTurns();
        for (var i = 0; i < 5; i++)
        {
            turns.Of(Organizations[0], Account(i));
        }

        turns.Of(Organizations[1], Account(10));
        turns.Of(Organizations[2], Account(11));
        var served = Enumerable.Range(0, 9).Select(_ => turns.Next(0, _ => true)!).ToList();
        served.Select(l => l.OrganizationId).ShouldBe([.. Enumerable.Repeat(Organizations, 3).SelectMany(o => o)]);
        served.Where(l => l.OrganizationId == Organizations[0]).Select(l => l.AccountId).ShouldBe([Account(0), Account(1), Account(2)]);
    }

    [Fact]
    public void Who_is_idle_waits_for_permits_or_has_enough_in_hand_is_passed_over()
    {
        var turns = new SendTurns();
        var (idle, early, full, ready) = (turns.Of(Organizations[0], Account(0)), turns.Of(Organizations[0], Account(1)),
            turns.Of(Organizations[1], Account(2)), turns.Of(Organizations[2], Account(3)));
        (idle.Idle, early.NotBefore) = (true, 5);
        turns.Next(0, o => o != full.OrganizationId).ShouldBe(ready);
        turns.Next(0, o => o == Organizations[0]).ShouldBeNull();
        turns.Next(5, o => o == Organizations[0]).ShouldBe(early);
        turns.ReadyAt.ShouldBe(0);
        turns.Remove(full);
        turns.Remove(ready);
        turns.ReadyAt.ShouldBe(5);
        turns.Count.ShouldBe(2);
    }
}

public sealed class PacedPermitsTests
{
    [Theory]
    [InlineData(80)]
    [InlineData(1_000)]
    public void Permits_are_spread_over_the_second_and_come_to_the_pace(int perSecond)
    {
        var pace = new PacedPermits();
        var given = new List<(TimeSpan At, int Count)>();
        for (var now = TimeSpan.Zero; now < TimeSpan.FromSeconds(10); now += TimeSpan.FromMilliseconds(5))
        {
            var (permits, wait) = pace.Ask(perSecond, 50, now);
            (permits > 0 || wait > TimeSpan.Zero).ShouldBeTrue();
            pace.Use(permits);
            given.Add((now, permits));
        }

        ((double)given.Sum(g => g.Count) / 10).ShouldBeInRange(perSecond * 0.99, perSecond * 1.05);
        foreach (var at in Enumerable.Range(0, 180).Select(i => TimeSpan.FromMilliseconds(50 * i)))
        {
            given.Where(g => g.At >= at && g.At < at + TimeSpan.FromMilliseconds(100)).Sum(g => g.Count)
                .ShouldBeLessThanOrEqualTo((int)Math.Ceiling(perSecond * 0.21) + 1, "no burst");
        }
    }

    [Fact]
    public void The_pace_falls_by_the_share_that_was_refused_and_comes_back()
    {
        var pace = new PacedPermits();
        pace.Ask(100, 1, TimeSpan.Zero);
        pace.Refused(0, 50, TimeSpan.Zero).ShouldBeFalse();
        pace.Refused(10, 50, TimeSpan.FromSeconds(1)).ShouldBeTrue();
        pace.PerSecond(100).ShouldBe(80);
        pace.Refused(50, 50, TimeSpan.FromSeconds(1.5)).ShouldBeFalse("once a second");
        pace.Refused(50, 50, TimeSpan.FromSeconds(2.1)).ShouldBeTrue();
        pace.PerSecond(100).ShouldBe(40, "at most by half");
        pace.Ask(100, 1, TimeSpan.FromSeconds(20));
        pace.PerSecond(100).ShouldBe(100);
    }
}
