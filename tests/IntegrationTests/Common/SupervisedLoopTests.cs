using Bsp.Infrastructure.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Common;

/// <summary>Every background loop is watched by one thing.</summary>
public sealed class SupervisedLoopTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public void Every_background_service_of_ours_is_supervised_under_a_name_of_its_own()
    {
        var hosted = app.Services.GetServices<IHostedService>().ToList();
        var ours = typeof(SupervisedLoops).Assembly;

        hosted.Where(s => s is BackgroundService && s.GetType().Assembly == ours).ShouldBeEmpty("each is wrapped");
        var names = hosted.OfType<SupervisedLoop>().Select(loop => loop.Inner.GetType().Name).ToList();
        names.ShouldBeUnique();
        app.Services.GetRequiredService<LoopBoard>().Names.Order().ShouldBe(names.Order());
        var all = ours.GetTypes().Where(t => t is { IsAbstract: false } && t.IsSubclassOf(typeof(BackgroundService))).Select(t => t.Name)
            .ToList();
        all.Except(names).ShouldBeEmpty("a loop that is registered nowhere, or only with another configuration, is named here");
    }

    [Fact]
    public async Task The_health_and_the_metrics_name_projections_and_loops()
    {
        // A round of one of them may fail now and then: the next works.
        await Patience.SoonAsync(async () =>
        {
            var ready = await app.Anonymous.SendAsync("GET", "/health/ready");
            ready["stores"].GetProperty("loops").GetString().ShouldBe("ok");
            ready["stores"].TryGetProperty("projections", out _).ShouldBeTrue();
            (await app.Platform.SendAsync("GET", "/metrics")).Text.ShouldContain("bsp_loop_trouble{loop=\"CampaignDriver\"} 0");
        });
    }

    [Fact]
    public async Task A_loop_that_dies_again_and_again_is_begun_afresh_and_is_trouble_until_it_runs()
    {
        var clock = new Hasty();
        using var board = new LoopBoard();
        using var service = new Mortal();
        using var loop = new SupervisedLoop(service, own: false, board, clock, NullLogger<SupervisedLoop>.Instance);
        (await board.CheckAsync(default)).ShouldBeNull();

        await loop.StartAsync(default);
        await Patience.UntilAsync(() => board.CheckAsync(default), trouble =>
            trouble?.Contains(nameof(Mortal), StringComparison.Ordinal) is true, "it is trouble");
        service.Immortal = true; // from its next beginning on
        await Patience.UntilAsync(() => board.CheckAsync(default), trouble => trouble is null, "it runs");
        await Patience.SoonAsync(() =>
        {
            board.Of(nameof(Mortal), clock).Restarts.ShouldBe(service.Begun - 1);
            return Task.CompletedTask;
        });
        service.Begun.ShouldBeGreaterThan(2, "again and again");
        await loop.StopAsync(default);
        service.Ended.ShouldBeTrue();
    }

    [Fact]
    public async Task A_loop_whose_rounds_fail_time_and_again_is_trouble_until_one_works()
    {
        using var board = new LoopBoard();
        using var service = new Failing();
        using var loop = new SupervisedLoop(service, own: false, board, TimeProvider.System, NullLogger<SupervisedLoop>.Instance);

        await loop.StartAsync(default);
        await Patience.UntilAsync(() => board.CheckAsync(default), trouble => trouble is not null, "it is trouble");
        service.Cured = true;
        await Patience.UntilAsync(() => board.CheckAsync(default), trouble => trouble is null, "a round worked");
        await loop.StopAsync(default);
    }

    private sealed class Mortal : BackgroundService
    {
        private bool immortal;
        private int begun;

        public bool Immortal { get => Volatile.Read(ref immortal); set => Volatile.Write(ref immortal, value); }

        public int Begun => Volatile.Read(ref begun);

        public bool Ended { get; private set; }

        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await Task.Yield();
            Interlocked.Increment(ref begun);
            if (!Immortal)
            {
                throw new InvalidOperationException("it died");
            }

            try
            {
                await Task.Delay(Timeout.Infinite, stoppingToken);
            }
            finally
            {
                Ended = true;
            }
        }
    }

    private sealed class Failing : BackgroundService
    {
        private volatile bool cured;

        public bool Cured { get => cured; set => cured = value; }

        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                if (Cured)
                {
                    Loop.Worked("part");
                }
                else
                {
                    Loop.Failed(new TimeoutException("not yet"), "part");
                }

                await Task.Delay(10, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Its timers run a hundred times as fast.</summary>
    private sealed class Hasty : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? dueTime / 100 : dueTime, period > TimeSpan.Zero ? period / 100
                : period);
    }
}
