using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Application.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.UnitTests.Limits;

/// <summary>When somebody rests, by a clock that stands still.</summary>
public sealed class RestTests
{
    private readonly Standing clock = new();

    [Fact]
    public async Task A_request_of_who_used_too_much_rests_in_its_turn_while_another_organizations_is_carried_out()
    {
        var (heavy, light) = (Guid.NewGuid(), Guid.NewGuid());
        var fair = new FairShare(clock, capacity: 1);
        var carriedOut = new List<Guid>();
        var room = new Room(context =>
        {
            carriedOut.Add(Caller.Of(context).OrganizationId);
            return Task.CompletedTask;
        }, new BspOptions { DirectoryApp = "", Shards = [], PlatformKeySha256 = [], MasterKey = [], Meta = null! }, fair, clock);
        fair.Used(heavy, TimeSpan.FromHours(1));
        fair.Used(light, TimeSpan.FromMilliseconds(1));

        var resting = room.InvokeAsync(Of(heavy));
        await room.InvokeAsync(Of(light));
        carriedOut.ShouldBe([light]);
        clock.Timers.ShouldHaveSingleItem().Due.ShouldBe(FairShare.RestMax);
        clock.Timers[0].Fire();
        await resting;
        carriedOut.ShouldBe([light, heavy]);
    }

    [Fact]
    public async Task Whoever_is_alone_does_not_rest_however_much_they_used()
    {
        var alone = Guid.NewGuid();
        var fair = new FairShare(clock, capacity: 1);
        var room = new Room(_ => Task.CompletedTask,
            new BspOptions { DirectoryApp = "", Shards = [], PlatformKeySha256 = [], MasterKey = [], Meta = null! }, fair, clock);
        fair.Used(alone, TimeSpan.FromHours(1));
        await room.InvokeAsync(Of(alone));
        clock.Timers.ShouldBeEmpty();
    }

    [Fact]
    public void A_rate_of_bytes_lets_a_large_body_begin_and_has_it_paid_for_before_the_next()
    {
        var rate = new ByteRate(1_000, 10, clock);
        var (fast, other) = (Guid.NewGuid(), Guid.NewGuid());
        rate.Take(fast, 25_000).ShouldBeTrue("there is credit of ten seconds");
        rate.Take(fast, 1).ShouldBeFalse();
        rate.Take(other, 1).ShouldBeTrue();
        clock.Seconds += 15;
        rate.Take(fast, 1).ShouldBeFalse("fifteen seconds' worth is still owed");
        clock.Seconds += 1;
        rate.Take(fast, 1).ShouldBeTrue();
    }

    [Fact]
    public void A_view_gathers_as_long_as_its_page_took_and_not_for_long()
    {
        var pace = new Infrastructure.Projections.Pace(new LogSignal(null!, clock, NullLogger<LogSignal>.Instance), clock,
            Infrastructure.Projections.Pace.CatchUp);
        pace.Begin();
        pace.Gather(TimeSpan.Zero).ShouldBe(TimeSpan.Zero);
        clock.Seconds += 0.02;
        pace.Gather(TimeSpan.Zero).ShouldBe(TimeSpan.FromMilliseconds(20));
        pace.Gather(TimeSpan.FromMilliseconds(500)).ShouldBe(TimeSpan.FromMilliseconds(500));
        clock.Seconds += 10;
        pace.Gather(TimeSpan.Zero).ShouldBe(TimeSpan.FromMilliseconds(50));
    }

    [Fact]
    public async Task Who_waits_for_a_view_ends_its_rest_until_it_has_looked_again()
    {
        var progress = new ProjectionProgress();
        var before = progress.Hurried;
        progress.Hurry();
        await before;
        progress.Looked();
        progress.Hurried.IsCompleted.ShouldBeFalse();
    }

    private static DefaultHttpContext Of(Guid organization)
    {
        var context = new DefaultHttpContext();
        context.Features.Set(new Caller(organization, Role.Manager, organization.ToString(), "key", null));
        return context;
    }

    private sealed class Standing : TimeProvider
    {
        public List<Timer> Timers { get; } = [];

        public double Seconds { get; set; } = 1;

        public override long TimestampFrequency => 1_000_000;

        public override long GetTimestamp() => (long)(Seconds * 1_000_000);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(callback, state, dueTime);
            Timers.Add(timer);
            return timer;
        }

        public sealed class Timer(TimerCallback callback, object? state, TimeSpan due) : ITimer
        {
            public TimeSpan Due => due;

            public void Fire() => callback(state);

            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
