using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Bsp.Application.Webhooks;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Webhooks;

/// <inheritdoc cref="IOrganizationApps"/>
public sealed class OrganizationApps(Shards shards, ISecrets secrets, TimeProvider clock) : IOrganizationApps
{
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(2);
    private readonly ConcurrentDictionary<Guid, (OrganizationApp App, DateTimeOffset Until)> cache = new();

    public async ValueTask<OrganizationApp> FindAsync(Guid organizationId, CancellationToken ct)
    {
        if (cache.TryGetValue(organizationId, out var entry) && entry.Until > clock.GetUtcNow())
        {
            return entry.App;
        }

        var shard = await shards.OfAsync(organizationId, ct);
        var app = await shard.FirstAsync(organizationId, "SELECT meta_app_secret, webhook_verify_token FROM organizations WHERE id = $1",
            r => new OrganizationApp(Usable(r.IsDBNull(0) ? null : secrets.Open(r.GetString(0))), Usable(r.IsDBNull(1) ? null : secrets.Open(r.GetString(1)))), ct, organizationId)
            ?? new OrganizationApp(null, null);
        cache[organizationId] = (app, clock.GetUtcNow() + Freshness);
        return app;
    }

    // Stored before it was judged: an empty or short one can be guessed, so it verifies nothing.
    private static string? Usable(string? secret) => SecretText.IsShared(secret) ? secret : null;
}
