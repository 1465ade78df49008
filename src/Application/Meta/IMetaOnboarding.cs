namespace Bsp.Application.Meta;

/// <summary>Whose a WABA is.</summary>
/// <param name="BusinessId">The portfolio that owns it; null: Meta does not say.</param>
public sealed record WabaFacts(string? Name, string? Currency, string? BusinessId, string? ReviewStatus);

/// <summary>How a number stands with Meta before it sends.</summary>
/// <param name="Registered">For the Cloud API.</param>
/// <param name="Coexistence">WhatsApp Business's app on a telephone uses it, too: it is registered there, and sends 20 a second.</param>
/// <param name="NameStatus">Meta's word: APPROVED, PENDING_REVIEW, DECLINED, …</param>
/// <param name="MessagesPerSecondMax">By its level of throughput.</param>
public sealed record NumberStanding(string DisplayPhoneNumber, string VerifiedName, bool Registered, bool Coexistence, string? NameStatus,
    int MessagesPerSecondMax);

/// <summary>What Meta is asked when a business is taken on. All throw <see cref="Common.MetaRefused"/>.</summary>
public interface IMetaOnboarding
{
    /// <summary>Codes can be exchanged: the platform's app is configured.</summary>
    bool IsConfigured { get; }

    /// <summary>A code of Embedded Signup, good once, for the business's token.</summary>
    Task<string> ExchangeAsync(string code, CancellationToken ct);

    Task<WabaFacts> WabaAsync(MetaNumber number, CancellationToken ct);

    Task<NumberStanding> StandingAsync(MetaNumber number, CancellationToken ct);

    /// <summary>Registers a number for the Cloud API. Each call counts against Meta's ten in 72 hours.</summary>
    /// <param name="pin">Six digits: those of its two-step verification, or from now on.</param>
    Task RegisterAsync(MetaNumber number, string pin, CancellationToken ct);

    /// <summary>Asks a number in coexistence for its contacts and its history, which come as webhooks.</summary>
    Task SynchronizeAsync(MetaNumber number, CancellationToken ct);
}
