using System.Diagnostics;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;

namespace Bsp.Benchmarks;

/// <summary>
/// Ten thousand endpoints of two hundred organizations, of which one in a hundred never answers: how long the others wait for what happens,
/// whether each is told everything and in order, and what it takes.
/// </summary>
internal static class WebhooksManyBench
{
    private const int Endpoints = 10_000;
    private const int EndpointsOfOne = 50;
    private const int HangingShare = 100;
    private const int Events = 10;
    private const int Conversations = 2;
    private const string Mark = "many";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        Report.Say("starting stores, simulator and API");
        await using var installation = await Installation.StartAsync(ct);
        await using var target = await HookTarget.StartAsync();
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey);
        var organization = (await platform.PostAsync("/v1/organizations",
            new JsonObject { ["name"] = "Bench", ["slug"] = "bench-many" }, ct))["id"]!.GetValue<string>();
        using var api = new BspClient(installation.ApiUrl, installation.PlatformKey, organization);
        var model = (await api.PostAsync("/v1/webhooks",
            new JsonObject { ["name"] = "bench", ["url"] = target.Url + "/record", ["events"] = new JsonArray("message.*") }, ct))["id"]!
            .GetValue<string>();
        await HookEvents.CopyAsync(installation, model, Endpoints, target.Url + "/record", Mark, ct);
        await installation.ExecuteAsync(
            $"UPDATE webhooks SET url = replace(url, '/record/', '/hang/') WHERE name = '{Mark}' "
            + $"AND split_part(url, '/record/', 2)::int % {HangingShare} = 0", ct);
        const int Working = Endpoints - (Endpoints / HangingShare);
        const int Organizations = Endpoints / EndpointsOfOne;

        var (before, processor) = (installation.Api().MemoryMb, installation.Api().Processor);
        Report.Say($"{Organizations * Events:N0} events, each to {EndpointsOfOne} endpoints");
        var began = Stopwatch.GetTimestamp();
        await HookEvents.WriteToCopiesAsync(installation, Organizations, Mark, ct, Events, Conversations);
        while (target.Recorded.Count < Working * Events)
        {
            if (Stopwatch.GetElapsedTime(began) > Patience)
            {
                throw new Obstacle(
                    $"Not within {Patience.TotalMinutes:0} min: {target.Recorded.Count:N0} of {Working * Events:N0} are told.");
            }

            await Task.Delay(50, ct);
        }

        var took = Stopwatch.GetElapsedTime(began);
        report.Add(new($"{Endpoints:N0} endpoints, 1 % hang: all others told of {Events} events", took.TotalSeconds, "s"));
        report.Add(new("deliveries", Working * Events / took.TotalSeconds, "/s"));
        report.Add(new("processor of the API", (installation.Api().Processor - processor) / took, "cores"));
        report.Add(new("RSS of the API", installation.Api().MemoryMb, "MB", before, "before"));
        report.Add(new("endpoints told in another order, or not all", await DisorderedAsync(installation, target, ct), ""));
        report.Add(new("tellings more than once", target.Recorded.Count - (Working * Events), ""));
    }

    // First tellings of each endpoint and conversation, against the log.
    private static async Task<int> DisorderedAsync(Installation installation, HookTarget target, CancellationToken ct)
    {
        var log = (await HookEvents.MessagesAsync(installation, ct)).ToLookup(e => e.Key, e => e.Message);
        var told = target.Recorded.Distinct().GroupBy(r => (r.Path, r.Key)).ToList();
        return told.Count(group => !group.Select(r => r.Message).SequenceEqual(log[group.Key.Key]))
            + ((Endpoints - (Endpoints / HangingShare)) * Conversations) - told.Count;
    }
}
