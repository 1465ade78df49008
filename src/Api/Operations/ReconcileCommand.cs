using System.Globalization;
using Bsp.Infrastructure.Reconciliations;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Api.Operations;

/// <summary>The verb <c>reconcile</c>: every store beside the log, and the first message that differs.</summary>
public static class ReconcileCommand
{
    private const string Usage = "reconcile [--org ID | --all] [--workers 1..16] [--json]";
    private const int WorkersStandard = 2;
    private const int WorkersMax = 16;

    /// <returns>0: every store says what the log says; 1: one does not or could not be asked; 2: the command line is wrong.</returns>
    public static async Task<int> RunAsync(Reconciliation reconciliation, Shards shards, string[] arguments, CancellationToken ct)
    {
        var (organization, all, json, workers, fault) = ((Guid?)null, false, false, WorkersStandard, "");
        for (var i = 0; i < arguments.Length && fault.Length == 0; i++)
        {
            switch (arguments[i])
            {
                case "--json":
                    json = true;
                    break;
                case "--all":
                    all = true;
                    break;
                case "--org" when i + 1 < arguments.Length && Guid.TryParse(arguments[i + 1], out var id):
                    (organization, i) = (id, i + 1);
                    break;
                case "--workers" when i + 1 < arguments.Length
                    && int.TryParse(arguments[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n
                        is >= 1 and <= WorkersMax:
                    (workers, i) = (n, i + 1);
                    break;
                case "--org":
                    fault = "--org takes an organization's id.";
                    break;
                case "--workers":
                    fault = $"--workers takes a number from 1 to {WorkersMax}.";
                    break;
                default:
                    fault = $"'{arguments[i]}' is not known.";
                    break;
            }
        }

        fault = fault.Length == 0 && all && organization is not null ? "Give --org or --all, not both." : fault;
        if (fault.Length > 0)
        {
            await Console.Error.WriteLineAsync($"{fault} Usage: {Usage}");
            return 2;
        }

        return await ReconcileVerb.RunAsync(reconciliation, shards, organization, workers, json, ct);
    }
}
