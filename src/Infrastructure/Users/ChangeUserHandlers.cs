using Bsp.Application.Common;
using Bsp.Application.Presence;
using Bsp.Application.Users;
using Bsp.Domain.Common;
using Bsp.Domain.Plans;
using Bsp.Domain.Users;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Auth;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Users;

/// <summary>
/// Changing and removing people. Changes of one organization's people go one after the other (its row is locked first), so that two admins
/// cannot remove each other at once; then the
/// person's row, then the directory's.
/// </summary>
public sealed class ChangeUserHandlers(Shards shards, SessionDirectory sessions, IPresence presence, Entitlements entitlements,
    AuditLog audit) : IRequestHandler<PatchUser, Done>, IRequestHandler<DeleteUser, Done>
{
    public async Task<Done> Handle(PatchUser request, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        Optional<string> email = request.Email.IsSet ? UserRules.Normalize(request.Email.Value) : default(Optional<string>);
        Optional<string?> phone = request.Phone.IsSet ? E164.Normalize(request.Phone.Value) : default(Optional<string?>);
        var patch = new RowPatch("users", request.Id).Set("email", email).Set("first_name", request.FirstName, "::text")
            .Set("last_name", request.LastName, "::text").Set("phone", phone, "::text")
            .Set("avatar_url", request.AvatarUrl, "::text").Set("role", request.Role).Set("status", request.Status);
        var (done, ended) = await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, own) =>
        {
            var before = await LockAsync(own, request.OrganizationId, request.Id, cancellationToken);
            var role = request.Role.IsSet ? request.Role.Value : before.Role;
            var status = request.Status.IsSet ? request.Status.Value : before.Status;
            Roles.RequireReach(request.ActorRole, before.Role, role);
            if (status == "active" && before.Status != "active")
            {
                await entitlements.RequireRoomAsync(own, request.OrganizationId, PlanFeatures.Users, cancellationToken);
            }

            await patch.MergeAsync(own, "preferences", request.Preferences, cancellationToken);
            await NameAsync(directory, request.Id, email, role, status, cancellationToken);
            var changed = await patch.RunAsync(own, request.SeenVersion, "user.unknown", cancellationToken);
            await RequireAnAdminAsync(own, request.OrganizationId, before, cancellationToken);
            var tokens = status == "active" ? [] : await SessionDirectory.EndAsync(directory, request.Id, null, null, cancellationToken);
            if (role != before.Role || status != "active" || email.IsSet)
            {
                // asked for by somebody who could reach them as they were
                await OneTimeTokens.DropAllAsync(directory, request.Id, cancellationToken);
            }

            if (status != "active")
            {
                await SecondFactorRows.DropChallengesAsync(directory, request.Id, cancellationToken);
            }

            if (status != "active" || !Roles.Reaches(role, "admin"))
            {
                await OneTimeTokens.DropAskedByAsync(directory, request.Id, cancellationToken);
            }

            if (patch.Changed.Count > 0)
            {
                await audit.NoteAsync(own, home, request.OrganizationId, "user.changed", "user", request.Id, patch.Changed,
                    cancellationToken);
            }

            return (changed, Ended: status == "active" ? null : tokens);
        }, cancellationToken);
        await AfterAsync(request.OrganizationId, request.Id, ended, cancellationToken);
        return done;
    }

    public async Task<Done> Handle(DeleteUser request, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var ended = await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, own) =>
        {
            var before = await LockAsync(own, request.OrganizationId, request.Id, cancellationToken);
            Roles.RequireReach(request.ActorRole, before.Role);
            await new RowPatch("users", request.Id).RunAsync(own, request.SeenVersion, "user.unknown", cancellationToken);
            await own.ExecuteAsync("DELETE FROM users WHERE id = $1", cancellationToken, request.Id);
            await RequireAnAdminAsync(own, request.OrganizationId, before, cancellationToken);
            await directory.ExecuteAsync("DELETE FROM bsp.directory_emails WHERE user_id = $1", cancellationToken, request.Id);
            await OneTimeTokens.DropAllAsync(directory, request.Id, cancellationToken);
            await OneTimeTokens.DropAskedByAsync(directory, request.Id, cancellationToken);
            await SecondFactorRows.DropAsync(directory, request.Id, cancellationToken);
            var tokens = await SessionDirectory.EndAsync(directory, request.Id, null, null, cancellationToken);
            await audit.NoteAsync(own, home, request.OrganizationId, "user.deleted", "user", request.Id, null, cancellationToken);
            return tokens;
        }, cancellationToken);
        await AfterAsync(request.OrganizationId, request.Id, ended, cancellationToken);
        return new(request.Id, 0);
    }

    // NO KEY: rows that refer to the organization may be written meanwhile.
    private static async Task<(string Role, string Status)> LockAsync(TenantTransaction own, Guid organizationId, Guid id,
        CancellationToken ct)
    {
        await own.QueryAsync("SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE", r => r.GetInt32(0), ct, organizationId);
        var found = await own.QueryAsync("SELECT role, status FROM users WHERE organization_id = $1 AND id = $2 FOR UPDATE", r =>
            (r.GetString(0), r.GetString(1)), ct, organizationId, id);
        return found is [var user] ? user : throw UserRows.Unknown();
    }

    private static async Task RequireAnAdminAsync(TenantTransaction own, Guid organizationId, (string Role, string Status) before,
        CancellationToken ct)
    {
        if (before is ("admin", "active")
            && (await own.QueryAsync("SELECT 1 FROM users WHERE organization_id = $1 AND role = 'admin' AND status = 'active' LIMIT 1",
                r => r.GetInt32(0), ct, organizationId)).Count == 0)
        {
            throw new Refusal("user.last_admin", "This is the organization's last active admin: make another one first.");
        }
    }

    private static async Task NameAsync(TenantTransaction directory, Guid id, Optional<string> email, string role, string status,
        CancellationToken ct)
    {
        try
        {
            await directory.ExecuteAsync(
                "UPDATE bsp.directory_emails SET role = $2, status = $3, email = coalesce($4, email) WHERE user_id = $1", ct, id, role,
                status,
                new NpgsqlParameter { Value = email.IsSet ? email.Value : DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });
        }
        catch (PostgresException taken) when (taken.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw UserRows.Taken();
        }
    }

    /// <param name="ended">Tokens of ended sessions; null: they are still active.</param>
    private async Task AfterAsync(Guid organizationId, Guid id, List<string>? ended, CancellationToken ct)
    {
        await sessions.ForgetAsync(ended ?? [], ct);
        if (ended is not null)
        {
            try
            {
                await presence.SetAsync(organizationId, id, "offline", ct);
            }
            catch (StoreUnavailable)
            {
                // Redis is away: whoever does not speak again is offline within 90 s anyway
            }
        }
    }
}
