using Bsp.Application.Retention;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Search;

/// <summary>Deletes rows of the search index with their messages, two years after they were written.</summary>
public sealed class SearchSweep(TimeProvider clock) : ISweep
{
    public string Kind => "search_index";

    private const int PageRows = 2_000;
    private const int PagesMax = 500;

    /// <inheritdoc/>
    public async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        var gone = 0;
        for (var (page, rows) = (0, PageRows); page < PagesMax && rows == PageRows; page++, gone += rows)
        {
            await using var command = shard.App.CreateCommand("SELECT bsp.sweep_search($1, $2)");
            command.Parameters.Add(new() { Value = clock.GetUtcNow().AddHours(-RetentionRules.Of(Kind).Hours!.Value).UtcDateTime });
            command.Parameters.Add(new() { Value = PageRows });
            rows = (int)(await command.ExecuteScalarAsync(ct))!;
        }

        return gone;
    }
}
