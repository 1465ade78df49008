using Bsp.Infrastructure.Common;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Common;

/// <summary>Every background loop is watched by one thing.</summary>
public sealed class SupervisedLoopTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

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
        var ready = await app.Anonymous.SendAsync("GET", "/health/ready");
        ready["stores"].GetProperty("loops").GetString().ShouldBe("ok");
        ready["stores"].TryGetProperty("projections", out _).ShouldBeTrue();
        (await app.Platform.SendAsync("GET", "/metrics")).Text.ShouldContain("bsp_loop_trouble{loop=\"CampaignDriver\"} 0");
    }

    [Fact]
    public async Task A_loop_that_dies_again_and_again_is_begun_afresh_and_is_trouble_until_it_runs()
    {
        var clock = new Hasty();
        using var board = new LoopBoard();
        using var service = new Mortal { Lives = 4 };
        using var loop = new SupervisedLoop(service, own: false, board, clock, NullLogger<SupervisedLoop>.Instance);
        (await board.CheckAsync(default)).ShouldBeNull();

        await loop.StartAsync(default);
        await UntilAsync(async () =>
            (await board.CheckAsync(default)) is { } trouble && trouble.Contains(nameof(Mortal), StringComparison.Ordinal));
        await UntilAsync(async () => service.Begun == 5 && await board.CheckAsync(default) is null);

        board.Of(nameof(Mortal), clock).Restarts.ShouldBe(4);
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
        await UntilAsync(async () => await board.CheckAsync(default) is not null);
        service.Cured = true;
        await UntilAsync(async () => await board.CheckAsync(default) is null);
        await loop.StopAsync(default);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            await Task.Delay(20, patience.Token);
        }
    }

    private sealed class Mortal : BackgroundService
    {
        public int Lives { get; init; }

        public int Begun { get; private set; }

        public bool Ended { get; private set; }

        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await Task.Yield();
            if (++Begun <= Lives)
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
        public bool Cured { get; set; }

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
