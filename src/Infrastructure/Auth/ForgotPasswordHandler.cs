using System.Diagnostics;
using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Application.Users;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Mail;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Auth;

/// <summary>
/// A link to who forgot their password. Whether the e-mail is known shows in nothing: one record on an audit trail either way, the same
/// answer, and no answer before <see cref="AnswersAfter"/>, which covers what a known one costs. At most a link in two minutes and
/// five a day go to anybody, whoever asks and from wherever.
/// </summary>
public sealed class ForgotPasswordHandler(Shards shards, LoginGate gate, SessionStarter starter, MailQueue mails, AuditLog audit,
    TimeProvider clock) : IRequestHandler<ForgotPassword>
{
    /// <summary>Least time of an answer.</summary>
    public static readonly TimeSpan AnswersAfter = TimeSpan.FromMilliseconds(250);

    private const int ADayMax = 5;
    private static readonly TimeSpan Apart = TimeSpan.FromMinutes(2);

    public async Task<Unit> Handle(ForgotPassword request, CancellationToken cancellationToken)
    {
        mails.RequireConfigured();
        var began = Stopwatch.GetTimestamp();
        var email = UserRules.Normalize(request.Email);
        await gate.EnterAsync("forgot\n" + email, CurrentRequest.Value?.RemoteAddress, cancellationToken);
        var person = await starter.FindAsync(email, null, cancellationToken);
        if (person is { Status: "active", OrganizationStatus: not "inactive" })
        {
            await AskAsync(person, request.Token, cancellationToken);
        }
        else
        {
            await NobodyAsync(cancellationToken);
        }

        var left = AnswersAfter - Stopwatch.GetElapsedTime(began);
        if (left > TimeSpan.Zero)
        {
            await Task.Delay(left, cancellationToken);
        }

        return Unit.Value;
    }

    private async Task AskAsync(KnownPerson person, SecretToken token, CancellationToken ct)
    {
        var home = await shards.OfAsync(person.OrganizationId, ct);
        await shards.InBothAsync(home, [person.OrganizationId], async (directory, own) =>
        {
            // one after the other: many at once are one mail
            var roles = await own.QueryAsync("SELECT role FROM users WHERE id = $1 FOR UPDATE", r => r.GetString(0), ct, person.UserId);
            if (roles is [var role] && await MayAsync(own, person, ct))
            {
                await OneTimeTokens.PutAsync(directory, "reset", token.Hash, new(person.OrganizationId, person.UserId, person.Email, role,
                    null, null, "self"), clock.GetUtcNow(), TokenLives.Reset, ct);
                await PersonMails.PutAsync(mails, own, person.OrganizationId, MailKinds.PasswordReset, person.UserId, person.Email,
                    token.Text, TokenLives.Reset, ct);
            }

            await audit.NoteAsync(own, home, person.OrganizationId, "user.password_forgotten", "user", person.UserId, null, ct);
            return true;
        }, ct);
    }

    private async Task<bool> MayAsync(TenantTransaction own, KnownPerson person, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var (day, moment) = (await own.QueryAsync("""
            SELECT count(*)::int, count(*) FILTER (WHERE m.created_at > $4)::int FROM bsp.mails m
             WHERE m.organization_id = $1 AND m.id > $2 AND m.recipient = $3 AND m.kind = 'password_reset'
            """, r => (r.GetInt32(0), r.GetInt32(1)), ct, person.OrganizationId, Uuid.New(now.AddDays(-1)), person.Email,
            (now - Apart).UtcDateTime)).Single();
        return day < ADayMax && moment == 0 && await mails.LeftAsync(own, person.OrganizationId, now, ct) > 0;
    }

    private async Task NobodyAsync(CancellationToken ct)
    {
        var home = shards.DirectoryHome();
        await using var transaction = await home.BeginAsync(Guid.Empty, ct);
        await audit.NoteAsync(transaction, home, Guid.Empty, "user.password_forgotten", "user", null, null, ct);
        await transaction.CommitUnmarkedAsync(ct);
    }
}
