using System.Text;
using Bsp.Application.Imports;
using Npgsql;

namespace Bsp.Infrastructure.Imports;

/// <summary>Which failures of a page are those of a row in it.</summary>
internal static class ImportRefusals
{
    /// <summary>
    /// The data was refused, not the work: data exceptions (22), constraints (23) and limits of the program (54), or a text that cannot
    /// be encoded.
    /// Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
    /// </summary>
    public static bool IsOfRows(Exception fault) =>
        fault is PostgresException { SqlState: ['2', '2' or '3', ..] or ['5', '4', ..] } or EncoderFallbackException
        || fault.InnerException is EncoderFallbackException;

    /// <summary>We wrote the rule and the reason (0165_bounded_contacts.sql): however many rows break it, it is theirs.</summary>
    public static bool IsOurs(Exception fault) => fault is PostgresException { SqlState: PostgresErrorCodes.InvalidParameterValue };

    /// <summary>For the person who sent the file. PostgreSQL's own text names no value of the row; its detail would.</summary>
    public static string Reason(Exception fault) =>
        fault is PostgresException database ? IsOurs(fault) ? database.MessageText
        : $"cannot be stored: {Domain.Common.Text.Cut(database.MessageText, 300)}"
        : "cannot be stored: it has half of a character in it";

    /// <summary>Two parts that follow each other; null: it is one row.</summary>
    public static (CheckedRows First, CheckedRows Second)? Halves(this CheckedRows page)
    {
        if (page.LastRow - page.AfterRow < 2)
        {
            return null;
        }

        var middle = page.AfterRow + ((page.LastRow - page.AfterRow) / 2);
        return (page.Between(page.AfterRow, middle), page.Between(middle, page.LastRow));
    }

    /// <summary>The one row of it as a reject.</summary>
    public static CheckedRows Refused(this CheckedRows page, string reason) =>
        page with { Good = [], Rejects = [.. page.Rejects, .. page.Good.Select(g => (g.Staged, new RowFault(null, reason)))] };

    private static CheckedRows Between(this CheckedRows page, int after, int last) =>
        new(after, last, [.. page.Good.Where(g => g.Staged.Row > after && g.Staged.Row <= last)],
            [.. page.Rejects.Where(r => r.Staged.Row > after && r.Staged.Row <= last)]);
}
