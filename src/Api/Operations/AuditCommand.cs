using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Ledger;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.LedgerAudits;
using Bsp.Infrastructure.LedgerAudits.Shown;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Sealing;

namespace Bsp.Api.Operations;

/// <summary>
/// The verb <c>audit</c>: replays ledgers from zero, or with <c>--log</c> computes the sealed days of the log and the audit trails anew,
/// and names the first thing that is not as it must be.
/// </summary>
public static class AuditCommand
{
    private const string Usage =
        "audit [--org ID | --all] [--from yyyy-mm] [--to yyyy-mm] [--json], or audit --log [--org ID | --all] [--json]";

    /// <param name="costs">Makes what knows the costs that other stores show: asked for ledgers only.</param>
    /// <returns>0: all is as it must be; 1: something is not; 2: the command line is wrong; 3: nothing is wrong in what was checked, and
    /// a store could not be asked.</returns>
    public static async Task<int> RunAsync(BspOptions options, ILoggerFactory log, string[] arguments, Func<ShownCosts> costs,
        CancellationToken ct)
    {
        if (!TryRead(arguments, out var asked, out var fault))
        {
            await Console.Error.WriteLineAsync($"{fault} Usage: {Usage}");
            return 2;
        }

        await using var shards = DataSources.Open(options, log);
        using var signer = new LogSigner(new MasterKeys(options));
        if (!asked.Log)
        {
            return await LedgerAuditVerb.RunAsync(shards, signer, costs(), asked.Organization, asked.From, asked.To, asked.Json, ct);
        }

        var (organization, json) = (asked.Organization, asked.Json);
        await using var readers = new LogReaders(new EventStoreSettings());
        var began = TimeProvider.System.GetTimestamp();
        var report = await new LogAudit(shards, readers, signer, TimeProvider.System, organization, line => Say(json, line)).RunAsync(ct);
        var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        if (json)
        {
            Console.WriteLine(
                JsonSerializer.Serialize(new { report.Passed, report.Days, report.Events, report.Acts, report.Unsealed,
                    Seconds = Math.Round(seconds, 3), First = report.Findings.Count > 0 ? report.Findings[0] : null, report.Findings },
                new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true }));
        }
        else
        {
            Print(report, seconds);
        }

        return report.Passed ? 0 : 1;
    }

    private static void Print(LogAuditReport report, double seconds)
    {
        Console.WriteLine(
            $"{report.Days} days, {report.Events} events and {report.Acts} administrative acts in {seconds:0.0} s. {report.Unsealed} events are not sealed yet: nothing is said about them.");
        foreach (var (finding, n) in report.Findings.Select((finding, n) => (finding, n)))
        {
            Console.WriteLine($"{(n == 0 ? "FIRST" : "also")}: {Line(finding)}");
        }

        if (report.Findings.Count == LogAudit.FindingsMax)
        {
            Console.WriteLine($"More than {LogAudit.FindingsMax} things are wrong: the others are not listed.");
        }

        Console.WriteLine(report.Passed ? "Everything is as it was sealed." : "NOT as it was sealed.");
    }

    private static string Line(LogFinding f) => string.Join(' ', new[]
    {
        f.Kind, $"shard {f.Shard}", f.Day is { } day ? $"day {day:yyyy-MM-dd}" : null, f.Tenant is { } tenant ? $"organization {tenant}"
            : null,
        f.Sequence is { } sequence ? $"number {sequence}" : null, f.EventId is { } id ? $"id {id}" : null,
    }.OfType<string>()) + $": {f.What}";

    private static void Say(bool json, string line)
    {
        if (!json)
        {
            Console.WriteLine(line);
        }
    }

    private static bool TryRead(string[] arguments, out Asked asked, out string fault)
    {
        (asked, fault) = (new(false, false, false, null, null, null), "");
        for (var i = 0; i < arguments.Length && fault.Length == 0; i++)
        {
            var value = i + 1 < arguments.Length ? arguments[i + 1] : "";
            var takesValue = true;
            switch (arguments[i])
            {
                case "--org" when Guid.TryParse(value, out var id):
                    asked = asked with { Organization = id };
                    break;
                case "--from" when LedgerMonth.Is(value):
                    asked = asked with { From = value };
                    break;
                case "--to" when LedgerMonth.Is(value):
                    asked = asked with { To = value };
                    break;
                default:
                    takesValue = false;
                    fault = Plain(arguments[i], ref asked);
                    break;
            }

            i += takesValue ? 1 : 0;
        }

        fault = fault.Length > 0 ? fault
            : asked is { All: true, Organization: not null } ? "Give --org or --all, not both."
            : asked is { Log: true } and not { From: null, To: null } ? "--from and --to are for ledgers: the log is audited by days."
            : string.CompareOrdinal(asked.To ?? "9999-12", asked.From) < 0 ? "--to lies before --from." : "";
        return fault.Length == 0;
    }

    private static string Plain(string argument, ref Asked asked)
    {
        asked = argument switch
        {
            "--log" => asked with { Log = true },
            "--all" => asked with { All = true },
            "--json" => asked with { Json = true },
            _ => asked,
        };
        return argument switch
        {
            "--log" or "--all" or "--json" => "",
            "--org" => "--org takes an organization's id.",
            "--from" or "--to" => $"{argument} takes a month such as 2026-10.",
            _ => $"'{argument}' is not known.",
        };
    }

    private sealed record Asked(bool Log, bool All, bool Json, Guid? Organization, string? From, string? To);
}
