namespace Bsp.Application.Common;

/// <summary>One store's answer to "are you there".</summary>
public interface IStoreHealth
{
    /// <summary>
    /// <c>postgres</c>, <c>redis</c>, <c>mongo</c>, <c>clickhouse</c>; also what else is watched: <c>projections</c>, <c>loops</c>,
    /// <c>webhooks</c>.
    /// </summary>
    string Name { get; }

    /// <summary>
    /// Null when it works, else one sentence for the operator (no addresses, no secrets). Does not throw; bounded by <paramref name="ct"/>.
    /// </summary>
    Task<string?> CheckAsync(CancellationToken ct);

    /// <summary>After a check: without this nobody at all can be served, and requests should go to another process.</summary>
    bool StopsServing => false;
}
