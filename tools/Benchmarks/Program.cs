using Bsp.Benchmarks.Chaos;
using Bsp.Benchmarks.Hostile;
using Bsp.LocalStores.Common;

namespace Bsp.Benchmarks;

internal static class Program
{
    private static readonly Dictionary<string, (string Shows, Func<Report, CancellationToken, Task> Run)> Benches = new()
    {
        ["ai"] = ("what the embedded reader makes of labelled messages, by language, and what it takes", AiBench.RunAsync),
        ["audit"] = ("sealing the log and auditing it, and what an act on the audit trail adds to a change", AuditBench.RunAsync),
        ["authentication"] = ("what finding out who calls adds to a request", AuthenticationBench.RunAsync),
        ["campaign"] = ("messages a second from launch to delivered, memory and idle cost of the API", CampaignBench.RunAsync),
        ["charging"] = ("delivered messages of one hot wallet, charged by the process manager", ChargingBench.RunAsync),
        ["console"] = ("the console in Chromium: first page, an inbox of 100,000 conversations, a message after its webhook, memory",
            ConsoleBench.RunAsync),
        ["contacts"] = ("taking in a file of contacts, counting by filters, searching, writing a file", ContactsBench.RunAsync),
        ["events"] = ("appending, deciding and reading in the event store", EventsBench.RunAsync),
        ["hostile"] =
        ("what a normal organization feels of a hostile one: slow clients, idle sockets, poison, bombs", HostileBench.RunAsync),
        ["inbox"] = ("the list of conversations and searches at a million messages, filling both, streams and lag", InboxBench.RunAsync),
        ["inbox-live"] = ("the last two of these alone: 5,000 streams, and from a webhook to the stream", InboxLiveBench.RunAsync),
        ["ledger"] = ("posting to wallets, auditing a million entries, the statement of a month", async (report, ct) =>
        {
            await LedgerBench.RunAsync(report, ct);
            await LedgerAuditBench.RunAsync(report, ct);
        }),
        ["ledger-audit"] = ("the last two of these alone", LedgerAuditBench.RunAsync),
        ["marten"] = ("our event store beside Marten 9 on the same tables", MartenBench.RunAsync),
        ["move"] = ("an organization moves between shards: events a second, how long it is refused, what a neighbour feels",
            MoveBench.RunAsync),
        ["projections"] = ("catching up and rebuilding views, what commands feel of it, memory, idle cost", ProjectionsBench.RunAsync),
        ["queue"] = ("putting jobs into the Redis queue, and working them off", QueueBench.RunAsync),
        ["reports"] = ("every report over ten million rows of a year, and counting them anew", ReportsBench.RunAsync),
        ["retention"] = ("archiving and deleting messages past their time, size of archives, bringing a conversation back",
            RetentionBench.RunAsync),
        ["scale"] = ("what a message costs with 1, 4 and 16 times the rows in every table that it goes through", ScaleBench.RunAsync),
        ["sending"] = ("pace on a number, several numbers together, pausing, who waits behind whom, enqueueing", SendingBench.RunAsync),
        ["sending-size"] = ("a campaign on an empty database and behind millions of earlier messages", SendingSizeBench.RunAsync),
        ["webhooks-out"] =
        ("telling customers' systems: deliveries a second, from the log to the customer, idle and hanging endpoints",
            WebhooksOutBench.RunAsync),
        ["webhooks-many"] =
        ("10,000 endpoints of which 1 % hang: is each of the others told of everything, in order, and how soon",
            WebhooksManyBench.RunAsync),
        ["views"] = ("documents, search index and analytics through their projections, beside the same rows inserted straight",
            InboxBench.ViewsAsync),
        ["webhooks"] = ("webhook events a second, to the 200 and until processed", WebhooksBench.RunAsync),
    };

