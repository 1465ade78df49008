using Bsp.Application.Ledger;
using Bsp.Application.Statements;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.LedgerHeads;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Statements;

/// <summary>
/// A month out of the sums of its days; where <c>as_of</c> cuts through a part of a day, that part's entries up to that moment are summed
/// up. Everything is read in one transaction that sees one moment.
/// </summary>
public sealed class GetStatementHandler(Shards shards, HeadSigner signer, TimeProvider clock) : IRequestHandler<GetStatement, Statement>
{
    public async Task<Statement> Handle(GetStatement query, CancellationToken ct)
    {
        if (!LedgerMonth.TryParse(query.Month, out var first))
        {
            throw Unknown(query.Month);
        }

        var shard = await shards.OfAsync(query.OrganizationId, ct);
        await signer.IntroduceAsync(shard, ct);
        await using var transaction = await shard.BeginSnapshotAsync(query.OrganizationId, ct);
        var wallet = await StatementChain.ReadAsync(transaction, query.OrganizationId, query.Currency, query.Month, query.AsOf,
            ct) ?? throw Unknown(query.Month);
        var next = first.AddMonths(1);
        var lines = query.AsOf is { } asOf && asOf < LedgerTime.Start(LedgerMonth.Of(next))
            ? await StatementSums.UpToAsync(transaction, query.OrganizationId, wallet.Currency, first, asOf, ct)
                : await StatementSums.OfAsync(transaction, query.OrganizationId, wallet.Currency, first, next, ct);
        var names = await NamesAsync(transaction, lines, ct);
        var shown = Show(lines, query.Month, wallet.Currency, names);
        var last = wallet.Last;
        var head = signer.Sign(query.OrganizationId, wallet.Currency, last.Month, last.Sequence, last.Hash, wallet.Root,
            last.BalanceAfter, last.HeldAfter, clock.GetUtcNow());
        return new(query.OrganizationId, wallet.OrganizationName, wallet.Currency, query.Month, last.Type == EntryTypes.Closing
            ? "closed" : "open", LedgerTime.Start(query.Month),
            LedgerTime.Start(LedgerMonth.Of(next)), query.AsOf, wallet.Opening.BalanceAfter, Totals(shown), last.BalanceAfter,
                last.HeldAfter, shown, head);
    }

    private static Refusal Unknown(string month) =>
        new("statement.unknown",
        $"There is no statement of {Text.Cut(month, 20)}: it is no month (yyyy-mm), or the wallet has no entry in it up to then.");

    private static async Task<Dictionary<string, string>> NamesAsync(TenantTransaction transaction, List<Line> lines, CancellationToken ct)
    {
        var ids = lines.Select(l => l.AccountId).Distinct().Where(id => Guid.TryParse(id, out _)).Select(Guid.Parse).ToArray();
        return ids.Length == 0 ? []
            : (await transaction.QueryAsync("SELECT id, phone_number, display_name FROM whatsapp_accounts WHERE id = ANY ($1)",
            r => (r.GetGuid(0).ToString(), string.Join(' ', new[] { r.TextOrNull(1), r.TextOrNull(2) }.OfType<string>())), ct, ids))
                .ToDictionary();
    }

    private static List<StatementLine> Show(List<Line> lines, string month, string currency, Dictionary<string, string> names)
    {
        var sorted = lines.OrderBy(l => l.Rank).ThenBy(l => l.EffectiveMonth, StringComparer.Ordinal)
            .ThenBy(l => l.Category, StringComparer.Ordinal).ThenBy(l => l.Market, StringComparer.Ordinal)
            .ThenBy(l => l.AccountId, StringComparer.Ordinal).ToList();
        if (sorted.Count > Statement.LinesMax)
        {
            // What is beyond is summed up by kind, so that the sums stay whole.
            var rest = sorted[(Statement.LinesMax - 10)..].GroupBy(l => l.Kind)
                .Select(g => g.Aggregate((a, b) => a.Plus(b)) with
                {
                    Category = "", Market = "", AccountId = "", EffectiveMonth = month, IsRest = true,
                });
            sorted = [.. sorted[..(Statement.LinesMax - 10)], .. rest];
        }

        return [.. sorted.Select(l => l.Shown(month, currency, names))];
    }

    private static StatementTotals Totals(List<StatementLine> lines)
    {
        decimal Of(params string[] kinds) => lines.Where(l => kinds.Contains(l.Kind)).Sum(l => l.Amount) + 0.000000m;
        return new(Of("topup"), Of("subscription"), Of("usage"), Of("refund", "topup_refund"), Of("adjustment"));
    }
}

/// <summary>A line before it is shown.</summary>
internal sealed record Line(string Kind, string Category, string Market, string AccountId, string EffectiveMonth, long Count,
    decimal Amount, DateTimeOffset FirstEffective, DateTimeOffset LastEffective,
    DateTimeOffset FirstRecorded, DateTimeOffset LastRecorded)
{
    private static readonly string[] Order = ["topup", "subscription", "usage", "refund", "topup_refund", "adjustment"];

    /// <summary>Summed up of lines that were too many: of its entries only the kind is alike.</summary>
    public bool IsRest { get; init; }

    public int Rank => Array.IndexOf(Order, Kind);

    public static Line Read(NpgsqlDataReader r) => new(r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GetString(4),
        r.GetInt64(5), r.GetDecimal(6), r.GetFieldValue<DateTimeOffset>(7),
        r.GetFieldValue<DateTimeOffset>(8), r.GetFieldValue<DateTimeOffset>(9), r.GetFieldValue<DateTimeOffset>(10));

    public Line Plus(Line other) => this with
    {
        Count = Count + other.Count, Amount = Amount + other.Amount, FirstEffective = FirstEffective < other.FirstEffective
            ? FirstEffective : other.FirstEffective,
        LastEffective = LastEffective > other.LastEffective ? LastEffective : other.LastEffective, FirstRecorded =
            FirstRecorded < other.FirstRecorded ? FirstRecorded : other.FirstRecorded,
        LastRecorded = LastRecorded > other.LastRecorded ? LastRecorded : other.LastRecorded,
    };

    public StatementLine Shown(string month, string currency, Dictionary<string, string> names) =>
        new(Kind, Or(Category), Or(Market), Guid.TryParse(AccountId, out var account) ? account : null,
        names.GetValueOrDefault(AccountId), EffectiveMonth, EffectiveMonth != month, Count, Amount, FirstEffective, LastEffective,
            FirstRecorded, LastRecorded, Entries(currency));

    private static string? Or(string text) => text.Length == 0 ? null : text;

    // The list of exactly these entries. Type and category are in it for the index of what is rare.
    private string Entries(string currency)
    {
        var kind = Kind switch
        {
            "topup" => "type=credit&category=topup",
            "subscription" => "category=subscription",
            "usage" => "type=debit&category=message",
            "refund" => "type=refund",
            "topup_refund" => "type=refund&category=refund",
            _ => "category=refund",
        };
        var to = LastRecorded.AddMilliseconds(1);
        var list = $"/v1/transactions?{kind}&currency={currency}&from={LedgerTime.Text(FirstRecorded)}&to={LedgerTime.Text(to)}"
            + $"&kind={Kind}";
        return IsRest ? list : list + $"&pricing_category={Uri.EscapeDataString(Category)}&market={Uri.EscapeDataString(Market)}"
            + $"&account_id={Uri.EscapeDataString(AccountId)}&effective_month={EffectiveMonth}";
    }
}
