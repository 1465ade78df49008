using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Auth;

/// <summary>A row of <c>bsp.directory_second_factors</c>.</summary>
/// <param name="Secret">Sealed.</param>
/// <param name="ConfirmedAt">Null: not in use yet.</param>
/// <param name="LastStep">Of the last code that was taken.</param>
/// <param name="RecoveryCodes">Hashes of those that still work.</param>
internal sealed record SecondFactorRow(string Secret, DateTimeOffset? ConfirmedAt, long LastStep, IReadOnlyList<string> RecoveryCodes,
    int Failures, DateTimeOffset? LockedUntil);

/// <summary>Statements on <c>bsp.directory_second_factors</c>.</summary>
internal static class SecondFactorRows
{
    private const string Columns = "secret, confirmed_at, last_step, recovery_codes, failures, locked_until";

    /// <summary>Locks it until the transaction ends; null: there is none.</summary>
    public static async Task<SecondFactorRow?> LockAsync(TenantTransaction directory, Guid userId, CancellationToken ct) =>
        (await directory.QueryAsync($"SELECT {Columns} FROM bsp.directory_second_factors WHERE user_id = $1 FOR UPDATE", Row, ct, userId))
        .FirstOrDefault();

    /// <summary>Puts a secret in place of one that was never confirmed. False: there is one in use.</summary>
    public static async Task<bool> PutAsync(TenantTransaction directory, Guid organizationId, Guid userId, string secret,
        CancellationToken ct) => await directory.ExecuteAsync("""
            INSERT INTO bsp.directory_second_factors AS f (user_id, organization_id, secret) VALUES ($1, $2, $3)
            ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = now() WHERE f.confirmed_at IS NULL
            """, ct, userId, organizationId, secret) == 1;

    public static Task<int> ConfirmAsync(TenantTransaction directory, Guid userId, long step, DateTimeOffset now, string[] codes,
        CancellationToken ct) => directory.ExecuteAsync("""
            UPDATE bsp.directory_second_factors SET confirmed_at = $2, last_step = $3, recovery_codes = $4, failures = 0,
              locked_until = NULL WHERE user_id = $1
            """, ct, userId, now.UtcDateTime, step, codes);

    public static Task<int> SetCodesAsync(TenantTransaction directory, Guid userId, string[] codes, CancellationToken ct) =>
        directory.ExecuteAsync(
            "UPDATE bsp.directory_second_factors SET recovery_codes = $2 WHERE user_id = $1 AND confirmed_at IS NOT NULL", ct, userId,
            codes);

    /// <param name="step">Null: it was a recovery code.</param>
    /// <param name="recoveryCode">Null: it was a code of time.</param>
    public static Task<int> UsedAsync(TenantTransaction directory, Guid userId, long? step, string? recoveryCode, CancellationToken ct) =>
        directory.ExecuteAsync("""
            UPDATE bsp.directory_second_factors SET failures = 0, locked_until = NULL, last_step = greatest(last_step, $2),
              recovery_codes = array_remove(recovery_codes, $3) WHERE user_id = $1
            """, ct, userId, step ?? 0, recoveryCode ?? "");

    public static Task<int> FailedAsync(TenantTransaction directory, Guid userId, int failures, DateTimeOffset? lockedUntil,
        CancellationToken ct) => directory.ExecuteAsync(
            "UPDATE bsp.directory_second_factors SET failures = $2, locked_until = $3 WHERE user_id = $1", ct, userId, failures,
            TenantValues.Time(lockedUntil));

    /// <summary>Takes it away, and challenges that are open.</summary>
    public static async Task<int> DropAsync(TenantTransaction directory, Guid userId, CancellationToken ct)
    {
        await DropChallengesAsync(directory, userId, ct);
        return await directory.ExecuteAsync("DELETE FROM bsp.directory_second_factors WHERE user_id = $1", ct, userId);
    }

    /// <summary>The password behind them is another now, or the person is not active any more.</summary>
    public static Task<int> DropChallengesAsync(TenantTransaction directory, Guid userId, CancellationToken ct) =>
        directory.ExecuteAsync("DELETE FROM bsp.directory_challenges WHERE user_id = $1", ct, userId);

    public static SecondFactorRow Row(NpgsqlDataReader r) =>
        new(r.GetString(0), r.TimeOrNull(1), r.GetInt64(2), r.GetFieldValue<string[]>(3), r.GetInt32(4), r.TimeOrNull(5));
}
