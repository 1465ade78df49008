using Bsp.LocalStores.Common;

namespace Bsp.Benchmarks.Hostile;

/// <summary>
/// A normal organization sends messages, reads lists and gets webhooks, at the same pace, first alone and then beside another one that does
/// whatever it can: slow uploads, idle webhook sockets, slow readers,
/// poisoned webhooks signed by its own app, bombs of requests. What the normal one feels of it is the figure; the product's own limits
/// stand.
/// <c>BSP_BENCH_SECONDS</c>: of the attack, default 60. <c>BSP_BENCH_ATTACKS</c>: only these of uploads, idle, readers, poison, bombs.
/// </summary>
internal static class HostileBench
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Attack =
        TimeSpan.FromSeconds(Environment.GetEnvironmentVariable("BSP_BENCH_SECONDS") is not { } text ? 60
        : int.TryParse(text, out var seconds) && seconds is >= 2 and <= 3_600 ? seconds
        : throw new Obstacle($"BSP_BENCH_SECONDS is '{text}': it must be 2 to 3,600."));

    private static readonly TimeSpan QuietHalf = Attack / 2;
    private static readonly TimeSpan SettleWithin = TimeSpan.FromMinutes(2);

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        Report.Say("starting stores, simulator and API");
        await using var installation = await Installation.StartAsync(ct, ownLimits: true);
        using var normal = await NormalOrganization.CreateAsync(installation, ct);
        var target = await Adversary.CreateAsync(installation, ct);
        await normal.RunAsync(WarmUp, new(), ct);
        await installation.TellStatementsAsync("before", ct);

        Report.Say($"the normal organization alone, {QuietHalf.TotalSeconds:0} s");
        var quiet = new Felt();
        var alone = await Spent.DuringAsync(installation, () => normal.RunAsync(QuietHalf, quiet, ct), ct);
        var memory = installation.Api().MemoryMb;
        var logged = LogBytes(installation);
        Report.Say($"beside the hostile one, {Attack.TotalSeconds:0} s");
        var beside = new Felt();
        await installation.TellStatementsAsync("while the normal one is alone", ct);
        IReadOnlyList<(string What, int Count)> answers = [];
        var attacked = await Spent.DuringAsync(installation, async () => answers = await AttackAsync(target, normal, beside, ct), ct);

        await installation.TellStatementsAsync("during the attack", ct);
        logged = LogBytes(installation) - logged;
        var (settled, behind) = await normal.SettledAsync(SettleWithin, ct);
        Report.Say($"the normal organization alone again, {QuietHalf.TotalSeconds:0} s");
        await normal.RunAsync(QuietHalf, quiet, ct);
        Report.Say($"the slowest beside it: {beside.Slowest()}");
        Tell(report, quiet, beside);
        report.Add(new("hostile: webhooks of the normal one not carried out (mark: 0)", behind, "webhooks"));
        report.Add(new("hostile: until all of them were", settled.TotalSeconds, "s"));
        Tell(report, attacked, alone);
        report.Add(new("hostile: RSS of the API, most", installation.Api().MemoryPeakMb, "MB", memory, "before the attack"));
        var requests = Math.Max(1, answers.Sum(a => a.Count));
        report.Add(new("hostile: log of the API for each hostile request", (double)logged / requests, "bytes"));
        foreach (var (what, count) in answers)
        {
            report.Add(new($"hostile: {what}", count, "answers"));
        }
    }

    private static async Task<IReadOnlyList<(string What, int Count)>> AttackAsync(Target target, NormalOrganization normal, Felt beside,
        CancellationToken ct)
    {
        using var hostile = AdversaryProcess.Start(target);
        await normal.RunAsync(Attack, beside, ct);
        Report.Say($"the hostile one used {hostile.Processor.TotalSeconds / Attack.TotalSeconds:0.00} cores");
        return await hostile.EndAsync();
    }

    // Who used the two cores: the stores often have a machine of their own, here all share.
    private static void Tell(Report report, Spent attacked, Spent alone)
    {
        const string without = "while the normal one is alone";
        foreach (var (who, cores) in attacked.Cores)
        {
            report.Add(new($"hostile: processors used by {who}", cores, "cores", alone.Cores[who], without));
        }

        report.Add(new("hostile: the API stood still for collections", 100 * attacked.Paused, "% of time", 100 * alone.Paused, without));
        foreach (var (generation, rate) in attacked.Collections.OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            report.Add(new($"hostile: collections of {generation}", rate, "1/s", alone.Collections.GetValueOrDefault(generation), without));
        }
    }

    private static void Tell(Report report, Felt quiet, Felt beside)
    {
        const string alone = "the same requests, alone";
        foreach (var kind in Felt.Kinds)
        {
            var (before, during) = (quiet.Times(kind), beside.Times(kind));
            report.Add(new($"hostile: {kind}, p50", during.Percentile(0.5), "ms", before.Percentile(0.5), alone));
            report.Add(new($"hostile: {kind}, p99 (mark: ratio ≤ 2)", during.Percentile(0.99), "ms", before.Percentile(0.99), alone));
            report.Add(new($"hostile: {kind}, requests", during.Count, "requests", before.Count, alone));
            report.Add(new($"hostile: {kind}, not 2xx (mark: 0)", beside.Bad(kind), "requests"));
            foreach (var said in beside.Said(kind).Concat(quiet.Said(kind)).Take(3))
            {
                Report.Say($"{kind}: {said}");
            }
        }
    }

    private static long LogBytes(Installation installation) =>
        new FileInfo(Path.Combine(installation.Stores.Directory, "logs", "api.log")) is { Exists: true } file ? file.Length : 0;
}
