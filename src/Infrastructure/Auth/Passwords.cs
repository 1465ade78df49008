using System.Buffers.Binary;
using System.Security.Cryptography;
using Bsp.Application.Auth;
using Bsp.Infrastructure.Auth.Unicode;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Bsp.Infrastructure.Auth;

/// <summary>
/// Passwords by the framework's hasher: PBKDF2 with HMAC-SHA-512, 16 random bytes of salt, parameters in the hash (docs/decisions/0095). At
/// most half of the cores
/// hash at a time, so that a flood of sign-ins leaves the other half to everybody else; so many wait for them, and who comes then is sent
/// away.
/// </summary>
/// <param name="waitingMax">Passwords that wait for each of those cores, at most.</param>
public sealed class Passwords(int iterations = Passwords.Iterations, int waitingMax = Passwords.WaitingMax)
{
    /// <summary>Rounds of PBKDF2. Source: OWASP Password Storage Cheat Sheet, PBKDF2-HMAC-SHA512.</summary>
    public const int Iterations = 210_000;

    /// <summary>About ten seconds of waiting, at a tenth of a second each.</summary>
    public const int WaitingMax = 100;

    private const int SaltBytes = 16;
    private static readonly object Nobody = new();
    private static readonly int CoresMax = Math.Max(1, Environment.ProcessorCount / 2);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);
    private readonly SemaphoreSlim cores = new(CoresMax);
    private readonly int insideMax = CoresMax * (1 + waitingMax);
    private readonly PasswordHasher<object> hasher = new(Options.Create(new PasswordHasherOptions { IterationCount = iterations }));
    private readonly string decoy = Decoy(iterations);
    private int inside;

    /// <exception cref="PasswordsBusy">Too many wait.</exception>
    public Task<string> HashAsync(string password, CancellationToken ct) =>
        OnACoreAsync(() => hasher.HashPassword(Nobody, CanonicalForm.Composed(password)), ct);

    /// <summary>
    /// Whether it is the password in any of its canonical forms (one keyboard types é as one character, another as two), and whether its
    /// hash is weaker than one made today or was made of another form than NFC.
    /// Without a hash it takes as long and is not.
    /// </summary>
    /// <param name="hash">Null: nobody, or somebody without a password.</param>
    /// <exception cref="PasswordsBusy">Too many wait.</exception>
    public Task<(bool Right, bool Outgrown)> VerifyAsync(string? hash, string password, CancellationToken ct) => OnACoreAsync(() =>
    {
        var result = PasswordVerificationResult.Failed;
        var composed = CanonicalForm.Composed(password);
        // One form, unless there is more than ASCII in it.
        foreach (var form in new[] { composed, CanonicalForm.Decomposed(password), password }.Distinct(StringComparer.Ordinal))
        {
            if ((result = hasher.VerifyHashedPassword(Nobody, hash ?? decoy, form)) != PasswordVerificationResult.Failed)
            {
                return (hash is not null, result == PasswordVerificationResult.SuccessRehashNeeded || form != composed);
            }
        }

        return (false, false);
    }, ct);

    // The hash of nothing, in the hasher's own form (version 3: 0x01, PRF 2 = HMAC-SHA-512, rounds, length of salt, salt, 32 bytes):
    // verifying against it takes as long as against anybody's.
    internal static string Decoy(int iterations)
    {
        var form = new byte[13 + SaltBytes + 32];
        RandomNumberGenerator.Fill(form.AsSpan(13));
        form[0] = 1;
        BinaryPrimitives.WriteInt32BigEndian(form.AsSpan(1), 2);
        BinaryPrimitives.WriteInt32BigEndian(form.AsSpan(5), iterations);
        BinaryPrimitives.WriteInt32BigEndian(form.AsSpan(9), SaltBytes);
        return Convert.ToBase64String(form);
    }

    private async Task<T> OnACoreAsync<T>(Func<T> work, CancellationToken ct)
    {
        try
        {
            if (Interlocked.Increment(ref inside) > insideMax)
            {
                throw new PasswordsBusy(RetryAfter);
            }

            await cores.WaitAsync(ct);
            try
            {
                return await Task.Run(work, ct);
            }
            finally
            {
                cores.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref inside);
        }
    }
}
