using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Search;

/// <summary>Deletes rows of the search index with their messages, two years after they were written.</summary>
public sealed partial class SearchSweep(Shards shards, TimeProvider clock, ILogger<SearchSweep> log)
    : ShardSweep(shards, clock, TimeSpan.FromMinutes(3))
{
    private const int PageRows = 2_000;
    private const int PagesMax = 500;

    /// <inheritdoc/>
    public override async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        var gone = 0;
        for (var (page, rows) = (0, PageRows); page < PagesMax && rows == PageRows; page++, gone += rows)
        {
            await using var command = shard.App.CreateCommand("SELECT bsp.sweep_search($1, $2)");
            command.Parameters.Add(new() { Value = Clock.GetUtcNow().AddYears(-DocumentsSweep.MessageYears).UtcDateTime });
            command.Parameters.Add(new() { Value = PageRows });
            rows = (int)(await command.ExecuteScalarAsync(ct))!;
        }

        return gone;
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "retention: the search index of shard {Shard} could not be swept; trying again in an hour")]
    protected override partial void LogFailed(Exception e, string shard);
}
