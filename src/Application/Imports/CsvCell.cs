namespace Bsp.Application.Imports;

/// <summary>
/// Cells that a spreadsheet shows and does not execute (OWASP: CSV injection). A text that begins with <c>= + - @</c>, narrow or wide (<c>＝
/// ＋ － ＠</c>), tab, CR, LF or an apostrophe gets an apostrophe before it, a phone number's '+' too;
/// reading takes one apostrophe away from before such a character. So what was written is read back as it was.
/// </summary>
public static class CsvCell
{
    /// <summary>The cell as it goes into the file, quoted where it must be.</summary>
    public static string Write(string text)
    {
        var safe = text.Length > 0 && IsActive(text[0]) ? $"'{text}" : text;
        return safe.AsSpan().IndexOfAny(",\"\r\n;") >= 0 ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }

    /// <summary>One line with its end.</summary>
    public static string Line(IEnumerable<string> cells) => $"{string.Join(',', cells.Select(Write))}\r\n";

    /// <summary>The text that a cell stands for, quotes already taken off.</summary>
    public static string Read(string cell) => cell.Length > 1 && cell[0] == '\'' && IsActive(cell[1]) ? cell[1..] : cell;

    private static bool IsActive(char c) => c is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n' or '\'' or '＝' or '＋' or '－' or '＠';
}
