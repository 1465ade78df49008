using System.Globalization;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;

namespace Bsp.LocalStores.Demo;

/// <summary><c>./run demo</c>: launches a campaign to all demo contacts and shows it until everyone has an outcome.</summary>
internal static class DemoCommand
{
    private const int ChargedLooks = 20; // what has no outcome keeps its share set aside
    private static readonly TimeSpan ChargedLook = TimeSpan.FromMilliseconds(250);

    public static async Task<int> RunAsync()
    {
        using var stop = new StopRequest();
        var local = Path.Combine(Checkout.Root
            ?? throw new Obstacle("This program was moved out of its checkout: start with ./run demo."), ".local");
        var run = RunFile.Read(local)
            ?? throw new Obstacle("Nothing is running here yet: start ./run in another terminal and wait until it says 'Bsp is up'.");
        using var api = new BspClient(run.Url, run.ApiKey);
        try
        {
            var campaign = await api.PostAsync("/v1/campaigns", Campaign(run), stop.Token);
            var id = campaign["id"]!.GetValue<string>();
            await api.PostAsync($"/v1/campaigns/{id}/launch", null, stop.Token);
            Console.WriteLine($"Campaign {id} is launched.");
            var last = await ProgressScreen.FollowAsync(async ct =>
                Progress.From(await api.GetAsync($"/v1/campaigns/{id}/progress", ct)), AllSettled, stop.Token);
            // Charging is about a second behind the deliveries; then nothing is set aside any more.
            JsonNode wallet = await api.GetAsync("/v1/wallet", stop.Token);
            for (var look = 0; look < ChargedLooks && $"{wallet["balance"]}" != $"{wallet["available"]}"; look++)
            {
                await Task.Delay(ChargedLook, stop.Token);
                wallet = await api.GetAsync("/v1/wallet", stop.Token);
            }

            Console.WriteLine($"Wallet: {wallet["balance"]} {wallet["currency"]}, of which {wallet["available"]} are available.");
            Console.WriteLine(
                $"Done: {last.Delivered} delivered, {last.Read} read so far, {last.Failed} failed, {last.Unknown} unknown, {last.Skipped} skipped, of {last.Total}.");
            return 0;
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            Console.WriteLine("The campaign goes on without this display.");
            return 0;
        }
    }

    // Unknowns wait for Meta's word, up to a day: the display does not.
    private static bool AllSettled(Progress progress) => progress.Total > 0 && progress.Settled + progress.Unknown >= progress.Total;

    private static JsonObject Campaign(RunFile run) => new()
    {
        ["name"] = "Demo of " + DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
        ["type"] = "BROADCAST", ["template_id"] = run.TemplateId, ["account_id"] = run.AccountId,
        ["audience_segment"] = new JsonObject { ["all"] = true },
        ["metadata"] =
        new JsonObject { ["template_parameters"] = new JsonObject { ["body"] = new JsonArray("{{contact.first_name|there}}") } },
    };
}
