namespace Bsp.Application.Auth;

/// <summary>More passwords wait to be hashed than will be waited for: 429, and nothing was looked at.</summary>
/// <param name="retryAfter">After this most of those waiting are done.</param>
public sealed class PasswordsBusy(TimeSpan retryAfter)
    : Exception("Too many passwords are being checked at this moment: wait as long as Retry-After says.")
{
    /// <summary>After this most of those waiting are done.</summary>
    public TimeSpan RetryAfter { get; } = retryAfter;
}
