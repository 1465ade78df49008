using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Bsp.Application.Webhooks;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Webhooks;

/// <inheritdoc cref="IOrganizationApps"/>
public sealed class OrganizationApps(Shards shards, ISecrets secrets, TimeProvider clock) : IOrganizationApps, IDisposable
{
    // Anybody may name any id: so many look-ups of unknown ones at once, so that the connections stay with those who are known.
    private const int StrangersAtOnce = 2;
    private const long BytesMax = 8 * 1024 * 1024;
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan StrangersWait = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim strangers = new(StrangersAtOnce, StrangersAtOnce);
    private readonly BoundedCache<Guid, OrganizationApp> cache =
        new("organization_apps", BytesMax, (_, app) => 128 + (2 * ((app.Secret?.Length ?? 0) + (app.VerifyToken?.Length ?? 0))), clock);

    /// <summary>What it takes.</summary>
    public IBoundedMemory Memory => cache;

    public async ValueTask<OrganizationApp> FindAsync(Guid organizationId, CancellationToken ct)
    {
        if (cache.TryGet(organizationId, out var known))
        {
            return known;
        }

        var shard = await HomeAsync(organizationId, ct);
        var app = await shard.FirstAsync(organizationId, "SELECT meta_app_secret, webhook_verify_token FROM organizations WHERE id = $1",
            r => new OrganizationApp(Usable(r.IsDBNull(0) ? null : secrets.Open(r.GetString(0))),
                Usable(r.IsDBNull(1) ? null : secrets.Open(r.GetString(1)))), ct, organizationId)
            ?? new OrganizationApp(null, null);
        cache.Put(organizationId, app, Freshness);
        return app;
    }

    public void Dispose() => strangers.Dispose();

    private async ValueTask<Shard> HomeAsync(Guid organizationId, CancellationToken ct)
    {
        if (shards.Knows(organizationId))
        {
            return await shards.OfAsync(organizationId, ct);
        }

        if (!await strangers.WaitAsync(StrangersWait, ct))
        {
            throw new Busy("Too many ask for organizations that are not known here: try again.");
        }

        try
        {
            return await shards.OfAsync(organizationId, ct);
        }
        finally
        {
            strangers.Release();
        }
    }

    // Stored before it was judged: an empty or short one can be guessed, so it verifies nothing.
    private static string? Usable(string? secret) => SecretText.IsShared(secret) ? secret : null;
}
