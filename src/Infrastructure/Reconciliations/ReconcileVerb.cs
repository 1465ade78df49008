using System.Text.Encodings.Web;
using System.Text.Json;
using Bsp.Application.Reconciliations;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>The verb <c>reconcile</c>: the stores of one organization, or of all, beside the log.</summary>
public static class ReconcileVerb
{
    private const int RowsMax = 10_000; // of organizations that differ all rows are printed, of the others their totals

    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <param name="only">Null: every organization.</param>
    /// <returns>0: everything is equal; 1: something is not, could not be asked, or there is no such organization.</returns>
    public static async Task<int> RunAsync(Reconciliation reconciliation, Shards shards, Guid? only, int workers, bool json,
        CancellationToken ct)
    {
        var began = TimeProvider.System.GetTimestamp();
        var (rows, organizations, equal) = (new List<ReconciliationRow>(), 0, true);
        ReconciliationFault? first = null;
        try
        {
            foreach (var shard in only is { } one ? [await shards.OfAsync(one, ct)] : shards.All)
            {
                foreach (var organization in only is { } id ? [id] : await ReconciliationLoop.OrganizationsAsync(shards, shard, ct))
                {
                    var view = await reconciliation.WholeAsync(shard, organization, workers, ct);
                    await ReconciliationRows.SaveAsync(shard, view, ct);
                    (organizations, equal) = (organizations + 1, equal && view.Status == ReconciliationStatus.Equal);
                    first ??= view.First;
                    rows.AddRange(rows.Count < RowsMax || view.First is not null ? view.Rows : []);
                    Say(json, view);
                }
            }
        }
        catch (Refusal refusal)
        {
            await Console.Error.WriteLineAsync(refusal.Message);
            return 1;
        }

        var seconds = Math.Round(TimeProvider.System.GetElapsedTime(began).TotalSeconds, 3);
        Console.WriteLine(json
            ? JsonSerializer.Serialize(new
            {
                Status = equal ? ReconciliationStatus.Equal : ReconciliationStatus.Different, First = first, Organizations = organizations,
                Seconds = seconds, Rows = rows,
            }, Format)
            : $"{organizations} organizations in {seconds:0.0} s. "
                + $"{(equal ? "Every store says what the log says." : "NOT every store says what the log says.")}");
        return equal ? 0 : 1;
    }

    private static void Say(bool json, ReconciliationView view)
    {
        if (json || (view.Status == ReconciliationStatus.Equal && view.Rows.Sum(r => r.Expected) == 0))
        {
            return;
        }

        Console.WriteLine($"{view.OrganizationId}: {view.Status}, {(view.CompletedAt - view.StartedAt).TotalSeconds:0.0} s");
        foreach (var row in view.Rows.Where(r => r.Expected + r.Found > 0 || r.Status != ReconciliationStatus.Equal))
        {
            Console.WriteLine($"  {row.Store} {row.View}: {row.Status}, {row.Found} of {row.Expected}, xor {row.FoundXor}"
                + (row.Detail is null ? "" : $" ({row.Detail})"));
            foreach (var day in row.Days)
            {
                Console.WriteLine($"    {day.Day}: {day.Found} of {day.Expected}; {day.FoundStates} instead of {day.ExpectedStates}");
            }
        }

        if (view.First is { } first)
        {
            Console.WriteLine($"  FIRST: {first.Code} {first.Store} {first.View} {first.Day} message {first.MessageId?.ToString() ?? "-"} "
                + $"{first.Subject}: {first.Detail}");
        }
    }
}
