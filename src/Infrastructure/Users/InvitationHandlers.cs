using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Application.Users;
using Bsp.Domain.Common;
using Bsp.Domain.Plans;
using Bsp.Domain.Users;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Auth;
using Bsp.Infrastructure.Mail;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Users;

/// <summary>Invitations: the person begins to exist when they accept.</summary>
public sealed class InvitationHandlers(Shards shards, Passwords passwords, Entitlements entitlements, MailQueue mails, AuditLog audit,
    TimeProvider clock, IMediator mediator) : IRequestHandler<InviteUser, Done>, IRequestHandler<AcceptInvitation, UserView>
{
    public async Task<Done> Handle(InviteUser request, CancellationToken cancellationToken)
    {
        Roles.RequireReach(request.ActorRole, request.Role);
        var email = UserRules.Normalize(request.Email);
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        return await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, own) =>
        {
            if ((await directory.QueryAsync("SELECT 1 FROM bsp.directory_emails WHERE email = $1", r =>
                r.GetInt32(0), cancellationToken, email)).Count > 0)
            {
                throw UserRows.Taken();
            }

            await OneTimeTokens.PutAsync(directory, "invitation", request.TokenHash,
                new(request.OrganizationId, request.UserId, email, request.Role, request.FirstName, request.LastName, request.InvitedBy),
                clock.GetUtcNow(), TokenLives.Invitation, cancellationToken);
            if (request.Mailed is { } invitation)
            {
                await PersonMails.PutAsync(mails, own, request.OrganizationId, MailKinds.Invitation, request.UserId, email, invitation,
                    TokenLives.Invitation, cancellationToken);
            }

            await audit.NoteAsync(own, home, request.OrganizationId, "user.invited", "user", request.UserId, ["role"], cancellationToken);
            return new Done(request.UserId, 0);
        }, cancellationToken);
    }

    // The token is dropped only when the person is there: a crash in between lets them accept again. Their row's id decides between several
    // who hold the token.
    public async Task<UserView> Handle(AcceptInvitation request, CancellationToken cancellationToken)
    {
        var token = await OneTimeTokens.FindAsync(shards, "invitation", request.TokenHash, clock.GetUtcNow(), cancellationToken)
            ?? throw Unknown();
        var home = await shards.OfAsync(token.OrganizationId, cancellationToken);
        var hash = await passwords.HashAsync(request.Password, cancellationToken);
        await shards.InBothAsync(home, [token.OrganizationId], async (directory, own) =>
        {
            if (await OneTimeTokens.LockAsync(directory, request.TokenHash, cancellationToken) is not { } locked
                || !await OneTimeTokens.AskerReachesAsync(directory, locked, clock.GetUtcNow(), cancellationToken))
            {
                throw Unknown();
            }

            await RequireOrganizationAsync(directory, token.OrganizationId, cancellationToken);
            var user = new CreateUser(token.OrganizationId, token.UserId, token.Role, token.Email, null, request.FirstName
                ?? token.FirstName, request.LastName ?? token.LastName, null, null, token.Role, "active", null);
            await entitlements.RequireRoomAsync(own, token.OrganizationId, PlanFeatures.Users, cancellationToken);
            if (!await UserRows.InsertAsync(directory, own, user, hash, cancellationToken))
            {
                throw Unknown();
            }

            await audit.NoteAsync(own, home, token.OrganizationId, "user.invitation_accepted", "user", token.UserId, null,
                cancellationToken, token.UserId.ToString());
            return token.UserId;
        }, cancellationToken);
        await using var drop = shards.Directory.CreateCommand("DELETE FROM bsp.directory_tokens WHERE token_hash = $1");
        drop.Parameters.Add(new() { Value = request.TokenHash });
        await drop.ExecuteNonQueryAsync(cancellationToken);
        return await mediator.Send(new GetUser(token.OrganizationId, token.UserId), cancellationToken) ?? throw Unknown();
    }

    private static async Task RequireOrganizationAsync(TenantTransaction directory, Guid organizationId, CancellationToken ct)
    {
        if (await directory.QueryAsync("SELECT status FROM bsp.directory_organizations WHERE organization_id = $1", r =>
            r.GetString(0), ct, organizationId) is ["inactive"])
        {
            throw new Refusal("login.organization_inactive", "The organization is inactive.");
        }
    }

    private static Refusal Unknown() => new("invitation.unknown", "This token is none of ours, was used, or is too old: ask for another.");
}
