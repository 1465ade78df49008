using System.Security.Cryptography;
using Bsp.Domain.Common;

namespace Bsp.Domain.Ledger;

/// <summary>The bytes of an entry that are hashed, the same in every language (docs/ledger.md).</summary>
public static class LedgerCanonical
{
    /// <summary>First field of every entry: the form's name.</summary>
    public const string Form = "bsp.ledger.1";

    [ThreadStatic]
    private static CanonicalFields? fields;

    [ThreadStatic]
    private static IncrementalHash? incremental;

    /// <summary>Everything of the entry but its two hashes.</summary>
    public static byte[] Bytes(LedgerEntry entry) => Write(entry, new()).Written.ToArray();

    /// <summary>SHA-256 over the previous hash's bytes and <see cref="Bytes"/>: 64 lower-case hex digits.</summary>
    public static string Hash(LedgerEntry entry)
    {
        Span<byte> previous = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        Convert.FromHexString(entry.PreviousHash, previous, out _, out _);
        Hash(previous, Write(entry, fields ??= new()).Written, hash);
        return Convert.ToHexStringLower(hash);
    }

    /// <summary>The same over bytes that are there already.</summary>
    /// <param name="hash">32 bytes, filled.</param>
    public static void Hash(ReadOnlySpan<byte> previous, ReadOnlySpan<byte> canonical, Span<byte> hash)
    {
        var sha = incremental ??= IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(previous);
        sha.AppendData(canonical);
        sha.GetHashAndReset(hash);
    }

    /// <summary>Adds an entry's fields to cleared ones.</summary>
    public static CanonicalFields Write(LedgerEntry entry, CanonicalFields into)
    {
        into.Clear().Add(Form).Add(entry.OrganizationId.ToString()).Add(entry.Currency).Add(entry.Month).Add(entry.Sequence)
            .Add(entry.Id.ToString()).Add(entry.Type)
            .Add(Money.Text(entry.Amount)).Add(Money.Text(entry.BalanceAfter)).Add(Money.Text(entry.HeldAfter)).Add(entry.Category)
                .Add(entry.ReferenceId).Add(entry.Description)
            .Add(LedgerTime.Text(entry.CreatedAt)).Add(entry.Metadata.Count);
        foreach (var (key, value) in entry.Metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            into.Add(key).Add(value);
        }

        return into;
    }
}
