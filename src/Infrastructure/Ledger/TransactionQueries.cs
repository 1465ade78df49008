using System.Text;
using Bsp.Application.Common;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Ledger;

public sealed class GetTransactionHandler(IWallets wallets) : IRequestHandler<GetTransaction, TransactionView>
{
    public async Task<TransactionView> Handle(GetTransaction request, CancellationToken cancellationToken) =>
        await wallets.FindAsync(request.OrganizationId, request.Id, cancellationToken) ?? throw new Refusal("transaction.unknown",
            "There is no such transaction.");
}

public sealed class ListTransactionsHandler(Shards shards) : IRequestHandler<ListTransactions, Page<TransactionView>>
{
    public async Task<Page<TransactionView>> Handle(ListTransactions request, CancellationToken cancellationToken)
    {
        var shard = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var (where, arguments) = Where(request);
        if (!request.Line.IsEmpty)
        {
            return await OfLineAsync(shard, request, where, arguments, cancellationToken);
        }

        var rows = await shard.QueryAsync(request.OrganizationId,
            $"SELECT {TransactionRows.Columns} FROM public.transactions t WHERE {where} ORDER BY t.id {Direction(request)} LIMIT $3",
            TransactionRows.Read, cancellationToken, [.. arguments]);
        return Keyset.Of(rows, request.Limit, row => row.Id);
    }

    // What a line is made of stands in the metadata, which no index knows: a page looks at so many movements and says where it stopped.
    private static async Task<Page<TransactionView>> OfLineAsync(Shard shard, ListTransactions request, string where,
        List<object> arguments, CancellationToken ct)
    {
        var looked = $"FROM public.transactions t WHERE {where} ORDER BY t.id {Direction(request)}";
        object[] asked = [.. arguments];
        var line = Line(request.Line, arguments);
        var rows = await shard.QueryAsync(request.OrganizationId, $"""
            WITH looked AS MATERIALIZED (SELECT t.* {looked} LIMIT {ListTransactions.LookedAtMax})
            SELECT {TransactionRows.Columns} FROM looked t WHERE {line} ORDER BY t.id {Direction(request)} LIMIT $3
            """, TransactionRows.Read, ct, [.. arguments]);
        if (rows.Count > request.Limit)
        {
            return Keyset.Of(rows, request.Limit, row => row.Id);
        }

        var stopped = await shard.QueryAsync(request.OrganizationId,
            $"SELECT t.id {looked} OFFSET {ListTransactions.LookedAtMax - 1} LIMIT least(1, $3)", r => r.GetGuid(0), ct, asked);
        return new(rows, stopped is [var last] ? last.ToString() : null);
    }

    private static string Direction(ListTransactions request) => Keyset.Of(request.Cursor, request.NewestFirst).Direction;

    private static string Line(LineFilter line, List<object> arguments)
    {
        var conditions = new List<string>();
        foreach (var (expression, value) in new[]
        {
            (StatementLineSql.Kind, line.Kind), (StatementLineSql.PricingCategory, line.PricingCategory),
            (StatementLineSql.Market, line.Market), (StatementLineSql.AccountId, line.AccountId),
            (StatementLineSql.EffectiveMonth, line.EffectiveMonth),
        })
        {
            if (value is not null)
            {
                arguments.Add(value);
                conditions.Add($"{expression} = ${arguments.Count}");
            }
        }

        return string.Join(" AND ", conditions);
    }

    // Times are ranges of ids, so a month that is not asked for is not read. Type and category stand in the text (they are words of ours),
    // so that the index of what is rare is seen to do.
    private static (string Where, List<object> Arguments) Where(ListTransactions request)
    {
        var (beginning, compare, _) = Keyset.Of(request.Cursor, request.NewestFirst);
        var where = new StringBuilder($"t.organization_id = $1 AND t.id {compare} $2");
        var arguments = new List<object> { request.OrganizationId, beginning, request.Limit + 1 };
        void And(string condition, object argument)
        {
            arguments.Add(argument);
            where.Append(" AND ").Append(condition).Append('$').Append(arguments.Count);
        }

        if (request.From is { } from)
        {
            And("t.id >= ", Uuid.Least(from));
        }

        if (request.To is { } to)
        {
            And("t.id < ", Uuid.Least(to));
        }

        if (request.ReferenceId is { } reference)
        {
            And("t.reference_id = ", reference);
        }

        if (request.Currency is { } currency)
        {
            And("t.currency = ", currency);
        }

        Append(where, "type", request.Type, [EntryTypes.Credit, EntryTypes.Debit, EntryTypes.Refund]);
        Append(where, "category", request.Category, EntryCategories.All);
        return (where.ToString(), arguments);
    }

    private static void Append(StringBuilder where, string column, string? asked, IReadOnlyList<string> words)
    {
        if (words.FirstOrDefault(word => word == asked) is { } word)
        {
            where.Append($" AND t.{column} = '{word}'");
        }
    }
}
