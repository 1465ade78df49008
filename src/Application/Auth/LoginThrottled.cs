namespace Bsp.Application.Auth;

/// <summary>Too many attempts to sign in: 429, and the password was not looked at.</summary>
/// <param name="retryAfter">After this an attempt is looked at again.</param>
public sealed class LoginThrottled(TimeSpan retryAfter) : Exception("Too many attempts to sign in: wait as long as Retry-After says.")
{
    /// <summary>After this an attempt is looked at again.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;
}
