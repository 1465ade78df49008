using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Bsp.Infrastructure.Sealing;

/// <summary>What an audit needs of one event: its number, its id, whose it is, and the hash over everything that is stored of it.</summary>
/// <param name="Tenant">The organization's id; of another name the first 16 bytes of its SHA-256.</param>
internal readonly record struct Leaf(long Sequence, Guid EventId, Guid Tenant, ReadOnlyMemory<byte> Hash)
{
    /// <summary>As <c>bsp.log_leaves</c> keeps it.</summary>
    public const int RecordBytes = 8 + 16 + 16 + MerkleRoot.Bytes;

    public void Write(Span<byte> record)
    {
        BinaryPrimitives.WriteInt64BigEndian(record, Sequence);
        EventId.TryWriteBytes(record[8..], bigEndian: true, out _);
        Tenant.TryWriteBytes(record[24..], bigEndian: true, out _);
        Hash.Span.CopyTo(record[40..]);
    }

    public static Leaf Read(ReadOnlyMemory<byte> record) =>
        new(BinaryPrimitives.ReadInt64BigEndian(record.Span), new(record.Span[8..24], bigEndian: true),
            new(record.Span[24..40], bigEndian: true), record[40..]);

    public static Guid TenantOf(string name) =>
        Guid.TryParseExact(name, "D", out var id) ? id : new(SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 16), bigEndian: true);
}

/// <summary>
/// The log as leaves, a page at a time in the order of numbers. A leaf covers what is stored of an event but for whether it is archived:
/// number, id, organization, stream, version, type, time,
/// .NET type, correlation, causation, user, and the SHA-256 of headers and body as PostgreSQL prints them; of a body whose content was
/// retired, the hash that it had before.
/// </summary>
internal static class LogLeaves
{
    public const int PageEvents = 2_000;
    private const string Page =
        "SELECT seq_id, id, tenant_id, stream_id, version, type, \"timestamp\", mt_dotnet_type, correlation_id, causation_id, user_name, headers, data, bdata, was, kept FROM bsp.read_sealable($1, $2, $3, $4)";

    /// <param name="tenant">Null: of everybody.</param>
    /// <returns>Leaf and the organization's name.</returns>
    public static async IAsyncEnumerable<(Leaf Leaf, string Tenant)> ReadAsync(NpgsqlConnection connection, long after, long upTo,
        string? tenant, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(Page, connection)
        {
            Parameters =
            {
                new() { Value = after }, new() { Value = upTo },
                    new() { Value = (object?)tenant ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text },
                    new() { Value = PageEvents },
            },
        };
        await command.PrepareAsync(ct);
        var (canonical, page, hashes) = (new Canonical(), new List<(Leaf, string)>(PageEvents), new byte[PageEvents * MerkleRoot.Bytes]);
        do
        {
            page.Clear();
            command.Parameters[0].Value = after;
            await using (var reader = await command.ExecuteReaderAsync(ct))
            {
                while (await reader.ReadAsync(ct))
                {
                    var hash = hashes.AsMemory(page.Count * MerkleRoot.Bytes, MerkleRoot.Bytes);
                    page.Add(Read(reader, canonical, hash));
                }
            }

            foreach (var leaf in page)
            {
                yield return leaf;
                after = leaf.Item1.Sequence;
            }
        }
        while (page.Count == PageEvents);
    }

    private static (Leaf, string) Read(NpgsqlDataReader r, Canonical canonical, Memory<byte> hash)
    {
        var (sequence, id, tenant) = (r.GetInt64(0), r.GetGuid(1), r.IsDBNull(2) ? "" : r.GetString(2));
        canonical.Begin("bsp.event.1").Add(sequence).Add(id).Add(tenant).Add(r.IsDBNull(3) ? (Guid?)null : r.GetGuid(3)).Add(r.GetInt64(4))
            .Add(r.GetString(5)).Add(r.GetDateTime(6));
        for (var column = 7; column <= 10; column++)
        {
            canonical.Add(r.IsDBNull(column) ? null : r.GetString(column));
        }

        canonical.HashOf(r.IsDBNull(11) ? null : r.GetFieldValue<byte[]>(11));
        Body(r, canonical);
        canonical.HashOf(r.IsDBNull(13) ? null : r.GetFieldValue<byte[]>(13));

        MerkleRoot.LeafOf(canonical.Bytes, hash.Span);
        return (new(sequence, id, Leaf.TenantOf(tenant), hash), tenant);
    }

    // Of an event whose content was taken out when its time was over, the hash of the body as it was, as long as what is left is what was
    // left then.
    private static void Body(NpgsqlDataReader r, Canonical canonical)
    {
        var body = r.IsDBNull(12) ? null : r.GetFieldValue<byte[]>(12);
        if (body is not null && !r.IsDBNull(14)
            && System.Security.Cryptography.SHA256.HashData(body).AsSpan().SequenceEqual(r.GetFieldValue<byte[]>(15)))
        {
            canonical.Hash(r.GetFieldValue<byte[]>(14));
            return;
        }

        canonical.HashOf(body);
    }
}
