using System.Text.Json;
using System.Threading.Channels;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Idempotency;

/// <summary>Claims live where the organization's work is committed; those of the platform's own routes in the directory.</summary>
public sealed class IdempotencyKeys(Shards shards, BodyMacs macs, TimeProvider clock) : IIdempotencyKeys
{
    private const int PurgedMax = 10_000;
    private const int LateMax = 10_000;
    private static readonly TimeSpan LateEvery = TimeSpan.FromMilliseconds(200);

    [Bounded("10,000 entries of 128 bytes; what comes beyond is dropped")]
    private readonly Channel<Release> late =
        Channel.CreateBounded<Release>(new BoundedChannelOptions(LateMax) { FullMode = BoundedChannelFullMode.DropWrite,
            SingleReader = true });

    private sealed record Release(Guid OrganizationId, IdempotencyClaim Claim, bool Refused, long Since);

    // Whose claim is found may be taken over when its lease ended without the work being done; the row lock decides between several who
    // try.
    private const string Claim = """
        WITH fresh AS (
          INSERT INTO bsp.idempotency_keys (claim_id, organization_id, caller, route, key, body_sha256, resource_id, leased_until)
          VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8)
          ON CONFLICT (organization_id, caller, route, key) DO UPDATE SET leased_until = now() + $8, attempt = bsp.idempotency_keys.attempt + 1
            WHERE bsp.idempotency_keys.leased_until < now() AND NOT bsp.idempotency_keys.work_done AND bsp.idempotency_keys.body_sha256 = ANY ($9)
          RETURNING claim_id, resource_id, attempt)
        SELECT claim_id, resource_id, attempt FROM fresh
        """;

    private const string Find = """
        SELECT claim_id, resource_id, body_sha256, work_done, status, body, headers::text, attempt FROM bsp.idempotency_keys
        WHERE organization_id = $1 AND caller = $2 AND route = $3 AND key = $4
        """;

    public async Task<ClaimAttempt> ClaimAsync(ClaimRequest request, CancellationToken ct)
    {
        var home = await HomeAsync(request.OrganizationId, ct);
        var claimed = await ClaimAsync(home, request, ct);
        if (claimed is [var claim])
        {
            return new(ClaimState.Claimed, claim, null);
        }

        var found = await home.QueryAsync(request.OrganizationId, Find, r =>
            Found(r, macs.AllOf(request.BodySha256)), ct, request.OrganizationId, request.Caller, request.Route, request.Key);
        return found.FirstOrDefault() ?? new(ClaimState.InFlight, null, null); // released between the two statements: the client asks again
    }

    // An answer that was lost may have left a claim that nobody knows of: nothing was done under it.
    private async Task<List<IdempotencyClaim>> ClaimAsync(Shard home, ClaimRequest request, CancellationToken ct)
    {
        var fresh = new IdempotencyClaim(Uuid.New(), Uuid.New(), WorkDone: false);
        try
        {
            return await home.QueryAsync(request.OrganizationId, Claim, r =>
                new IdempotencyClaim(r.GetGuid(0), r.GetGuid(1), WorkDone: false, r.GetInt32(2)), ct,
                fresh.ClaimId, request.OrganizationId, request.Caller, request.Route, request.Key, macs.Of(request.BodySha256),
                fresh.ResourceId, IIdempotencyKeys.Lease, macs.AllOf(request.BodySha256));
        }
        catch
        {
            late.Writer.TryWrite(new(request.OrganizationId, fresh, Refused: true, clock.GetTimestamp()));
            throw;
        }
    }

    public Task RenewAsync(Guid organizationId, IdempotencyClaim claim, CancellationToken ct) =>
        RunAsync(organizationId, "UPDATE bsp.idempotency_keys SET leased_until = now() + $2 WHERE claim_id = $1 AND attempt = $3", ct,
            claim.ClaimId, IIdempotencyKeys.Lease, claim.Attempt);

    public Task FinishAsync(Guid organizationId, Guid claimId, StoredAnswer? answer, CancellationToken ct) => answer is null
        ? RunAsync(organizationId, "UPDATE bsp.idempotency_keys SET work_done = true WHERE claim_id = $1", ct, claimId)
        : RunAsync(organizationId,
            "UPDATE bsp.idempotency_keys SET work_done = true, status = $2, body = $3, headers = $4 WHERE claim_id = $1", ct,
            claimId, answer.Status, answer.Body,
            new NpgsqlParameter { Value = JsonSerializer.Serialize(answer.Headers), NpgsqlDbType = NpgsqlDbType.Jsonb });

