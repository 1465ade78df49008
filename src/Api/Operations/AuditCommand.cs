using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Sealing;

namespace Bsp.Api.Operations;

/// <summary>The verb <c>audit --log [--org ID | --all] [--json]</c>: computes the sealed days of the log and the audit trails anew and names the first thing that is not as it was sealed.</summary>
public static class AuditCommand
{
    private const string Usage = "audit --log [--org ID | --all] [--json]";

    /// <returns>0: all is as it was sealed; 1: something is not; 2: the command line is wrong.</returns>
    public static async Task<int> RunAsync(BspOptions options, ILoggerFactory log, string[] arguments, CancellationToken ct)
    {
        if (!TryRead(arguments, out var organization, out var json, out var fault))
        {
            await Console.Error.WriteLineAsync($"{fault} Usage: {Usage}");
            return 2;
        }

        await using var shards = DataSources.Open(options, log);
        await using var readers = new LogReaders(new EventStoreSettings());
        using var signer = new LogSigner(new MasterKeys(options));
        var began = TimeProvider.System.GetTimestamp();
        var report = await new LogAudit(shards, readers, signer, TimeProvider.System, organization, line => Say(json, line)).RunAsync(ct);
        var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { report.Passed, report.Days, report.Events, report.Acts, report.Unsealed, Seconds = Math.Round(seconds, 3), First = report.Findings.Count > 0 ? report.Findings[0] : null, report.Findings },
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
        Console.WriteLine($"{report.Days} days, {report.Events} events and {report.Acts} administrative acts in {seconds:0.0} s. {report.Unsealed} events are not sealed yet: nothing is said about them.");
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
        f.Kind, $"shard {f.Shard}", f.Day is { } day ? $"day {day:yyyy-MM-dd}" : null, f.Tenant is { } tenant ? $"organization {tenant}" : null,
        f.Sequence is { } sequence ? $"number {sequence}" : null, f.EventId is { } id ? $"id {id}" : null,
    }.OfType<string>()) + $": {f.What}";

    private static void Say(bool json, string line)
    {
        if (!json)
        {
            Console.WriteLine(line);
        }
    }

    private static bool TryRead(string[] arguments, out Guid? organization, out bool json, out string fault)
    {
        (organization, json, fault) = (null, false, "");
        var (log, all) = (false, false);
        for (var i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--log":
                    log = true;
                    break;
                case "--all":
                    all = true;
                    break;
                case "--json":
                    json = true;
                    break;
                case "--org" when i + 1 < arguments.Length && Guid.TryParse(arguments[i + 1], out var id):
                    organization = id;
                    i++;
                    break;
                case "--org":
                    fault = "--org takes an organization's id.";
                    return false;
                default:
                    fault = $"'{arguments[i]}' is not known.";
                    return false;
            }
        }

        fault = !log ? "Say what to audit: --log." : all && organization is not null ? "Give --org or --all, not both." : "";
        return fault.Length == 0;
    }
}
