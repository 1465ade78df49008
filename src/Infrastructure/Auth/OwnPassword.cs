using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Application.Users;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Auth;

/// <summary>
/// Asks somebody who is signed in for their password again: whoever sits down at their desk does not have it. Counted as attempts to sign
/// in are.
/// </summary>
public sealed class OwnPassword(LoginGate gate, Passwords passwords)
{
    /// <returns>Their e-mail, as it is stored, and the hash that was verified.</returns>
    /// <exception cref="LoginThrottled">Too many attempts.</exception>
    /// <exception cref="Refusal"><c>login.invalid</c></exception>
    internal async Task<(string Email, string Hash)> RequireAsync(Shard home, Guid organizationId, Guid userId, string password,
        CancellationToken ct)
    {
        var (email, hash) = await home.FirstAsync(organizationId,
            "SELECT email, password_hash FROM users WHERE id = $1 AND password_hash IS NOT NULL", r => (r.GetString(0), r.GetString(1)),
            ct, userId);
        var attempt = await gate.EnterAsync(UserRules.Normalize(email ?? ""), CurrentRequest.Value?.RemoteAddress, ct);
        if (!(await passwords.VerifyAsync(hash, password, ct)).Right)
        {
            throw new Refusal("login.invalid", "The current password is another.");
        }

        await gate.SucceededAsync(attempt, ct);
        return (email!, hash!);
    }
}
