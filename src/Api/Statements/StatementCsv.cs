using System.Globalization;
using System.Text;
using Bsp.Application.Imports;
using Bsp.Application.Statements;

namespace Bsp.Api.Statements;

/// <summary>A statement as CSV (RFC 4180): a row for the opening, one a line, one for the closing, so that the column <c>amount</c>
/// without the last row adds up to it.</summary>
internal static class StatementCsv
{
    private static readonly string[] Header =
    [
        "month", "kind", "category", "market", "account_id", "number", "effective_month", "late", "count", "amount", "currency",
        "first_effective_at", "last_effective_at", "first_recorded_at", "last_recorded_at", "entries",
    ];

    public static string Write(Statement statement)
    {
        var text = new StringBuilder(CsvCell.Line(Header));
        Row(text, statement, "opening", statement.Opening, statement.RecordedFrom);
        foreach (var line in statement.Lines)
        {
            text.AppendJoin(',',
            [
                statement.Month, line.Kind, CsvCell.Write(line.Category ?? ""), CsvCell.Write(line.Market ?? ""),
                    line.AccountId?.ToString() ?? "", CsvCell.Write(line.Number ?? ""),
                line.EffectiveMonth, line.Late ? "true" : "false", line.Count.ToString(CultureInfo.InvariantCulture), Money(line.Amount),
                    statement.Currency,
                Time(line.FirstEffectiveAt), Time(line.LastEffectiveAt), Time(line.FirstRecordedAt), Time(line.LastRecordedAt),
                    CsvCell.Write(line.Entries),
            ]).Append("\r\n");
        }

        Row(text, statement, "closing", statement.Closing, statement.AsOf ?? statement.RecordedTo);
        return text.ToString();
    }

    private static void Row(StringBuilder text, Statement statement, string kind, decimal amount, DateTimeOffset at) =>
        text.Append(CultureInfo.InvariantCulture,
            $"{statement.Month},{kind},,,,,{statement.Month},false,,{Money(amount)},{statement.Currency},,,{Time(at)},{Time(at)},\r\n");

    // Amounts are written here and by nobody else: a minus before digits is a number, and no formula.
    internal static string Money(decimal amount) => amount.ToString("0.000000", CultureInfo.InvariantCulture);

    internal static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
