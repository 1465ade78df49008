using Bsp.Application.CustomerWebhooks;
using Bsp.UnitTests.EventStore;

namespace Bsp.UnitTests.CustomerWebhooks;

public sealed class RetryTableTests
{
    [Fact]
    public void The_pauses_are_three_days_together() =>
        RetryTable.Pauses.Aggregate(TimeSpan.Zero, (sum, pause) => sum + pause).ShouldBe(TimeSpan.FromDays(3));

    [Fact]
    public void A_pause_is_the_tables_give_or_take_a_tenth_and_after_the_last_there_is_none()
    {
        RetryTable.After(1, null, 0.5).ShouldBe(TimeSpan.FromSeconds(5));
        RetryTable.After(1, null, 0).ShouldBe(TimeSpan.FromSeconds(4.5));
        RetryTable.After(1, null, 1).ShouldBe(TimeSpan.FromSeconds(5.5));
        RetryTable.After(RetryTable.Pauses.Count, null, 0.5).ShouldNotBeNull();
        RetryTable.After(RetryTable.AttemptsMax, null, 0.5).ShouldBeNull();
    }

    [Fact]
    public void A_receiver_may_ask_for_more_time_up_to_a_day_and_never_for_less()
    {
        RetryTable.After(1, TimeSpan.FromMinutes(7), 0.5).ShouldBe(TimeSpan.FromMinutes(7));
        RetryTable.After(1, TimeSpan.FromSeconds(1), 0.5).ShouldBe(TimeSpan.FromSeconds(5));
        RetryTable.After(1, TimeSpan.FromDays(400), 0.5).ShouldBe(RetryTable.RetryAfterMax);
    }

    [Fact]
    public void The_documentation_shows_this_table()
    {
        var rows = string.Join('\n', RetryTable.Pauses.Select((pause, i) => $"| {i + 1} | {Words(pause)} |"));
        File.ReadAllText(Repository.Path("docs", "webhooks.md")).ShouldContain(rows);
    }

    private static string Words(TimeSpan pause) => pause.TotalHours >= 1 ? pause.Minutes == 0 ? $"{pause.TotalHours:0} h"
        : $"{(int)pause.TotalHours} h {pause.Minutes} min {pause.Seconds} s"
        : pause.TotalMinutes >= 1 ? $"{pause.TotalMinutes:0} min" : $"{pause.TotalSeconds:0} s";
}
