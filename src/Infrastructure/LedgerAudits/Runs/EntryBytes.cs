using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Bsp.Infrastructure.LedgerAudits.Runs;

/// <summary>Fields of an entry, in the order of its canonical form.</summary>
internal enum EntryField
{
    OrganizationId, Currency, Month, Sequence, Id, Type, Amount, BalanceAfter, HeldAfter, Category, ReferenceId, Description, CreatedAt,
}

/// <summary>
/// One stored entry as bytes: taken out of its JSON by hand, without an object, checked for its form, and hashed. One is used for one
/// entry after another; what it shows is valid until the next
/// <see cref="Read"/>. Whatever is in the JSON and not in the canonical form is a fault: nothing may stand there that the hash does not
/// cover.
/// </summary>
internal sealed class EntryBytes : IDisposable
{
    private const int FieldCount = 13;
    private const int PairsMax = 256;
    private static readonly byte[][] Names =
    [
        "organization_id"u8.ToArray(), "currency"u8.ToArray(), "month"u8.ToArray(), "sequence"u8.ToArray(), "id"u8.ToArray(),
            "type"u8.ToArray(), "amount"u8.ToArray(), "balance_after"u8.ToArray(),
        "held_after"u8.ToArray(), "category"u8.ToArray(), "reference_id"u8.ToArray(), "description"u8.ToArray(), "created_at"u8.ToArray(),
    ];

    private readonly IncrementalHash sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly int[] starts = new int[FieldCount];
    private readonly int[] lengths = new int[FieldCount]; // -1: null, -2: it is not there
    private readonly (int Key, int KeyLength, int Value, int ValueLength)[] pairs = new (int, int, int, int)[PairsMax];
    private readonly byte[] hashes = new byte[96]; // previous, hash as it stands there, hash as it must be
    private byte[] texts = new byte[4096];
    private byte[] canonical = new byte[4096];
    private int written;
    private int count;
    private int pairCount;

    public ReadOnlySpan<byte> PreviousHash => hashes.AsSpan(0, 32);

    public ReadOnlySpan<byte> Hash => hashes.AsSpan(32, 32);

    /// <summary>The canonical bytes.</summary>
    public ReadOnlySpan<byte> Canonical => canonical.AsSpan(0, written);

    public ReadOnlySpan<byte> this[EntryField field] => texts.AsSpan(starts[(int)field], Math.Max(0, lengths[(int)field]));

    public bool IsNull(EntryField field) => lengths[(int)field] == -1;

    public int MetadataCount => pairCount;

    public string Text(EntryField field) => Encoding.UTF8.GetString(this[field]);

    /// <summary>A value of the metadata; empty: it is not there.</summary>
    public ReadOnlySpan<byte> Metadata(ReadOnlySpan<byte> key) => Find(key) is var n and >= 0 ? MetadataValue(n) : [];

    /// <summary>Place of a key in the metadata; -1: it is not there.</summary>
    public int Find(ReadOnlySpan<byte> key)
    {
        for (var i = 0; i < pairCount; i++)
        {
            if (MetadataKey(i).SequenceEqual(key))
            {
                return i;
            }
        }

        return -1;
    }

    public ReadOnlySpan<byte> MetadataKey(int n) => texts.AsSpan(pairs[n].Key, pairs[n].KeyLength);

    public ReadOnlySpan<byte> MetadataValue(int n) => texts.AsSpan(pairs[n].Value, pairs[n].ValueLength);

    /// <summary>Takes the entry out of an event's body, <c>{"entry": {…}}</c>.</summary>
    /// <returns>What is wrong with its form; null: nothing.</returns>
    public string? Read(ReadOnlySpan<byte> json)
    {
        (count, pairCount) = (0, 0);
        lengths.AsSpan().Fill(-2);
        // null is not written
        lengths[(int)EntryField.Category] = lengths[(int)EntryField.ReferenceId] = lengths[(int)EntryField.Description] = -1;
        var (hasPrevious, hasHash, hasMetadata) = (false, false, false);
        if (texts.Length < json.Length)
        {
            texts = new byte[json.Length * 2];
        }

        var reader = new Utf8JsonReader(json);
        if (!Begins(ref reader))
        {
            return "its body is not an entry";
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("metadata"u8))
            {
                hasMetadata = true;
                if (ReadMetadata(ref reader) is { } fault)
                {
                    return fault;
                }
            }
            else if (reader.ValueTextEquals("hash"u8))
            {
                hasHash = ReadHash(ref reader, hashes.AsSpan(32, 32));
            }
            else if (reader.ValueTextEquals("previous_hash"u8))
            {
                hasPrevious = ReadHash(ref reader, hashes.AsSpan(0, 32));
            }
            else if (ReadField(ref reader) is { } unknown)
            {
                return unknown;
            }
        }

        if (reader.TokenType != JsonTokenType.EndObject || !reader.Read() || reader.TokenType != JsonTokenType.EndObject)
        {
            return "its body holds more than the entry";
        }

