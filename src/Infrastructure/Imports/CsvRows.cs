using Bsp.Domain.Common;
using CsvHelper;

namespace Bsp.Infrastructure.Imports;

/// <param name="Line">Where the row begins in the file, from 1.</param>
/// <param name="Fault">Why it cannot be read as it stands; null when it can.</param>
internal readonly record struct FileRow(int Line, string[] Fields, string? Fault);

/// <summary>A CSV file as rows, one at a time (RFC 4180, UTF-8 or with a byte order mark UTF-16, CRLF or LF), in constant memory.</summary>
internal sealed class CsvRows : IDisposable
{
    /// <summary>Bytes of one row. A longer one is a quote that was never closed, or a file without line ends.</summary>
    public const int RowBytesMax = 256 * 1024;

    private readonly CsvReader reader;
    private readonly Queue<CsvMalformedRecord> malformed = new();

    public CsvRows(Stream stream, char delimiter) => reader = CsvReader.Create(stream, new CsvReaderOptions
    {
        Separator = delimiter,
        HasHeader = false,
        TrackLineNumbers = true,
        MaxRecordSize = RowBytesMax,
        OnMalformedRecord = malformed.Enqueue,
    }, leaveOpen: true);

    /// <summary>
    /// Next row that says anything; null at the end. Blank lines and lines of nothing but separators, which spreadsheets leave at the
    /// end, are none.
    /// </summary>
    /// <exception cref="Refusal"><c>import.unclosed_quote</c>, <c>import.row_too_long</c></exception>
    public async ValueTask<FileRow?> ReadAsync(CancellationToken ct)
    {
        FileRow? row;
        do
        {
            row = await NextAsync(ct);
        }
        while (row is { Fault: null } read && Array.TrueForAll(read.Fields, string.IsNullOrWhiteSpace));

        return row;
    }

    private async ValueTask<FileRow?> NextAsync(CancellationToken ct)
    {
        try
        {
            if (!await reader.ReadAsync(ct))
            {
                return malformed.TryDequeue(out var last) && last.Reason == CsvMalformedReason.UnterminatedQuote
                    ? throw UnclosedQuote(last.LineNumber) : null;
            }
        }
        catch (CsvFormatException e)
        {
            throw new Refusal("import.row_too_long",
                $"Line {Math.Max(e.LineNumber, reader.LineNumber + 1)}: a row has more than {RowBytesMax} bytes; probably a quote is opened and never closed. Nothing was imported.");
        }

        var line = reader.LineNumber;
        var fields = new string[reader.FieldCount];
        for (var i = 0; i < fields.Length; i++)
        {
            fields[i] = reader.GetString(i);
        }

        return new((int)line, fields, Fault(line));
    }

    public void Dispose() => reader.Dispose();

    private string? Fault(long line)
    {
        while (malformed.TryPeek(out var first) && first.LineNumber <= line)
        {
            malformed.Dequeue();
            if (first.Reason == CsvMalformedReason.UnterminatedQuote)
            {
                throw UnclosedQuote(line);
            }

            if (first.LineNumber == line)
            {
                return "has a quote inside a field; quotes go around the whole field and are doubled inside";
            }
        }

        return null;
    }

    private static Refusal UnclosedQuote(long line) =>
        new("import.unclosed_quote", $"Line {line}: a quote is opened and never closed. Nothing was imported.");
}