    private static async Task<int> Main(string[] args)
    {
        switch (args)
        {
            case []:
                Usage(Console.Out);
                return 0;
            case [BareEndpoint.Verb]:
                return await BareEndpoint.ServeAsync();
            case [AdversaryProcess.Verb]:
                return await AdversaryProcess.RunAsync();
            case [ChaosWriter.Verb, var name, var seed, .. var organizations]:
                return await ChaosWriter.RunAsync(name, int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture),
                    [.. organizations.Select(Guid.Parse)]);
            case [ChaosBiller.Verb, var diesAt, var skew]:
                return await ChaosBiller.RunAsync(int.Parse(diesAt, System.Globalization.CultureInfo.InvariantCulture),
                    double.Parse(skew, System.Globalization.CultureInfo.InvariantCulture));
            case ["chaos-events", .. var options]:
                return await UntilStoppedAsync(ct => ChaosVerb.EventsAsync(options, ct));
            case ["chaos-http", .. var options]:
                return await UntilStoppedAsync(ct => ChaosVerb.HttpAsync(options, ct));
            case ["chaos-move", .. var options]:
                return await UntilStoppedAsync(ct => ChaosVerb.MoveAsync(options, ct));
            case ["chaos-sending", .. var options]:
                return await UntilStoppedAsync(ct => ChaosVerb.SendingAsync(options, ct));
            case [ChaosRetainer.Verb, var ahead]:
                return await ChaosRetainer.RunAsync(ahead);
            case ["chaos-retention", .. var options]:
                return await UntilStoppedAsync(ct => ChaosVerb.RetentionAsync(options, ct));
            case ["chaos-webhooks", .. var options]:
                return await UntilStoppedAsync(ct => ChaosVerb.WebhooksAsync(options, ct));
            case ["campaign", "--recipients", var recipients, .. var rest] when int.TryParse(recipients, out var count) && count > 0
                && rest is [] or ["--json", _]:
                CampaignBench.Recipients = count;
                return await RunAsync("campaign", rest is [_, var json] ? json : null);
            case ["campaign", "--billing", .. var rest] when rest is [] or ["--json", _]:
                CampaignBench.Billing = true;
                return await RunAsync("campaign", rest is [_, var told] ? told : null);
            case [var name] when Benches.ContainsKey(name):
                return await RunAsync(name, null);
            case [var name, "--json", var file] when Benches.ContainsKey(name):
                return await RunAsync(name, file);
            default:
                Usage(Console.Error);
                return 2;
        }
    }

    private static async Task<int> RunAsync(string name, string? file)
    {
        var report = new Report();
        return await UntilStoppedAsync(async ct =>
        {
            await Benches[name].Run(report, ct);
            await report.EndAsync(file, ct);
            return 0;
        });
    }

    private static async Task<int> UntilStoppedAsync(Func<CancellationToken, Task<int>> work)
    {
        using var stop = new StopRequest();
        try
        {
            return await work(stop.Token);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("Stopped before all was measured.");
            return 1;
        }
        catch (Obstacle obstacle)
        {
            await Console.Error.WriteLineAsync(obstacle.Message);
            return 1;
        }
    }

    private static void Usage(TextWriter output)
    {
        output.WriteLine("usage: ./bench <name> [--json FILE], ./bench campaign [--recipients N] [--json FILE]");
        foreach (var (name, bench) in Benches)
        {
            output.WriteLine($"  {name,-11} {bench.Shows}");
        }

        output.WriteLine("usage: ./bench chaos-events|chaos-http|chaos-move|chaos-sending|chaos-webhooks|chaos-retention "
            + "[--seed N] [--seconds N] [--billing]");
        output.WriteLine(
            "  chaos-events  eight writers in two processes, kills -9 of them and of PostgreSQL, two readers: is anything lost, doubled or out of order?");
        output.WriteLine(
            "  chaos-http    callers of every kind over HTTP, a campaign on its way, PostgreSQL restarted and killed: is every answer true, everything there, and once?");
        output.WriteLine(
            "  chaos-move [--recipients N]  an organization moves from shard to shard in mid-campaign, processes die: everybody once?");
        output.WriteLine(
            "  chaos-sending [--recipients N]  four campaigns on a portfolio's limit while processes and stores die: everybody once?");
        output.WriteLine(
            "  … --billing   with events: two processes that charge, renew, close months and audit, killed between any two steps while "
                + "the clock jumps; with http: a wallet, holds and top-ups meanwhile");
        output.WriteLine(
            "  chaos-webhooks  customers' endpoints while the API is killed, PostgreSQL restarted and receivers lie: is every event told, and in order?");
        output.WriteLine(
            "  chaos-retention archiving messages past their time while its process is killed: is each in one archive, does the log hold?");
    }
}
