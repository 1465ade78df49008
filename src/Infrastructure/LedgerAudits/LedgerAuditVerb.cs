using System.Text.Encodings.Web;
using System.Text.Json;
using Bsp.Domain.Common;
using Bsp.Infrastructure.LedgerAudits.Shown;
using Bsp.Infrastructure.Sealing;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>The verb <c>audit</c> without <c>--log</c>: the ledgers of one organization, or of all, one after the other.</summary>
public static class LedgerAuditVerb
{
    private const int Workers = 2;
    private const int Unsaid = 3;

    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <param name="signer">Knows the keys that sign heads.</param>
    /// <param name="costs">Knows what people see as costs.</param>
    /// <param name="only">Null: every organization.</param>
    /// <returns>0: every ledger passed; 1: one did not, or there is no such organization; 3: none is wrong in what was checked, and a
    /// store could not be asked.</returns>
    public static async Task<int> RunAsync(Shards shards, LogSigner signer, ShownCosts costs, Guid? only, string? from, string? to,
        bool json, CancellationToken ct)
    {
        var began = TimeProvider.System.GetTimestamp();
        var (reports, unsaid) = (new List<LedgerAuditReport>(), new SortedDictionary<string, int>(StringComparer.Ordinal));
        var (organizations, entries, passed) = (0, 0L, true);
        try
        {
            foreach (var (shard, organization) in await OrganizationsAsync(shards, only, ct))
            {
                var audit = new LedgerAudit(shard, organization, from, to, Workers, TimeProvider.System)
                    { Signer = signer, Costs = costs };
                var report = await audit.RunAsync(null, ct);
                (organizations, entries, passed) = (organizations + 1, entries + report.Entries, passed && report.Passed);
                foreach (var check in report.NotChecked)
                {
                    unsaid[check.Name] = unsaid.GetValueOrDefault(check.Name) + 1;
                }

                if (!report.Passed || only is not null)
                {
                    reports.Add(report); // of those that passed the number is enough: there may be many
                }

                Say(json, report);
            }
        }
        catch (Refusal refusal)
        {
            await Console.Error.WriteLineAsync(refusal.Message);
            return 1;
        }

        var seconds = Math.Round(TimeProvider.System.GetElapsedTime(began).TotalSeconds, 3);
        var first = reports.Find(r => r.FirstFault is not null);
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                Status = passed ? "passed" : "failed", Entries = entries, first?.FirstFault, FirstOrganization = first?.OrganizationId,
                    Organizations = organizations, NotChecked = unsaid, Seconds = seconds, Reports = reports,
            }, Format));
        }
        else
        {
            Console.WriteLine(
                $"{organizations} organizations, {entries} entries in {seconds:0.0} s. "
                + Verdict(passed, unsaid));
        }

        return !passed ? 1 : unsaid.Count > 0 ? Unsaid : 0;
    }

    private static string Verdict(bool passed, SortedDictionary<string, int> unsaid)
    {
        var left = string.Join(", ", unsaid.Select(u => $"{u.Key} of {u.Value} organizations"));
        return !passed ? "NOT everything holds." : left.Length == 0 ? "Everything holds."
            : $"What was checked holds. NOT checked: {left}, whose store could not be asked.";
    }

    private static async Task<List<(Shard, Guid)>> OrganizationsAsync(Shards shards, Guid? only, CancellationToken ct)
    {
        if (only is { } one)
        {
            return [(await shards.OfAsync(one, ct), one)];
        }

        var all = new List<(Shard, Guid)>();
        await using var command =
            shards.Directory.CreateCommand("SELECT organization_id, shard FROM bsp.directory_organizations ORDER BY 1");
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            if (shards.All.FirstOrDefault(s => s.Name == reader.GetString(1)) is { } shard)
            {
                all.Add((shard, reader.GetGuid(0)));
            }
        }

        return all;
    }

    private static void Say(bool json, LedgerAuditReport report)
    {
        if (json || (report.Passed && report.Entries == 0))
        {
            return;
        }

        Console.WriteLine(
            $"{report.OrganizationId}: {report.Entries} entries, {report.Months} months, {(report.Passed ? "holds" : "DOES NOT HOLD")}");
        foreach (var check in report.Checks)
        {
            Console.WriteLine($"  {check.Name}: {check.Result}, {check.Items}{(check.Detail is null ? "" : $" ({check.Detail})")}");
        }

        if (report.FirstFault is { } fault)
        {
            var number = fault.Sequence is { } n ? $"entry {n}" : null;
            var id = fault.Entry is { } entry ? $"id {entry}" : null;
            var where = string.Join(' ', new[] { fault.Currency, fault.Month, number, id }.OfType<string>());
            Console.WriteLine($"  FIRST: {fault.Code} {where}: {fault.Detail}");
        }
    }
}
