namespace Bsp.Domain.Common;

/// <summary>A decision said no. The HTTP layer turns it into a problem whose <c>code</c> is <see cref="Code"/>.</summary>
/// <param name="code">Stable, <c>noun.reason</c> (<c>campaign.not_running</c>); other programs rely on it. A code ending in <c>.unknown</c>
/// is a 404.</param>
/// <param name="message">One sentence for a person: what was wrong and what to do.</param>
public sealed class Refusal(string code, string message) : Exception(message)
{
    /// <summary>Stable code, <c>noun.reason</c>.</summary>
    public string Code { get; } = code;
}
