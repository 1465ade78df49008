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
public sealed class SessionDirectory(Shards shards, SessionCopies copies, TimeProvider clock) : ISessions, IDisposable
{
    private readonly ShortMemory<Stored> remembered = new("sessions", hash => LoadAsync(shards, copies, hash));

    public async ValueTask<KnownSession?> FindAsync(string tokenHash, CancellationToken ct) =>
        await remembered.FindAsync(tokenHash, ct) is { } stored && stored.ExpiresAt > clock.GetUtcNow() ? stored.Session : null;

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

    private static async Task<Stored?> LoadAsync(Shards shards, SessionCopies copies, string tokenHash)
    {
        await using var command = shards.Directory.CreateCommand("""
            SELECT s.user_id, s.organization_id, e.role, o.status, s.expires_at FROM bsp.directory_sessions s
              JOIN bsp.directory_emails e ON e.user_id = s.user_id AND e.status = 'active' JOIN bsp.directory_organizations o ON o.organization_id = s.organization_id WHERE s.token_hash = $1
            """);
        command.Parameters.Add(new() { Value = tokenHash });
        Stored stored;
        await using (var reader = await command.ExecuteReaderAsync())
        {
            if (!await reader.ReadAsync())
            {
                return null;
            }

            stored = new(new(reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2), reader.GetString(3), tokenHash),
                reader.GetFieldValue<DateTimeOffset>(4));
        }

        // Redis may have been wiped since: its copy is put back, without anybody waiting for it.
        _ = copies.PutAsync(tokenHash, new(stored.Session.UserId, stored.Session.OrganizationId, stored.ExpiresAt));
        return stored;
    }

    private sealed record Stored(KnownSession Session, DateTimeOffset ExpiresAt);
}
