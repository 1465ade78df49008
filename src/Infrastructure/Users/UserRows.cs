using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Users;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Users;

/// <summary>Statements on <c>users</c> and <c>bsp.directory_emails</c>, which makes e-mails unique everywhere.</summary>
internal static class UserRows
{
    public const string Columns = """
        id, organization_id, email, first_name, last_name, phone, avatar_url, role, status, password_hash IS NOT NULL, last_login, preferences::text, created_at, updated_at, row_version
        """;

    /// <summary>Names the person in the directory and makes their row.</summary>
    /// <returns>False: there is a row with this id already.</returns>
    /// <exception cref="Refusal"><c>user.email_taken</c></exception>
    public static async Task<bool> InsertAsync(TenantTransaction directory, TenantTransaction own, CreateUser user, string? passwordHash,
        CancellationToken ct)
    {
        // The same person: the directory's half of an earlier try that died before the shard's half.
        var named = await directory.ExecuteAsync("""
            INSERT INTO bsp.directory_emails AS e (email, organization_id, user_id, role, status) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (email) DO UPDATE SET role = excluded.role, status = excluded.status WHERE e.user_id = excluded.user_id AND e.organization_id = excluded.organization_id
            """, ct, UserRules.Normalize(user.Email), user.OrganizationId, user.UserId, user.Role, user.Status);
        if (named == 0)
        {
            throw Taken();
        }

        return await own.ExecuteAsync("""
            INSERT INTO users (id, organization_id, email, password_hash, first_name, last_name, phone, avatar_url, role, status, preferences) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb)
            ON CONFLICT (id) DO NOTHING
            """, ct, user.UserId, user.OrganizationId, UserRules.Normalize(user.Email), passwordHash, user.FirstName, user.LastName, E164.Normalize(user.Phone), user.AvatarUrl,
            user.Role, user.Status, user.Preferences is { ValueKind: JsonValueKind.Object } preferences ? preferences.GetRawText()
            : "{}") == 1;
    }

    public static Refusal Taken() => new("user.email_taken", "Somebody has this e-mail already, here or in another organization.");

    public static Refusal Unknown() => new("user.unknown", "There is no such user.");

    public static UserView Row(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetGuid(1), r.GetString(2), r.TextOrNull(3), r.TextOrNull(4), r.TextOrNull(5), r.TextOrNull(6), r.GetString(7),
            r.GetString(8),
        r.GetBoolean(9), r.TimeOrNull(10), r.Json(11), r.GetFieldValue<DateTimeOffset>(12), r.GetFieldValue<DateTimeOffset>(13),
        r.GetInt64(14));
}
