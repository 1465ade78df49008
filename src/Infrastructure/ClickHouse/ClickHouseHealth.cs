using Bsp.Application.Common;
using Bsp.Infrastructure.Common;

namespace Bsp.Infrastructure.ClickHouse;

/// <summary>ClickHouse answers a query.</summary>
public sealed class ClickHouseHealth(ClickHouseClient client) : IStoreHealth
{
    public string Name => "clickhouse";

    public async Task<string?> CheckAsync(CancellationToken ct)
    {
        try
        {
            await client.PingAsync(ct);
            return null;
        }
        catch (Exception e) when (e is StoreUnavailable or ClickHouseException or OperationCanceledException)
        {
            return client.IsConfigured ? "ClickHouse does not answer." : "ClickHouse is not configured (ConnectionStrings:ClickHouse).";
        }
    }
}