    public async Task ReleaseAsync(Guid organizationId, IdempotencyClaim claim, bool refused)
    {
        var release = new Release(organizationId, claim, refused, clock.GetTimestamp());
        try
        {
            await CarryOutAsync(release, CancellationToken.None);
        }
        catch (Exception)
        {
            // Whatever it was, it must not take the place of the request's own answer.
            late.Writer.TryWrite(release); // no room, or it never succeeds: its lease ends by itself
        }
    }

    /// <summary>Of releases that found no PostgreSQL: each is tried until it works or the lease has ended.</summary>
    internal async Task ReleaseLateAsync(CancellationToken ct)
    {
        await foreach (var release in late.Reader.ReadAllAsync(ct))
        {
            while (clock.GetElapsedTime(release.Since) < IIdempotencyKeys.Lease)
            {
                try
                {
                    await CarryOutAsync(release, ct);
                    break;
                }
                catch (Exception) when (!ct.IsCancellationRequested) // of any kind: the others wait behind it
                {
                    await Task.Delay(LateEvery, clock, ct);
                }
            }
        }
    }

    // Not refused: the row stays, so that whoever comes next uses the same id for the resource, should a transaction of the former still be
    // at it.
    private Task CarryOutAsync(Release release, CancellationToken ct) => RunAsync(release.OrganizationId, release.Refused
        ? "DELETE FROM bsp.idempotency_keys WHERE claim_id = $1 AND attempt = $2 AND NOT work_done"
        : "UPDATE bsp.idempotency_keys SET leased_until = least(leased_until, now() - interval '1 microsecond') WHERE claim_id = $1 AND attempt = $2 AND NOT work_done", ct, release.Claim.ClaimId, release.Claim.Attempt);

    public async Task<int> PurgeAsync(DateTimeOffset before, CancellationToken ct)
    {
        await using var list = shards.Directory.CreateCommand("SELECT organization_id FROM bsp.directory_organizations ORDER BY 1");
        var organizations = new List<Guid> { Guid.Empty };
        await using (var reader = await list.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct))
            {
                organizations.Add(reader.GetGuid(0));
            }
        }

        var purged = 0;
        foreach (var chunk in organizations.Chunk(1_000))
        {
            foreach (var home in shards.All.Append(DirectoryHome))
            {
                purged += (await home.QueryAsync(chunk, """
                    DELETE FROM bsp.idempotency_keys WHERE claim_id IN (SELECT claim_id FROM bsp.idempotency_keys WHERE created_at < $1 LIMIT $2) RETURNING 1
                    """, _ => 1, ct, before, PurgedMax)).Count;
            }
        }

        return purged;
    }

    private Shard DirectoryHome { get; } = shards.DirectoryHome();

    private async ValueTask<Shard> HomeAsync(Guid organizationId, CancellationToken ct) =>
        organizationId == Guid.Empty ? DirectoryHome : await shards.OfAsync(organizationId, ct);

    private async Task RunAsync(Guid organizationId, string sql, CancellationToken ct, params object?[] arguments) =>
        await (await HomeAsync(organizationId, ct)).QueryAsync(organizationId, sql, _ => 0, ct, arguments);

    private static ClaimAttempt Found(NpgsqlDataReader row, string[] bodies)
    {
        var claim = new IdempotencyClaim(row.GetGuid(0), row.GetGuid(1), row.GetBoolean(3), row.GetInt32(7));
        if (!bodies.Contains(row.GetString(2)))
        {
            return new(ClaimState.OtherBody, null, null);
        }

        if (!row.IsDBNull(4))
        {
            var headers = row.IsDBNull(6) ? [] : JsonSerializer.Deserialize<Dictionary<string, string>>(row.GetString(6))!;
            return new(ClaimState.Answered, claim, new(row.GetInt32(4), row.IsDBNull(5) ? [] : row.GetFieldValue<byte[]>(5), headers));
        }

        return claim.WorkDone ? new(ClaimState.WorkDone, claim, null) : new(ClaimState.InFlight, null, null);
    }
}
