namespace Bsp.Application.ApiKeys;

/// <summary>Whether something belongs to one WhatsApp account: what a restricted key may touch.</summary>
public interface IAccountScope
{
    /// <param name="kind">First part of the route below <c>/v1</c>: <c>accounts</c>, <c>templates</c>, <c>campaigns</c>,
    /// <c>conversations</c>, <c>messages</c>.</param>
    /// <returns>False also when there is no such thing.</returns>
    Task<bool> HoldsAsync(Guid organizationId, Guid accountId, string kind, Guid id, CancellationToken ct);
}
