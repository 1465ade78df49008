using Bsp.Infrastructure.Webhooks;

namespace Bsp.UnitTests.Webhooks;

/// <summary>Readers make way for answers to Meta, but not for ever.</summary>
public sealed class WebhookSignalTests
{
    private readonly WebhookSignal signal = new(TimeProvider.System);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void While_nobody_waits_for_an_answer_a_reader_goes_on_at_once() => signal.CalmAsync(Ct).IsCompletedSuccessfully.ShouldBeTrue();

    [Fact]
    public async Task While_answers_pile_up_it_stands_back_until_they_are_given()
    {
        Task calm;
        do
        {
            signal.Pressed(); // for 25 ms; on a machine that stood still so long it is over already
            calm = signal.CalmAsync(Ct);
        }
        while (calm.IsCompleted && !Ct.IsCancellationRequested);
        calm.IsCompleted.ShouldBeFalse();
        await calm;
        signal.CalmAsync(Ct).IsCompletedSuccessfully.ShouldBeTrue();
    }

    [Fact]
    public async Task However_long_they_pile_up_it_goes_on_in_the_end()
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var pressing = Task.Run(() =>
        {
            while (!over.IsCancellationRequested)
            {
                signal.Pressed();
            }
        }, Ct);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => signal.CalmAsync(Ct)));
        await over.CancelAsync();
        await pressing;
    }

    [Fact]
    public async Task Many_signs_at_once_wake_a_reader_and_break_nothing()
    {
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 1_000; i++)
            {
                signal.Set();
            }
        }, Ct)));
        await signal.WaitAsync(Timeout.InfiniteTimeSpan, Ct);
        signal.Set();
        await signal.WaitAsync(Timeout.InfiniteTimeSpan, Ct);
    }
}
