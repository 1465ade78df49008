using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;
using Bsp.Application.Statements;

namespace Bsp.Api.Statements;

/// <summary>
/// A statement as one page to read and to print: no script, no picture, nothing from elsewhere; its one style sheet is named by its hash
/// in the answer's policy. Names that others wrote
/// stand in elements of their own (<c>bdi</c>), so that one written from right to left turns nothing around it.
/// </summary>
internal static class StatementHtml
{
    private const string Style = """

        body { font: 14px/1.45 system-ui, sans-serif; color: #1b1b1b; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
        h1 { font-size: 1.4rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
        table { border-collapse: collapse; width: 100%; } th, td
          { text-align: start; padding: .3rem .5rem; border-bottom: 1px solid #ddd; vertical-align: top; }
        td.n, th.n { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; } tr.sum td
          { font-weight: 600; border-top: 2px solid #444; }
        td.late { font-style: italic; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .6rem 0; }
          dt { color: #555; } dd { margin: 0; }
        code { font: 12px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; } bdi { unicode-bidi: isolate; }
        @page { size: A4; margin: 16mm 14mm; }
        @media print { body { margin: 0; max-width: none; padding: 0; font-size: 10pt; }
          a { color: inherit; text-decoration: none; } thead { display: table-header-group; }
          tr { break-inside: avoid; } .screen { display: none; } }

        """;

    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);

    /// <summary>What the page may do: use its own style sheet.</summary>
    public static readonly string Policy = "default-src 'none'; style-src 'sha256-"
        + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))
        + "'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    private static readonly (string Kind, string Title)[] Sections =
    [
        ("topup", "Top-ups"), ("subscription", "Subscription"), ("usage", "Usage"), ("refund", "Charges given back"),
            ("topup_refund", "Top-ups returned"), ("adjustment", "Adjustments"),
    ];

    public static string Write(Statement statement)
    {
        var page = new StringBuilder(8_000);
        page.Append(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
            + "content=\"width=device-width\"><title>Statement ").Append(Text(statement.Month))
            .Append("</title><style>").Append(Style).Append("</style></head>\n<body>\n<h1>Statement ").Append(Text(statement.Month))
                .Append("</h1>\n");
        page.Append("<dl><dt>Organization</dt><dd>").Append(Name(statement.OrganizationName)).Append(" <code>")
            .Append(statement.OrganizationId).Append("</code></dd><dt>Currency</dt><dd>")
            .Append(Text(statement.Currency)).Append("</dd><dt>Recorded</dt><dd>").Append(StatementCsv.Time(statement.RecordedFrom))
                .Append(" to ")
            .Append(StatementCsv.Time(statement.AsOf ?? statement.RecordedTo)).Append(" (UTC)")
                .Append(statement.Status == "open" ? ", the month is open" : "").Append("</dd></dl>\n");
        Summary(page, statement);
        foreach (var (kind, title) in Sections)
        {
            Section(page, title, statement.Currency, [.. statement.Lines.Where(l => l.Kind == kind)]);
        }

        Head(page, statement.Head);
        return page.Append("</body></html>\n").ToString();
    }

    private static void Summary(StringBuilder page, Statement s)
    {
        page.Append("<table><thead><tr><th>Movement</th><th class=\"n\">").Append(Text(s.Currency)).Append("</th></tr></thead><tbody>\n");
        (string, decimal)[] rows =
        [
            ("Opening balance", s.Opening), ("Top-ups", s.Totals.TopUps), ("Subscription", s.Totals.Subscription),
                ("Usage", s.Totals.Usage), ("Refunds", s.Totals.Refunds),
            ("Adjustments", s.Totals.Adjustments),
        ];
        foreach (var (name, amount) in rows)
        {
            page.Append("<tr><td>").Append(name).Append("</td><td class=\"n\">").Append(StatementCsv.Money(amount)).Append("</td></tr>\n");
        }

        page.Append("<tr class=\"sum\"><td>Closing balance</td><td class=\"n\">").Append(StatementCsv.Money(s.Closing))
            .Append("</td></tr>\n");
        page.Append("<tr><td>Held for messages under way</td><td class=\"n\">").Append(StatementCsv.Money(s.Held))
            .Append("</td></tr>\n</tbody></table>\n");
    }

    private static void Section(StringBuilder page, string title, string currency, IReadOnlyList<StatementLine> lines)
    {
        if (lines.Count == 0)
        {
            return;
        }

        page.Append("<h2>").Append(title)
            .Append(
            "</h2>\n<table><thead><tr><th>Category</th><th>Market</th><th>Number</th><th>Happened</th><th>Recorded</th><th "
            + "class=\"n\">Entries</th><th class=\"n\">")
            .Append(Text(currency)).Append("</th></tr></thead><tbody>\n");
        foreach (var line in lines)
        {
            page.Append("<tr><td>").Append(Name(line.Category)).Append("</td><td>").Append(Name(line.Market)).Append("</td><td>")
                .Append(Name(line.Number ?? line.AccountId?.ToString())).Append("</td><td")
                .Append(line.Late ? " class=\"late\">" : ">").Append(Span(line.FirstEffectiveAt, line.LastEffectiveAt))
                    .Append(line.Late ? " (late)" : "").Append("</td><td>")
                .Append(Span(line.FirstRecordedAt, line.LastRecordedAt)).Append("</td><td class=\"n\"><a href=\"")
                    .Append(Text(line.Entries)).Append("\">")
                .Append(line.Count.ToString(CultureInfo.InvariantCulture)).Append("</a></td><td class=\"n\">")
                    .Append(StatementCsv.Money(line.Amount)).Append("</td></tr>\n");
        }

        page.Append("<tr class=\"sum\"><td colspan=\"5\">Sum</td><td class=\"n\">")
            .Append(lines.Sum(l => l.Count).ToString(CultureInfo.InvariantCulture)).Append("</td><td class=\"n\">")
            .Append(StatementCsv.Money(lines.Sum(l => l.Amount))).Append("</td></tr>\n</tbody></table>\n");
    }

    private static void Head(StringBuilder page, Application.Ledger.SignedLedgerHead? head)
    {
        if (head is null)
        {
            return;
        }

        page.Append(
            "<h2>Proof</h2>\n<p>The chain's head when this was made. Keep this page: no entry up to the head can be changed without "
            + "its not fitting any more.</p>\n<dl><dt>Entries</dt><dd>")
            .Append(head.Size.ToString(CultureInfo.InvariantCulture)).Append("</dd><dt>Head</dt><dd><code>").Append(Text(head.HeadHash))
                .Append("</code></dd><dt>Root</dt><dd><code>").Append(Text(head.Root))
            .Append("</code></dd><dt>Signed</dt><dd><code>").Append(Text(head.Message)).Append("</code></dd><dt>Signature</dt><dd><code>")
                .Append(Text(head.Signature)).Append("</code> (Ed25519, key <code>")
            .Append(Text(head.KeyId)).Append("</code>)</dd></dl>\n");
    }

    private static string Span(DateTimeOffset first, DateTimeOffset last)
    {
        var (from, to) = (StatementCsv.Time(first)[..10], StatementCsv.Time(last)[..10]);
        return from == to ? from : $"{from} to {to}";
    }

    private static string Name(string? text) => text is null ? "" : $"<bdi dir=\"auto\">{Text(text)}</bdi>";

    private static string Text(string text) => Encoder.Encode(text);
}
