namespace Bsp.Domain.Common;

/// <summary>
/// Personal data inside an event: AES-256-GCM under a key that belongs to one contact. When that key is destroyed it reads as erased,
/// while the event, its order and every count stay.
/// </summary>
/// <param name="KeyId">Row of <c>bsp.contact_keys</c> whose key opens it.</param>
/// <param name="Data">Base64 of nonce (12 bytes), tag (16 bytes) and cipher text, in that order; empty: its time was over, and it was taken
/// out (docs/decisions/0341). It reads as erased.</param>
public sealed record Sealed(Guid KeyId, string Data)
{
    /// <summary>It was taken out when its time was over.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsRetired => Data.Length == 0;
}
