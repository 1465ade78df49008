using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Up;

/// <summary><c>./run</c>: everything up, until Ctrl-C.</summary>
internal static class UpCommand
{
    public static async Task<int> RunAsync()
    {
        using var stop = new StopRequest();
        try
        {
            Say("Starting the stores ...");
            await using var run = await LocalRun.StartAsync(stop.Token);
            Say("Starting the simulator and the API ...");
            await run.ServeAsync(stop.Token);
            Introduce(await LoadAsync(run, stop.Token));
            return await HoldAsync(run, stop);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            Say("Stopped before everything was up.");
            return 0;
        }
    }

    private static async Task<RunFile> LoadAsync(LocalRun run, CancellationToken ct)
    {
        var demo = await DemoOrganization.FindAsync(RunFile.Read(run.Local), run.ApiUrl, ct);
        if (demo is null)
        {
            Say($"Loading the demo organization with {DemoOrganization.Contacts:N0} contacts ...");
            demo = await DemoOrganization.CreateAsync(run.ApiUrl, run.PlatformKey, ct);
        }

        else
        {
            using var api = new BspClient(run.ApiUrl, demo.ApiKey);
            await DemoOrganization.SubscribeAsync(run.ApiUrl, run.PlatformKey, demo.OrgId, api, ct);
        }

        var people = await DemoPeople.EnsureAsync(RunFile.Read(run.Local), run.ApiUrl, run.PlatformKey, demo.OrgId, run.DemoPassword, ct);
        var file = new RunFile(run.ApiUrl, run.PlatformKey, demo.OrgId, demo.ApiKey, demo.AccountId, demo.TemplateId, run.SimulatorUrl,
            run.Database, run.Stores.Redis, run.Stores.ClickHouse, run.Stores.Mongo)
        {
            Console = run.ApiUrl + "/console", AdminEmail = people.AdminEmail, StaffEmail = people.StaffEmail, Password = run.DemoPassword,
        };
        file.Write(run.Local);
        return file;
    }

    private static async Task<int> HoldAsync(LocalRun run, StopRequest stop)
    {
        try
        {
            var ended = await run.AnyEndedAsync(stop.Token);
            await Console.Error.WriteLineAsync($"\n{ended}\nStopping the rest ...");
            return 1;
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            Say("\nStopping ...");
            return 0;
        }
    }

    private static void Introduce(RunFile file) => Say($"""

        Bsp is up.
          console        {file.Console}
                         sign in as {file.AdminEmail} (or, as the platform's staff, {file.StaffEmail}); password {file.Password}
          API            {file.Url}   (documentation: {file.Url}/docs)
          simulator      {file.SimulatorUrl}   (steer it at {file.SimulatorUrl}/_control)
          platform key   {file.PlatformKey}
          organization   {file.OrgId}
          API key        {file.ApiKey}
          all of it      .local/run.json     logs: .local/logs     mails: .local/mail

        Try next, in a second terminal:
          ./run demo
          curl -s -H "Authorization: Bearer {file.ApiKey}" {file.Url}/v1/campaigns
          curl -s -H "Authorization: Bearer {file.ApiKey}" "{file.Url}/v1/conversations?limit=3"

        Ctrl-C stops everything.
        """);

    private static void Say(string text) => Console.WriteLine(text);
}
