using Bsp.Application.Imports;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Imports;

/// <summary>
/// Deletes the bad rows of imports that ended <see cref="ImportView.RejectsKeptDays"/> ago, and what failed ones left in staging.
/// </summary>
public sealed class ImportSweep(TimeProvider clock) : ISweep
{
    public string Kind => "import_rejects";

    private const int PageRows = 2_000;

    // What is left after so many pages waits for the next round.
    private const int PagesMax = 500;

    /// <inheritdoc/>
    public async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        var before = clock.GetUtcNow().AddDays(-ImportView.RejectsKeptDays);
        var (gone, rows) = (0, 1);
        for (var page = 0; page < PagesMax && rows > 0; page++)
        {
            rows = await PageAsync(shard, before, ct);
            gone += rows;
        }

        return gone;
    }

    private static async Task<int> PageAsync(Shard shard, DateTimeOffset before, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT bsp.sweep_imports($1, $2)");
        command.Parameters.Add(new() { Value = before.UtcDateTime });
        command.Parameters.Add(new() { Value = PageRows });
        return (int)(await command.ExecuteScalarAsync(ct))!;
    }
}
