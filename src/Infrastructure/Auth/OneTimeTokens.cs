using Bsp.Domain.Users;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Auth;

/// <summary>An invitation or a reset that still works.</summary>
/// <param name="Role">Of an invitation: the role that it gives; of a reset: the role that its person had.</param>
/// <param name="AskedBy">Who handed it out: <c>user:id</c>, <c>key:id</c>, <c>platform</c>; null: made before this was kept.</param>
internal sealed record OneTimeToken(Guid OrganizationId, Guid UserId, string Email, string Role, string? FirstName, string? LastName,
    string? AskedBy);

/// <summary>Rows of <c>bsp.directory_tokens</c>.</summary>
internal static class OneTimeTokens
{
    /// <summary>
    /// Puts a token in place of an earlier one of the same kind for the same e-mail, and forgets those of the organization that are too
    /// old.
    /// </summary>
    public static async Task PutAsync(TenantTransaction directory, string kind, string tokenHash, OneTimeToken token, DateTimeOffset now,
        TimeSpan life, CancellationToken ct)
    {
        await directory.ExecuteAsync("DELETE FROM bsp.directory_tokens WHERE organization_id = $1 AND expires_at <= $2", ct,
            token.OrganizationId, now.UtcDateTime);
        await directory.ExecuteAsync("""
            INSERT INTO bsp.directory_tokens (token_hash, kind, organization_id, user_id, email, role, first_name, last_name, invited_by, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (kind, organization_id, email) DO UPDATE SET token_hash = excluded.token_hash, user_id = excluded.user_id, role = excluded.role,
              first_name = excluded.first_name, last_name = excluded.last_name, invited_by = excluded.invited_by, created_at = now(), expires_at = excluded.expires_at
            """, ct, tokenHash, kind, token.OrganizationId, token.UserId, token.Email, token.Role, token.FirstName, token.LastName, token.AskedBy, (now + life).UtcDateTime);
    }

    /// <summary>Looks without using it up; null: none, used, or too old.</summary>
    public static async Task<OneTimeToken?> FindAsync(Shards shards, string kind, string tokenHash, DateTimeOffset now,
        CancellationToken ct)
    {
        await using var command =
            shards.Directory.CreateCommand(
                $"SELECT {Columns} FROM bsp.directory_tokens WHERE token_hash = $1 AND kind = $2 AND expires_at > $3");
        Tenancy.Bind(command.Parameters, [tokenHash, kind, now.UtcDateTime]);
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? Row(reader) : null;
    }

    /// <summary>Locks it until the transaction ends; null: somebody used it up meanwhile.</summary>
    public static async Task<OneTimeToken?> LockAsync(TenantTransaction directory, string tokenHash, CancellationToken ct) =>
        (await directory.QueryAsync($"SELECT {Columns} FROM bsp.directory_tokens WHERE token_hash = $1 FOR UPDATE", Row, ct, tokenHash))
        .FirstOrDefault();

    /// <summary>Ends whatever is open for a person.</summary>
    public static Task<int> DropAllAsync(TenantTransaction directory, Guid userId, CancellationToken ct) =>
        directory.ExecuteAsync("DELETE FROM bsp.directory_tokens WHERE user_id = $1", ct, userId);

    /// <summary>
    /// Ends what a person handed out to others: their right to, or the password behind it, is gone, and does not come back to what was
    /// handed out before.
    /// </summary>
    public static Task<int> DropAskedByAsync(TenantTransaction directory, Guid userId, CancellationToken ct) =>
        directory.ExecuteAsync("DELETE FROM bsp.directory_tokens WHERE invited_by = $1", ct, $"user:{userId}");

    /// <summary>Ends whatever is open in an organization.</summary>
    public static Task<int> DropOfAsync(TenantTransaction directory, Guid organizationId, CancellationToken ct) =>
        directory.ExecuteAsync("DELETE FROM bsp.directory_tokens WHERE organization_id = $1", ct, organizationId);

    /// <summary>
    /// The right of who handed it out must outlive the token: a person who is active and still acts for the organization, or a key that
    /// works, with a role that still reaches the token's.
    /// </summary>
    public static async Task<bool> AskerReachesAsync(TenantTransaction directory, OneTimeToken token, DateTimeOffset now,
        CancellationToken ct)
    {
        if (token.AskedBy?.Split(':') is not [var kind, var id])
        {
            return true; // the platform, or made before it was kept
        }

        var roles = kind == "user"
            ? await directory.QueryAsync(
                "SELECT role FROM bsp.directory_emails WHERE user_id = $1 AND status = 'active' AND (organization_id = $2 OR role = 'super_admin')", r => r.GetString(0), ct, Guid.Parse(id), token.OrganizationId)
            : await directory.QueryAsync(
                "SELECT permissions FROM bsp.directory_keys WHERE key_id = $1 AND organization_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)", r => r.GetString(0), ct,
                Guid.Parse(id), token.OrganizationId, now.UtcDateTime);
        return roles is [var role] && (kind == "user" ? Roles.Reaches(role, "admin") : role == "admin") && Roles.Reaches(role, token.Role);
    }

    /// <summary>Uses it up.</summary>
    public static Task<int> DropAsync(TenantTransaction directory, string tokenHash, CancellationToken ct) =>
        directory.ExecuteAsync("DELETE FROM bsp.directory_tokens WHERE token_hash = $1", ct, tokenHash);

    private const string Columns = "organization_id, user_id, email, role, first_name, last_name, invited_by";

    private static OneTimeToken Row(Npgsql.NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetGuid(1), r.GetString(2), r.GetString(3), r.TextOrNull(4), r.TextOrNull(5), r.TextOrNull(6));
}
