namespace Bsp.Application.Webhooks;

/// <summary>A webhook whose signature held, as it came.</summary>
/// <param name="OrganizationId">Set when it came to an organization's own address.</param>
/// <param name="HeadersJson">A JSON object of the headers that matter, without credentials.</param>
/// <param name="Signature">Which secret verified it: <c>app</c>, <c>app#2</c>, <c>organization</c>.</param>
public sealed record JournalEntry(Guid? OrganizationId, string? RemoteAddress, string? UserAgent, string HeadersJson, string Signature,
    ReadOnlyMemory<byte> Body);

/// <summary>Where webhooks are kept before anything is done with them.</summary>
public interface IWebhookJournal
{
    /// <summary>
    /// Room for a body that is going to be read, held until it is disposed of, after the body was committed. What all bodies together may
    /// take is bounded; whoever comes beyond that waits.
    /// </summary>
    /// <param name="bytes">Of the body, at most.</param>
    Task<IDisposable> RoomAsync(long bytes, CancellationToken ct);

    /// <summary>Returns when the raw bytes are committed. The caller holds the room for them.</summary>
    /// <exception cref="Common.StoreUnavailable">They are not; Meta must be told, so that it sends them again.</exception>
    Task WriteAsync(JournalEntry entry, CancellationToken ct);
}
