using System.Diagnostics;
using Bsp.Infrastructure.Queue;
using Bsp.Infrastructure.Redis;

namespace Bsp.Benchmarks;

/// <summary>
/// The sending engine as a whole: pace kept within what Meta allows, several numbers together, how soon a pause holds, who waits behind
/// whom, and how fast jobs are put in.
/// </summary>
internal static class SendingBench
{
    private const int Numbers = 4;
    private const int Together = 2_000; // recipients of each of the campaigns that run together
    private const int SteadySeconds = 12;
    private const int Jobs = 40_000;
    private const int Crowd = 5_000; // messages of the organization that others would wait behind
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(20);

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        Report.Say("starting stores, simulator and API");
        await using var installation = await Installation.StartAsync(ct);
        using var simulator = new Simulated(installation.SimulatorUrl);
        await EnqueueAsync(report, installation, ct);
        await TogetherAsync(report, installation, simulator, ct);
        foreach (var perSecond in (int[])[80, 1_000])
        {
            await SteadyAsync(report, installation, simulator, perSecond, ct);
        }

        await PauseAsync(report, installation, simulator, ct);
        await BehindAsync(report, installation, simulator, ct);
    }

    private static async Task EnqueueAsync(Report report, Installation installation, CancellationToken ct)
    {
        await using var redis = new RedisConnection(installation.Stores.Redis);
        var rates = new List<double>();
        for (var run = -1; run < Medians.Runs; run++)
        {
            var queue = new MessageQueue(redis, TimeProvider.System, $"messages-{{{Guid.NewGuid()}}}");
            var jobs = Enumerable.Range(0, Jobs)
                .Select(i => new Job(Guid.CreateVersion7().ToString(), "send", $$"""{"n":{{i}}}""") { Priority = 10 }).ToList();
            var began = Stopwatch.GetTimestamp();
            await queue.EnqueueAsync(jobs, ct);
            if (run >= 0)
            {
                rates.Add(Jobs / Stopwatch.GetElapsedTime(began).TotalSeconds);
            }
        }

        report.Add(new($"{Jobs:N0} jobs put into a number's queue", rates.Median(), "jobs/s", 40_000, "mark"));
    }

    private static async Task TogetherAsync(Report report, Installation installation, Simulated simulator, CancellationToken ct)
    {
        Report.Say($"{Numbers} campaigns of {Together:N0} on {Numbers} numbers");
        using var senders = await SendingTenant.CreateAsync(installation, simulator, "together", Numbers, Together, 10_000, null, ct);
        var one = await TimedAsync(simulator, Together, () => senders.LaunchAsync([0], ct), ct); // warms up, too
        var rates = new List<double>();
        for (var run = 0; run < Medians.Runs; run++)
        {
            rates.Add(await TimedAsync(simulator, Numbers * Together,
                () => senders.LaunchAsync([.. Enumerable.Range(0, Numbers)], ct), ct));
        }

        report.Add(new($"{Numbers} campaigns on {Numbers} numbers together, launch until accepted", rates.Median(), "messages/s", one,
            "one campaign, first run"));
    }

    // Of what the simulator took while the campaign was in full course, second by second.
    private static async Task SteadyAsync(Report report, Installation installation, Simulated simulator, int perSecond,
        CancellationToken ct)
    {
        Report.Say($"steady at {perSecond} a second");
        var people = perSecond * SteadySeconds;
        using var senders =
            await SendingTenant.CreateAsync(installation, simulator, $"steady{perSecond}", 1, people, perSecond, perSecond, ct);
        await simulator.ResetAsync(ct);
        await senders.LaunchAsync([0], ct);
        await simulator.AcceptedAsync(people / 10, ct);
        var (began, first) = (Stopwatch.GetTimestamp(), await simulator.AcceptedNowAsync(ct));
        await simulator.AcceptedAsync(people * 9 / 10, ct);
        var rate = (await simulator.AcceptedNowAsync(ct) - first) / Stopwatch.GetElapsedTime(began).TotalSeconds;
        await simulator.AcceptedAsync(people, ct);
        report.Add(new($"steady on a number of {perSecond:N0} a second", rate, "messages/s", perSecond, "what Meta allows"));
        report.Add(new($"… refused with 130429 meanwhile", await simulator.RefusedAsync(130429, ct), "refusals"));
    }

    private static async Task PauseAsync(Report report, Installation installation, Simulated simulator, CancellationToken ct)
    {
        Report.Say("pausing in full course");
        using var senders = await SendingTenant.CreateAsync(installation, simulator, "paused", 1, 6_000, 1_000, null, ct);
        var waits = new List<double>();
        await simulator.ResetAsync(ct);
        await senders.LaunchAsync([0], ct);
        for (var run = 0; run < Medians.Runs; run++)
        {
            await simulator.AcceptedAsync(((int)await simulator.AcceptedNowAsync(ct)) + 500, ct);
            var asked = Stopwatch.GetTimestamp();
            await senders.VerbAsync(0, "pause", ct);
            var (last, at) = (0L, asked);
            for (var looked = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(looked) < TimeSpan.FromSeconds(3);)
            {
                if (await simulator.AcceptedNowAsync(ct) is var now && now != last)
                {
                    (last, at) = (now, Stopwatch.GetTimestamp());
                }

                await Task.Delay(LookEvery, ct);
            }

            waits.Add(Stopwatch.GetElapsedTime(asked, at).TotalMilliseconds);
            await senders.VerbAsync(0, "resume", ct);
        }

        await senders.VerbAsync(0, "cancel", ct);
        report.Add(new("from a pause until the last message left", waits.Median(), "ms", 1_000, "mark"));
    }

    private static async Task BehindAsync(Report report, Installation installation, Simulated simulator, CancellationToken ct)
    {
        Report.Say($"two messages of one organization beside {Crowd:N0} of another");
        using var crowd = await SendingTenant.CreateAsync(installation, simulator, "crowd", 1, Crowd, 300, null, ct);
        using var other = await SendingTenant.CreateAsync(installation, simulator, "other", 1, 2, 300, null, ct);
        await simulator.ResetAsync(ct);
        await crowd.LaunchAsync([0], ct);
        await simulator.AcceptedAsync(Crowd / 10, ct);
        var began = Stopwatch.GetTimestamp();
        await other.LaunchAsync([0], ct);
        await other.ReachAsync(0, "sent", 2, ct);
        report.Add(new("two messages of an organization beside 5,000 of another, launch until sent", Stopwatch.GetElapsedTime(began)
            .TotalMilliseconds, "ms", 20_000, "one queue for all"));
        await crowd.VerbAsync(0, "cancel", ct);
    }

    private static async Task<double> TimedAsync(Simulated simulator, int messages, Func<Task> launch, CancellationToken ct)
    {
        await simulator.ResetAsync(ct);
        var began = Stopwatch.GetTimestamp();
        await launch();
        await simulator.AcceptedAsync(messages, ct);
        var rate = messages / Stopwatch.GetElapsedTime(began).TotalSeconds;
        await simulator.IdleAsync(ct);
        return rate;
    }
}