        return !hasHash || !hasPrevious || !hasMetadata || lengths.AsSpan().Contains(-2) ? "fields of it are missing, or are no hashes"
            : null;
    }

    /// <summary>Writes the canonical bytes and compares the hash over them with the one that stands there.</summary>
    public bool HashHolds()
    {
        WriteCanonical();
        sha.AppendData(PreviousHash);
        sha.AppendData(Canonical);
        var actual = hashes.AsSpan(64, 32);
        sha.GetHashAndReset(actual);
        return actual.SequenceEqual(Hash);
    }

    public void Dispose() => sha.Dispose();

    private static bool Begins(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.StartObject && reader.Read() && reader.TokenType == JsonTokenType.PropertyName
            && reader.ValueTextEquals("entry"u8)
        && reader.Read() && reader.TokenType == JsonTokenType.StartObject;

    private string? ReadField(ref Utf8JsonReader reader)
    {
        var name = reader.HasValueSequence || reader.ValueIsEscaped ? [] : reader.ValueSpan;
        for (var field = 0; field < FieldCount; field++)
        {
            if (!name.SequenceEqual(Names[field]))
            {
                continue;
            }

            reader.Read();
            (starts[field], lengths[field]) = (count, -1);
            if (reader.TokenType == JsonTokenType.Null)
            {
                return (EntryField)field is EntryField.Category or EntryField.ReferenceId or EntryField.Description ? null
                    : $"its {Encoding.ASCII.GetString(name)} is null";
            }

            if (reader.TokenType != ((EntryField)field == EntryField.Sequence ? JsonTokenType.Number : JsonTokenType.String))
            {
                return $"its {Encoding.ASCII.GetString(name)} is of another kind";
            }

            lengths[field] = Take(ref reader);
            return null;
        }

        return "it has a field that no entry has";
    }

    private string? ReadMetadata(ref Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return "its metadata is no object";
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (pairCount == PairsMax)
            {
                return $"it has more than {PairsMax} metadata";
            }

            var key = (Start: count, Length: Take(ref reader));
            if (!reader.Read() || reader.TokenType != JsonTokenType.String)
            {
                return "its metadata holds something that is no text";
            }

            pairs[pairCount++] = (key.Start, key.Length, count, Take(ref reader));
        }

        return null;
    }

    private static bool ReadHash(ref Utf8JsonReader reader, Span<byte> hash) =>
        reader.Read() && reader.TokenType == JsonTokenType.String && reader.ValueSpan is { Length: 64 } hex && IsLowerHex(hex)
        && Convert.FromHexString(hex, hash, out _, out _) == System.Buffers.OperationStatus.Done;

    private static bool IsLowerHex(ReadOnlySpan<byte> hex) => !hex.ContainsAnyExcept("0123456789abcdef"u8);

    private int Take(ref Utf8JsonReader reader)
    {
        int length;
        if (reader.TokenType == JsonTokenType.Number || !reader.ValueIsEscaped)
        {
            reader.ValueSpan.CopyTo(texts.AsSpan(count));
            length = reader.ValueSpan.Length;
        }
        else
        {
            length = reader.CopyString(texts.AsSpan(count));
        }

        count += length;
        return length;
    }

    private void WriteCanonical()
    {
        written = 0;
        var most = 64 + count + ((FieldCount + (2 * pairCount)) * 12);
        if (canonical.Length < most)
        {
            canonical = new byte[most * 2];
        }

        Add("bsp.ledger.1"u8);
        for (var field = 0; field < FieldCount; field++)
        {
            if (lengths[field] < 0)
            {
                "~,"u8.CopyTo(canonical.AsSpan(written));
                written += 2;
                continue;
            }

            Add(texts.AsSpan(starts[field], lengths[field]));
        }

        Span<byte> digits = stackalloc byte[11];
        Utf8Formatter.TryFormat(pairCount, digits, out var length);
        Add(digits[..length]);
        SortPairs();
        for (var i = 0; i < pairCount; i++)
        {
            Add(MetadataKey(i));
            Add(MetadataValue(i));
        }
    }

    // PostgreSQL keeps keys in the order of their length, then bytes; there are few.
    private void SortPairs()
    {
        for (var i = 1; i < pairCount; i++)
        {
            for (var j = i; j > 0 && MetadataKey(j).SequenceCompareTo(MetadataKey(j - 1)) < 0; j--)
            {
                (pairs[j], pairs[j - 1]) = (pairs[j - 1], pairs[j]);
            }
        }
    }

    private void Add(ReadOnlySpan<byte> value)
    {
        Utf8Formatter.TryFormat(value.Length, canonical.AsSpan(written), out var digits);
        written += digits;
        canonical[written++] = (byte)':';
        value.CopyTo(canonical.AsSpan(written));
        written += value.Length;
        canonical[written++] = (byte)',';
    }
}
