using System.Text;
using System.Text.RegularExpressions;

namespace Bsp.Infrastructure.Backups;

/// <summary>
/// Counts the rows of each table in the text that <c>pg_restore --data-only</c> makes of a dump, as it comes: nothing of it is kept.
/// </summary>
internal sealed partial class DumpRows
{
    private const int LineBytesKept = 1_024; // enough for "COPY schema.table ("
    private readonly byte[] line = new byte[LineBytesKept];
    private int length; // of the line so far; more than is kept is only counted
    private string? table;
    private long rows;

    public Dictionary<string, long> Tables { get; } = new(StringComparer.Ordinal);

    public async Task ReadAsync(Stream text, CancellationToken ct)
    {
        var buffer = new byte[256 * 1024];
        for (int read; (read = await text.ReadAsync(buffer, ct)) > 0;)
        {
            Take(buffer.AsSpan(0, read));
        }
    }

    private void Take(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            var end = text.IndexOf((byte)'\n');
            var part = end < 0 ? text : text[..end];
            var kept = part[..Math.Min(part.Length, Math.Max(0, LineBytesKept - length))];
            kept.CopyTo(line.AsSpan(Math.Min(length, LineBytesKept)));
            length += part.Length;
            if (end < 0)
            {
                return;
            }

            Line(line.AsSpan(0, Math.Min(length, LineBytesKept)));
            length = 0;
            text = text[(end + 1)..];
        }
    }

    private void Line(ReadOnlySpan<byte> of)
    {
        if (table is not null)
        {
            if (!of.SequenceEqual("\\."u8))
            {
                rows++;
                return;
            }

            Tables[table] = rows;
            table = null;
        }
        else if (of.StartsWith("COPY "u8) && Head().Match(Encoding.UTF8.GetString(of)) is { Success: true } head)
        {
            (table, rows) = ($"{Plain(head.Groups[1].Value)}.{Plain(head.Groups[2].Value)}", 0);
        }
    }

    private static string Plain(string name) => name.Trim('"').Replace("\"\"", "\"", StringComparison.Ordinal);

    [GeneratedRegex("^COPY (\"(?:[^\"]|\"\")+\"|[^.]+)\\.(\"(?:[^\"]|\"\")+\"|[^ ]+) ")]
    private static partial Regex Head();
}
