using Bsp.Infrastructure.CustomerWebhooks;

namespace Bsp.UnitTests.CustomerWebhooks;

/// <summary>A host that cannot be reached at all is left alone, whoever asks; its neighbours are not.</summary>
public sealed class HostBreakersTests
{
    private readonly Clock clock = new();
    private readonly HostBreakers hosts;

    public HostBreakersTests() => hosts = new(clock);

    [Fact]
    public void After_five_failures_in_a_row_nobody_tries_for_ten_seconds_and_then_one_at_a_time()
    {
        for (var i = 0; i < 4; i++)
        {
            hosts.Failed("a.example");
            hosts.Closed("a.example").ShouldBeNull();
        }

        hosts.Failed("a.example");
        hosts.Closed("a.example").ShouldBe(TimeSpan.FromSeconds(10));
        hosts.Closed("b.example").ShouldBeNull("another host is another matter");
        clock.Pass(TimeSpan.FromSeconds(4));
        hosts.Closed("a.example").ShouldBe(TimeSpan.FromSeconds(6));
        clock.Pass(TimeSpan.FromSeconds(6));
        hosts.Closed("a.example").ShouldBeNull("whoever asks first tries");
        hosts.Closed("a.example").ShouldNotBeNull("the others wait for what comes of it");
    }

    [Fact]
    public void Pauses_double_up_to_five_minutes_and_one_that_works_ends_them()
    {
        var pauses = new List<double>();
        for (var i = 0; i < 12; i++)
        {
            hosts.Failed("a.example");
            if (hosts.Closed("a.example") is { } pause)
            {
                pauses.Add(pause.TotalSeconds);
                clock.Pass(pause);
            }
        }

        pauses.ShouldBe([10, 20, 40, 80, 160, 300, 300, 300]);
        hosts.Worked("a.example");
        hosts.Closed("a.example").ShouldBeNull();
        hosts.Failed("a.example");
        hosts.Closed("a.example").ShouldBeNull("it counts from the beginning");
    }

    private sealed class Clock : TimeProvider
    {
        private long now = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => now;

        public void Pass(TimeSpan by) => now += by.Ticks;
    }
}
