using Bsp.Application.Common;
using MediatR;

namespace Bsp.Application.Audit;

/// <summary>
/// One sealed day of an organization's log. Keep it where the platform cannot reach it, and no later change of that day, or of one before,
/// goes unseen.
/// </summary>
/// <param name="Number">From 1, one a day with events.</param>
/// <param name="Events">Under the root.</param>
/// <param name="Root">Hex: Merkle root (RFC 6962) of the day's events.</param>
/// <param name="Previous">Hex: head of the seal before; zeros: there is none.</param>
/// <param name="Acts">Administrative acts on the audit trail when it was sealed.</param>
/// <param name="ActsHash">Hex: the trail's hash then.</param>
/// <param name="Head">Hex SHA-256 of what is signed.</param>
/// <param name="KeyId">Of the key that signed; public keys: <c>/.well-known/bsp-log-keys</c>.</param>
/// <param name="Content">What is signed, byte by byte: fields as <c>length:value,</c>.</param>
/// <param name="Signature">Base64, Ed25519.</param>
public sealed record LogHead(DateOnly Day, long Number, long Events, string Root, string Previous, long Acts, string ActsHash,
    DateTimeOffset SealedAt, string Head, string KeyId, string Content, string Signature);

/// <summary>Sealed days of an organization, newest first.</summary>
public sealed record ListLogHeads(Guid OrganizationId, string? Cursor, int Limit) : IRequest<Page<LogHead>>;

/// <summary>A key that signs heads of the log.</summary>
/// <param name="Algorithm"><c>Ed25519</c>.</param>
/// <param name="PublicKey">Base64 of 32 bytes.</param>
public sealed record LogKey(string KeyId, string Algorithm, string PublicKey);

/// <summary>Every public key whose signatures count, the current and earlier ones.</summary>
public sealed record ListLogKeys : IRequest<IReadOnlyList<LogKey>>;
