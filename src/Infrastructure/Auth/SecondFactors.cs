using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Sharding;
using OtpNet;

namespace Bsp.Infrastructure.Auth;

/// <summary>
/// Codes of time (RFC 6238: SHA-1, six digits, 30 s, a step before and one after for clocks that differ). A code is taken once: its step
/// is kept, and nothing of that step or of one before is taken again, whoever of many at once is first. After ten wrong codes in a row
/// nothing is looked at for a quarter of an hour, after twenty for twice as long, at most a day.
/// </summary>
public sealed class SecondFactors(Shards shards, ISecrets secrets, LoginGate gate, AuditLog audit, TimeProvider clock)
{
    /// <summary>Wrong codes in a row after which nothing is looked at for a while.</summary>
    public const int FailuresMax = 10;

    private const int ChallengesMax = 10;
    private static readonly TimeSpan LockedFirst = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan LockedMax = TimeSpan.FromDays(1);
    private static readonly VerificationWindow Window = new(previous: 1, future: 1);

    /// <summary>Whether one is asked of them.</summary>
    public async Task<bool> IsOnAsync(Guid userId, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand(
            "SELECT 1 FROM bsp.directory_second_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL");
        Tenancy.Bind(command.Parameters, [userId]);
        return await command.ExecuteScalarAsync(ct) is not null;
    }

    /// <summary>What the second half of signing in presents. The newest ten of a person work.</summary>
    internal async Task<string> ChallengeAsync(Shard home, KnownPerson person, CancellationToken ct)
    {
        var (token, now) = (SecretToken.New("chl_"), clock.GetUtcNow());
        await shards.InBothAsync(home, [person.OrganizationId], async (directory, own) =>
        {
            await directory.ExecuteAsync("""
                DELETE FROM bsp.directory_challenges WHERE user_id = $1 AND (expires_at <= $2 OR token_hash IN (
                  SELECT token_hash FROM bsp.directory_challenges WHERE user_id = $1 ORDER BY expires_at DESC, token_hash OFFSET $3))
                """, ct, person.UserId, now.UtcDateTime, ChallengesMax - 1);
            return await directory.ExecuteAsync(
                "INSERT INTO bsp.directory_challenges (token_hash, organization_id, user_id, expires_at) VALUES ($1, $2, $3, $4)", ct,
                token.Hash, person.OrganizationId, person.UserId, (now + SecondFactorRequired.Life).UtcDateTime);
        }, ct);
        return token.Text;
    }

    /// <summary>Takes the code, or the recovery code, once.</summary>
    /// <exception cref="LoginThrottled">Too many attempts.</exception>
    /// <exception cref="Refusal"><c>auth.second_factor_wrong</c></exception>
    internal async Task RequireAsync(Shard home, KnownPerson person, SecondProof proof, CancellationToken ct)
    {
        var attempt = await gate.EnterAsync("second\n" + person.Email, CurrentRequest.Value?.RemoteAddress, ct);
        var right = await shards.InBothAsync(home, [person.OrganizationId], async (directory, own) =>
        {
            if (await SecondFactorRows.LockAsync(directory, person.UserId, ct) is not { ConfirmedAt: not null } factor)
            {
                return true; // taken away a moment ago
            }

            var now = clock.GetUtcNow();
            if (factor.LockedUntil > now)
            {
                throw new LoginThrottled(factor.LockedUntil.Value - now);
            }

            if (Matches(factor, proof, now) is { } used)
            {
                await SecondFactorRows.UsedAsync(directory, person.UserId, used.Step, used.RecoveryCode, ct);
                return true;
            }

            var failures = factor.Failures + 1;
            await SecondFactorRows.FailedAsync(directory, person.UserId, failures, LockOf(failures, now), ct);
            await audit.NoteAsync(own, home, person.OrganizationId, "login.second_factor_failed", "user", person.UserId, null, ct);
            return false;
        }, ct);
        if (!right)
        {
            throw Wrong();
        }

        await gate.SucceededAsync(attempt, ct);
    }

    /// <summary>The step of a right code that was not taken before; null: it is not right.</summary>
    internal long? StepOf(SecondFactorRow factor, string? code, DateTimeOffset now) =>
        code is { Length: 6 } && code.All(char.IsAsciiDigit)
        && new Totp(Base32Encoding.ToBytes(secrets.Open(factor.Secret))).VerifyTotp(now.UtcDateTime, code, out var step, Window)
        && step > factor.LastStep ? step : null;

    internal static Refusal Wrong() =>
        new("auth.second_factor_wrong", "This code is wrong, was used before, or is not of this half minute.");

    private (long? Step, string? RecoveryCode)? Matches(SecondFactorRow factor, SecondProof proof, DateTimeOffset now)
    {
        if (!string.IsNullOrEmpty(proof.Code))
        {
            return StepOf(factor, proof.Code, now) is { } step ? (step, null) : null;
        }

        var hash = RecoveryCode.HashOf(proof.RecoveryCode!);
        return hash is not null && factor.RecoveryCodes.Contains(hash) ? (null, hash) : null;
    }

    private static DateTimeOffset? LockOf(int failures, DateTimeOffset now)
    {
        if (failures % FailuresMax != 0)
        {
            return null;
        }

        var times = Math.Pow(2, Math.Min(20, (failures / FailuresMax) - 1));
        return now + TimeSpan.FromTicks((long)Math.Min(LockedMax.Ticks, LockedFirst.Ticks * times));
    }
}
