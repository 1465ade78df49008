using Bsp.Application.Operations;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Organizations;

/// <summary>The shards, how many organizations live on each, and whether each answers.</summary>
public sealed class ShardList(Shards shards) : IRequestHandler<ListShards, IReadOnlyList<ShardView>>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public async Task<IReadOnlyList<ShardView>> Handle(ListShards request, CancellationToken cancellationToken)
    {
        var counts = new Dictionary<string, long>();
        await using (var command = shards.Directory.CreateCommand("SELECT shard, count(*) FROM bsp.directory_organizations GROUP BY shard"))
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                counts[reader.GetString(0)] = reader.GetInt64(1);
            }
        }

        return await Task.WhenAll(shards.All.Select(async shard => new ShardView(shard.Name, shard.Epoch,
            counts.GetValueOrDefault(shard.Name), await ErrorAsync(shard, cancellationToken))));
    }

    private static async Task<string?> ErrorAsync(Shard shard, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Patience);
        try
        {
            await using var command = shard.App.CreateCommand("SELECT 1");
            await command.ExecuteScalarAsync(limit.Token);
            return null;
        }
        catch (Exception away) when (!ct.IsCancellationRequested
            && away is NpgsqlException or TimeoutException or OperationCanceledException)
        {
            return "It does not answer.";
        }
    }
}
