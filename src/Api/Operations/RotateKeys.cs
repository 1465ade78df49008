using Bsp.Application.Common;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.Privacy;

namespace Bsp.Api.Operations;

/// <summary>
/// The verb <c>rotate-keys</c>: seals everything anew under the current master key, and says whether the older ones may go.
/// </summary>
public static class RotateKeys
{
    /// <returns>0: nothing is left under another key; 1: something is.</returns>
    public static async Task<int> RunAsync(BspOptions options, ILoggerFactory log, CancellationToken ct)
    {
        await using var shards = DataSources.Open(options, log);
        var keys = new MasterKeys(options);
        Console.WriteLine($"The current master key is {keys.CurrentId}.");
        var rotation = new KeyRotation(shards, keys, Console.WriteLine);
        var done = await rotation.RunAsync(ct);

        // What another process sealed under an older key meanwhile is found by looking again.
        var check = await rotation.RunAsync(ct);
        Console.WriteLine($"{done.Organizations} organizations: {done.Secrets} secrets and {done.ContactKeys} contact keys sealed anew.");
        if (check.Secrets + check.ContactKeys > 0)
        {
            Console.WriteLine(
                $"{check.Secrets + check.ContactKeys} more were sealed under an older key meanwhile: some process does not seal under {keys.CurrentId} yet. Restart it, then run this again.");
            return 1;
        }

        foreach (var (key, count) in check.Left)
        {
            Console.WriteLine(
                $"{count} are left under {key}, which the configuration does not hold: add it to the older keys, then run this again.");
        }

        if (check.Left.Count == 0)
        {
            Console.WriteLine("Nothing is left under another key: the older ones may be dropped.");
        }

        return check.Left.Count == 0 ? 0 : 1;
    }
}
