namespace Bsp.Domain.Common;

/// <summary>
/// Personal data inside an event: AES-256-GCM under a key that belongs to one contact. When that key is destroyed it reads as erased,
/// while the event, its order and every count stay.
/// </summary>
/// <param name="KeyId">Row of <c>bsp.contact_keys</c> whose key opens it.</param>
/// <param name="Data">Base64 of nonce (12 bytes), tag (16 bytes) and cipher text, in that order.</param>
public sealed record Sealed(Guid KeyId, string Data);
