using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Auth;

/// <summary>
/// Sessions by the hash of their token from <c>bsp.directory_sessions</c>, with their person's role and status of the moment, remembered
/// for less than a second.
/// </summary>
public sealed class SessionDirectory(Shards shards, SessionCopies copies, BspOptions options, TimeProvider clock)
    : ISessions, IDisposable
{
    private const int PurgedMax = 1_000;
    private readonly ShortMemory<Stored> remembered = new("sessions", hash => LoadAsync(shards, copies, options, hash));

    public async ValueTask<KnownSession?> FindAsync(string tokenHash, CancellationToken ct) =>
        await remembered.FindAsync(tokenHash, ct) is { } stored && stored.ExpiresAt > clock.GetUtcNow() ? stored.Session : null;

    // Several of this moment write the same; what is remembered is at most a second behind.
    public async ValueTask UsedAsync(KnownSession session, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (!session.Cookie || session.ExpiresAt - now > ISessions.Life - ISessions.NotedEvery)
        {
            return;
        }

        await using var command = shards.Directory.CreateCommand("""
            UPDATE bsp.directory_sessions SET expires_at = least($2, ends_at), last_seen_at = $3
             WHERE token_hash = $1 AND expires_at > $3 AND expires_at < least($4, ends_at)
            """);
        Tenancy.Bind(command.Parameters, [session.TokenHash, (now + ISessions.Life).UtcDateTime, now.UtcDateTime,
            (now + ISessions.Life - ISessions.NotedEvery).UtcDateTime]);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Forgets sessions and challenges that are over; how many.</summary>
    public async Task<int> PurgeAsync(CancellationToken ct)
    {
        var gone = 0;
        foreach (var table in new[] { "bsp.directory_sessions", "bsp.directory_challenges" })
        {
            for (var page = PurgedMax; page == PurgedMax; gone += page)
            {
                await using var command = shards.Directory.CreateCommand($"""
                    DELETE FROM {table} WHERE token_hash IN (
                      SELECT token_hash FROM {table} WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)
                    """);
                Tenancy.Bind(command.Parameters, [clock.GetUtcNow().UtcDateTime, PurgedMax]);
                page = await command.ExecuteNonQueryAsync(ct);
            }
        }

        return gone;
    }

    /// <summary>Asks the database again for every session: one was ended, or somebody changed, in this process.</summary>
    public void Forget() => remembered.Forget();

    /// <summary>What the remembered ones take.</summary>
    public IBoundedMemory Memory => remembered.Memory;

    public void Dispose() => remembered.Dispose();

    /// <summary>
    /// Ends sessions of a person inside a transaction on the directory. Afterwards, when it is committed: <see cref="ForgetAsync"/>.
    /// </summary>
    /// <param name="only">Null: all.</param>
    /// <param name="except">Null: none.</param>
    /// <returns>Hashes of their tokens.</returns>
    internal static Task<List<string>> EndAsync(TenantTransaction directory, Guid userId, string? only, string? except,
        CancellationToken ct) => directory.QueryAsync(
        "DELETE FROM bsp.directory_sessions WHERE user_id = $1 AND ($2::text IS NULL OR token_hash = $2) AND token_hash IS DISTINCT FROM $3 RETURNING token_hash", r => r.GetString(0), ct, userId, only, except);

    /// <summary>Forgets ended sessions here and in Redis.</summary>
    internal async Task ForgetAsync(IReadOnlyCollection<string> tokenHashes, CancellationToken ct)
    {
        Forget();
        await copies.EndAsync(tokenHashes, ct);
    }

    private static async Task<Stored?> LoadAsync(Shards shards, SessionCopies copies, BspOptions options, string tokenHash)
    {
        await using var command = shards.Directory.CreateCommand("""
            SELECT s.user_id, s.organization_id, e.role, o.status, s.expires_at, s.kind = 'cookie',
                   (e.role = ANY (o.second_factor_roles) OR e.role = ANY ($2)) AND NOT EXISTS (
                     SELECT FROM bsp.directory_second_factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL)
              FROM bsp.directory_sessions s JOIN bsp.directory_emails e ON e.user_id = s.user_id AND e.status = 'active'
              JOIN bsp.directory_organizations o ON o.organization_id = s.organization_id WHERE s.token_hash = $1
            """);
        Tenancy.Bind(command.Parameters, [tokenHash, options.SecondFactorRoles.ToArray()]);
        Stored stored;
        await using (var reader = await command.ExecuteReaderAsync())
        {
            if (!await reader.ReadAsync())
            {
                return null;
            }

            var ends = reader.GetFieldValue<DateTimeOffset>(4);
            stored = new(new(reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2), reader.GetString(3), tokenHash)
            {
                ExpiresAt = ends, Cookie = reader.GetBoolean(5), MustEnrol = reader.GetBoolean(6),
            }, ends);
        }

        // Redis may have been wiped since: its copy is put back, without anybody waiting for it.
        _ = copies.PutAsync(tokenHash, new(stored.Session.UserId, stored.Session.OrganizationId, stored.ExpiresAt));
        return stored;
    }

    private sealed record Stored(KnownSession Session, DateTimeOffset ExpiresAt);
}
