using System.Buffers.Binary;
using Npgsql;

namespace Bsp.Infrastructure.LedgerAudits.Runs;

/// <summary>
/// Rows of one statement in PostgreSQL's binary COPY format, one after the other, their fields as the bytes that came: an audit looks at
/// millions, and an object for each would cost more than
/// the check. It reads synchronously, on a thread of its caller. What it holds is one row.
/// </summary>
/// <param name="select">Whole, with its values in it: COPY takes no parameters. Ids and numbers only.</param>
/// <param name="columns">Of a row.</param>
internal sealed class CopyRows(NpgsqlConnection connection, string select, int columns) : IDisposable
{
    private const int RowBytesMax = 16 * 1024 * 1024; // far above what an entry may have; more is no entry
    private readonly Stream stream = connection.BeginRawBinaryCopy($"COPY ({select}) TO STDOUT (FORMAT binary)");
    private readonly int[] starts = new int[columns];
    private readonly int[] lengths = new int[columns];
    private byte[] buffer = new byte[128 * 1024];
    private int from;
    private int to;
    private bool begun;

    /// <summary>A field of the row; empty for null, too.</summary>
    public ReadOnlySpan<byte> this[int column] => buffer.AsSpan(starts[column], Math.Max(0, lengths[column]));

    public bool IsNull(int column) => lengths[column] < 0;

    /// <summary>A <c>bigint</c>.</summary>
    public long Int64(int column) => BinaryPrimitives.ReadInt64BigEndian(this[column]);

    /// <summary>A <c>uuid</c>.</summary>
    public Guid Uuid(int column) => new(this[column], bigEndian: true);

    /// <summary>A <c>timestamptz</c>, in microseconds since 2000.</summary>
    public long Microseconds(int column) => BinaryPrimitives.ReadInt64BigEndian(this[column]);

    /// <summary>The text of a <c>jsonb</c>.</summary>
    public ReadOnlySpan<byte> Json(int column) => this[column] is [1, .. var text] ? text
        : throw new InvalidDataException("PostgreSQL sends another version of jsonb.");

    /// <summary>Goes to the next row. False: there is none.</summary>
    public bool Next()
    {
        if (!begun)
        {
            begun = true;
            Skip(11 + 4); // signature, flags
            Skip(Int32());
        }

        Need(2);
        var count = BinaryPrimitives.ReadInt16BigEndian(buffer.AsSpan(from));
        from += 2;
        if (count < 0)
        {
            return false;
        }

        if (count != columns)
        {
            throw new InvalidDataException($"A row has {count} columns, not {columns}.");
        }

        var at = 0; // from the row's start, which moves when the buffer is refilled
        for (var column = 0; column < columns; column++)
        {
            Need(at + 4);
            lengths[column] = BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(from + at));
            starts[column] = at += 4;
            at += Math.Max(0, lengths[column]);
            Need(at);
        }

        for (var column = 0; column < columns; column++)
        {
            starts[column] += from;
        }

        from += at;
        return true;
    }

    public void Dispose() => stream.Dispose();

    private int Int32()
    {
        Need(4);
        var value = BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(from));
        from += 4;
        return value;
    }

    private void Skip(int bytes)
    {
        Need(bytes);
        from += bytes;
    }

    // So many bytes from `from` on are there afterwards.
    private void Need(int bytes)
    {
        if (to - from >= bytes)
        {
            return;
        }

        if (bytes > RowBytesMax)
        {
            throw new InvalidDataException("A row is larger than any that was written here.");
        }

        if (from + bytes > buffer.Length || buffer.Length - to < 4096)
        {
            var target = bytes > buffer.Length - 4096 ? new byte[Math.Max(buffer.Length * 2, bytes + 4096)] : buffer;
            Buffer.BlockCopy(buffer, from, target, 0, to - from);
            (buffer, to, from) = (target, to - from, 0);
        }

        while (to - from < bytes)
        {
            var read = stream.Read(buffer, to, buffer.Length - to);
            if (read == 0)
            {
                throw new EndOfStreamException("PostgreSQL ended a COPY in the middle of a row.");
            }

            to += read;
        }
    }
}
