using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Domain.Users;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Users;

/// <summary>Invitations that nobody has accepted yet.</summary>
public sealed class OpenInvitations(Shards shards, AuditLog audit, TimeProvider clock)
    : IRequestHandler<ListInvitations, Page<InvitationView>>, IRequestHandler<WithdrawInvitation, Done>
{
    public async Task<Page<InvitationView>> Handle(ListInvitations request, CancellationToken cancellationToken)
    {
        await using var command = shards.Directory.CreateCommand("""
            SELECT user_id, email, role, first_name, last_name, created_at, expires_at, invited_by FROM bsp.directory_tokens
             WHERE organization_id = $1 AND kind = 'invitation' AND expires_at > $2 AND user_id > $3 ORDER BY user_id LIMIT $4
            """);
        Tenancy.Bind(command.Parameters, [request.OrganizationId, clock.GetUtcNow().UtcDateTime, Keyset.After(request.Cursor),
            request.Limit + 1]);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<InvitationView>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(Row(reader));
        }

        return Keyset.Of(rows, request.Limit, invitation => invitation.Id);
    }

    public async Task<Done> Handle(WithdrawInvitation request, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        return await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, own) =>
        {
            var roles = await directory.QueryAsync("""
                SELECT role FROM bsp.directory_tokens WHERE organization_id = $1 AND kind = 'invitation' AND user_id = $2 FOR UPDATE
                """, r => r.GetString(0), cancellationToken, request.OrganizationId, request.Id);
            if (roles is not [var role])
            {
                throw new Refusal("invitation.unknown", "There is no such invitation: it was accepted, withdrawn, or is too old.");
            }

            Roles.RequireReach(request.ActorRole, role);
            await directory.ExecuteAsync(
                "DELETE FROM bsp.directory_tokens WHERE organization_id = $1 AND kind = 'invitation' AND user_id = $2", cancellationToken,
                request.OrganizationId, request.Id);
            await audit.NoteAsync(own, home, request.OrganizationId, "user.invitation_withdrawn", "user", request.Id, null,
                cancellationToken);
            return new Done(request.Id, 0);
        }, cancellationToken);
    }

    private static InvitationView Row(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetString(1), r.GetString(2), r.TextOrNull(3), r.TextOrNull(4), r.GetFieldValue<DateTimeOffset>(5),
            r.GetFieldValue<DateTimeOffset>(6), r.TextOrNull(7));
}
