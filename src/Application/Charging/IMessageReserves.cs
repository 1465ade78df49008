using Bsp.Application.Common;

namespace Bsp.Application.Charging;

/// <summary>A message that no campaign sends, about to be queued.</summary>
/// <param name="Recipient">As <see cref="Domain.Charging.Markets.Recipient"/> gives it.</param>
/// <param name="SentAs">Category of its template, or <c>service</c>.</param>
public sealed record MessageReserve(Guid OrganizationId, Guid MessageId, Guid AccountId, string? Recipient, string SentAs);

/// <summary>Sets aside what single messages may cost, before they are queued; what becomes of them gives it back.</summary>
public interface IMessageReserves
{
    /// <summary>Nothing happens for an organization that is not charged, for what costs nothing, and when it was reserved before.</summary>
    /// <exception cref="RefusedFields"><c>wallet.insufficient</c></exception>
    /// <exception cref="Domain.Common.Refusal"><c>rate_card.missing</c>: everybody is charged, and no card has a price for it.</exception>
    Task ReserveAsync(MessageReserve message, CancellationToken ct);
}
