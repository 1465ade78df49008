using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.Privacy;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>An endpoint as whoever delivers to it needs it.</summary>
/// <param name="Keys">The secrets that sign, the present one first.</param>
internal sealed record Endpoint(Guid Id, Guid OrganizationId, Uri Url, IReadOnlyList<byte[]> Keys,
    IReadOnlyDictionary<string, string> Headers, IReadOnlyList<string> Events, bool Thin, IReadOnlyList<Guid> AccountIds,
    IReadOnlyList<Guid> CampaignIds, int? RatePerSecond, int Concurrency);

/// <summary>An endpoint whose cursor this process holds.</summary>
/// <param name="May"><c>active</c>, or <c>creator</c>: whoever stood behind it no longer may.</param>
/// <param name="Term">Fences: what is written under an older one is not written.</param>
internal sealed record ClaimedWebhook(Endpoint? Endpoint, Guid Id, Guid OrganizationId, string May, int Epoch, long Sequence, long Term,
    int Failures, DateTimeOffset? FirstFailedAt, int HeldKeys, long Version);

/// <summary>Rows of <c>webhooks</c> as endpoints, and the claiming of cursors.</summary>
internal sealed class WebhookClaims(ISecrets secrets, TimeProvider clock)
{
    /// <summary>For how long a cursor is one process's: killed, another takes it up after that.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    public async Task<List<ClaimedWebhook>> ClaimAsync(Shard shard, Guid owner, int limit, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        return await shard.QueryAsync(Array.Empty<Guid>(), "SELECT * FROM bsp.claim_webhooks($1, $2, $3, $4)", Claimed, ct, owner, now,
            now + Lease, limit);
    }

    /// <summary>Puts the leases off of those that are still this process's and may be; who is not answered stops.</summary>
    /// <returns>For how long each is, and up to where there is news in the log.</returns>
    public async Task<Dictionary<Guid, (TimeSpan Left, long Woken)>> KeepAsync(Shard shard, Guid owner,
        IReadOnlyCollection<ClaimedWebhook> claims, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        return (await shard.QueryAsync(Array.Empty<Guid>(),
            "SELECT kept_id, kept_until, kept_woken FROM bsp.keep_webhooks($1, $2, $3, $4, $5, $6)",
            r => (Id: r.GetGuid(0), Left: r.GetFieldValue<DateTimeOffset>(1) - now, Woken: r.GetInt64(2)), ct,
            owner, claims.Select(c => c.Id).ToArray(), claims.Select(c => c.Term).ToArray(), claims.Select(c => c.Version).ToArray(), now,
            now + Lease)).ToDictionary(k => k.Id, k => (k.Left, k.Woken));
    }

    /// <summary>A cursor is still this owner's, under this term, and may be told: asked before each read of the log.</summary>
    public static async Task<bool> HoldsAsync(Shard shard, Guid owner, ClaimedWebhook claim, DateTimeOffset now,
        CancellationToken ct) =>
        (await shard.QueryAsync(claim.OrganizationId, """
            SELECT bsp.webhook_may(c.webhook_id, $4) = 'active' FROM bsp.webhook_cursors c
             WHERE c.webhook_id = $1 AND c.owner = $2 AND c.term = $3
            """, r => r.GetBoolean(0), ct, claim.Id, owner, claim.Term, now)) is [true];

    /// <summary>One endpoint, for a delivery outside of the cursor; null: there is none in this organization.</summary>
    public Task<Endpoint?> FindAsync(Shard shard, Guid organizationId, Guid id, CancellationToken ct) =>
        shard.FirstAsync(organizationId, """
        SELECT id, organization_id, 'active', url, secret, previous_secret, previous_secret_until, headers, events::text, payload, api_version, account_ids, campaign_ids, rate_per_second, concurrency
          FROM webhooks WHERE organization_id = $1 AND id = $2
        """, Endpoint, ct, organizationId, id);

    private ClaimedWebhook Claimed(NpgsqlDataReader r)
    {
        Endpoint? endpoint;
        try
        {
            endpoint = Endpoint(r);
        }
        catch (Exception fault)
            when (fault is InvalidOperationException or FormatException or JsonException or UriFormatException or System.Security.Cryptography.CryptographicException)
        {
            // sealed under a key that this process does not have, or a row that somebody wrote by hand: this endpoint's trouble alone
            endpoint = null;
        }

        return new(endpoint, r.GetGuid(0), r.GetGuid(1), r.GetString(2), r.GetInt32(15), r.GetInt64(16), r.GetInt64(17), r.GetInt32(18),
            r.TimeOrNull(19), r.GetInt32(20), r.GetInt64(21));
    }

    private Endpoint Endpoint(NpgsqlDataReader r)
    {
        var keys = new List<byte[]> { StandardWebhooks.KeyOf(secrets.Open(r.GetString(4))) };
        if (r.TextOrNull(5) is { } before && r.TimeOrNull(6) > clock.GetUtcNow())
        {
            keys.Add(StandardWebhooks.KeyOf(secrets.Open(before)));
        }

        return new(r.GetGuid(0), r.GetGuid(1), new(r.GetString(3)), keys, Headers(r.TextOrNull(7)),
            JsonSerializer.Deserialize<List<string>>(r.GetString(8))!, r.GetString(9) == "thin",
            r.GetFieldValue<Guid[]>(11), r.GetFieldValue<Guid[]>(12), r.IsDBNull(13) ? null : r.GetInt32(13), r.GetInt32(14));
    }

    public IReadOnlyDictionary<string, string> Headers(string? sealedHeaders) =>
        sealedHeaders is null ? new Dictionary<string, string>()
        : JsonSerializer.Deserialize<Dictionary<string, string>>(secrets.Open(sealedHeaders))!;
}
