using Bsp.Application.Common;
using MediatR;

namespace Bsp.Application.Ledger;

/// <summary>Where a wallet's chain stood at a moment, signed. Kept where the platform cannot reach it, it shows every later change of
/// what lies before it.</summary>
/// <param name="Month"><c>yyyy-mm</c>, UTC: the month's chain of entries.</param>
/// <param name="Size">Entries of that month under the head, from its opening on.</param>
/// <param name="HeadHash">Hex: hash of the last of them. It takes in every entry before it, of earlier months too.</param>
/// <param name="Root">Hex: Merkle root (RFC 6962) over the hashes of the month's entries 1 to <paramref name="Size"/>.</param>
/// <param name="At">When it was signed.</param>
/// <param name="KeyId">Of the key that signed; public keys: <c>/.well-known/bsp-ledger-keys</c>.</param>
/// <param name="Message">What is signed, byte by byte: fields as <c>length:value,</c>.</param>
/// <param name="Signature">Hex, Ed25519.</param>
public sealed record SignedLedgerHead(Guid OrganizationId, string Currency, string Month, long Size, string HeadHash, string Root,
    decimal Balance, decimal Held, DateTimeOffset At,
    string KeyId, string Message, string Signature);

/// <summary>The head of the organization's wallet as it is now, signed.</summary>
/// <param name="Currency">Null: the wallet's.</param>
/// <exception cref="Domain.Common.Refusal"><c>wallet.unknown</c>: it has no entry yet.</exception>
public sealed record GetLedgerHead(Guid OrganizationId, string? Currency) : IRequest<SignedLedgerHead>;

/// <summary>The heads that a day ended with: the organization's, and the signed root over all organizations' heads of that day, with the
/// path from one to the other.</summary>
/// <param name="Number">Of the day's root, from 1: days are linked, so that none can be left out.</param>
/// <param name="Head">The organization's.</param>
/// <param name="LeafHash">Hex: SHA-256 of 0x00 and the SHA-256 of the head's message.</param>
/// <param name="Index">From 0, among <paramref name="Heads"/>.</param>
/// <param name="Path">Hex, from the leaf upwards (RFC 6962 §2.1.1): leads from <paramref name="LeafHash"/> to <paramref
/// name="Root"/>.</param>
/// <param name="Previous">Hex: hash of the day's message before; zeros: there is none.</param>
/// <param name="Message">What is signed for all organizations together.</param>
/// <param name="Signature">Hex, Ed25519.</param>
public sealed record LedgerDay(DateOnly Day, long Number, SignedLedgerHead Head, string LeafHash, long Index, long Heads,
    IReadOnlyList<string> Path, string Root, string Previous,
    string KeyId, string Message, string Signature);

/// <summary>Days of the organization's wallet, newest first.</summary>
public sealed record ListLedgerDays(Guid OrganizationId, string? Cursor, int Limit) : IRequest<Page<LedgerDay>>;

/// <summary>A key that signs heads, as a JSON Web Key (RFC 8037) and in hex.</summary>
/// <param name="X">Base64url of the public key's 32 bytes.</param>
/// <param name="Hex">The same in hex.</param>
/// <param name="Current">It signs now; others did earlier and stay good.</param>
public sealed record LedgerKey(string Kty, string Crv, string Kid, string X, string Use, string Alg, string Hex, bool Current);

/// <summary>Every public key whose signatures count, the current and earlier ones.</summary>
public sealed record ListLedgerKeys : IRequest<IReadOnlyList<LedgerKey>>;

/// <summary>That an entry is one of those under a signed head: hashing it up the path gives the head's root.</summary>
/// <param name="Canonical">The entry's canonical bytes as text; with <paramref name="PreviousHash"/> before them their SHA-256 is
/// <paramref name="Hash"/>.</param>
/// <param name="Index">From 0: the entry's sequence less one.</param>
/// <param name="Path">Hex, from the leaf upwards (RFC 6962 §2.1.1); the leaf is SHA-256(0x00, hash), a node SHA-256(0x01, left,
/// right).</param>
public sealed record LedgerProof(Guid TransactionId, string Canonical, string PreviousHash, string Hash, long Index, long Size,
    IReadOnlyList<string> Path, string Root, SignedLedgerHead Head);

/// <exception cref="Domain.Common.Refusal"><c>transaction.unknown</c></exception>
public sealed record GetLedgerProof(Guid OrganizationId, Guid TransactionId) : IRequest<LedgerProof>;

/// <summary>The entries of an organization's ledger as they are stored, in the order of the chain, some at a time, in constant
/// memory.</summary>
/// <param name="From">First month, <c>yyyy-mm</c>; null: from the beginning.</param>
/// <param name="To">Last month; null: to the end.</param>
public sealed record ExportLedger(Guid OrganizationId, string? From, string? To)
    : IRequest<IAsyncEnumerable<IReadOnlyList<System.Text.Json.JsonElement>>>;
