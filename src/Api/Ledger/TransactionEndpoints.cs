using Bsp.Api.Common;
using Bsp.Application.Ledger;
using Bsp.Domain.Ledger;
using Carter;
using Microsoft.AspNetCore.Mvc;

namespace Bsp.Api.Ledger;

/// <summary>A part of a wallet's chain.</summary>
/// <param name="NextAfter">Where to go on, now or whenever there may be more: as <c>?after=</c>. Null: the wallet has no entry yet.</param>
/// <param name="More">There is more already.</param>
public sealed record LedgerEntriesResponse(IReadOnlyList<LedgerEntry> Data, Guid? NextAfter, bool More);

/// <summary>A line of a statement, as its link to the entries names it.</summary>
public sealed record LineQuery
{
    [FromQuery(Name = "kind")]
    public string? Kind { get; init; }

    [FromQuery(Name = "pricing_category")]
    public string? PricingCategory { get; init; }

    [FromQuery(Name = "market")]
    public string? Market { get; init; }

    [FromQuery(Name = "account_id")]
    public string? AccountId { get; init; }

    [FromQuery(Name = "effective_month")]
    public string? EffectiveMonth { get; init; }
}

/// <summary>/v1/transactions and /v1/ledger/entries: every movement, and every link of the chain.</summary>
public sealed class TransactionEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapGet("/v1/transactions", ListAsync).WithTags("Transactions").Produces<ListResponse<TransactionView>>().Describe(
            "Movements of the organization's wallets in the order of their recording (?order=newest: the newest first); ?type=, ?category=, ?reference_id=, ?currency=, ?from= and ?to= "
            + "(times, from included) keep some. ?kind=, ?pricing_category=, ?market=, ?account_id= and ?effective_month= keep those of a "
            + "line of a statement (empty: it names none); a page may then hold fewer than its limit: go on while there is a next_cursor.",
            "request.invalid", "request.cursor", "request.limit");
        app.MapGet("/v1/transactions/{id:guid}", GetAsync).WithTags("Transactions").Produces<TransactionView>()
            .Describe("One movement.", "transaction.unknown");
        app.MapGet("/v1/ledger/entries", EntriesAsync).WithTags("Ledger").Produces<LedgerEntriesResponse>().Describe(
            "Every link of a wallet's chain in order, from ?after= (an entry's id) on: openings, closings and holds too. "
            + "What the hashes are made of: docs/ledger.md.",
            "request.after", "request.currency", "request.limit", "ledger.unreadable");
    }

    private static async Task<IResult> ListAsync(string? type, string? category, string? reference_id, string? currency, string? from,
        string? to, string? order, [AsParameters] LineQuery line, Paging paging, Call call)
    {
        RequireWord("type", type, [EntryTypes.Credit, EntryTypes.Debit, EntryTypes.Refund]);
        RequireWord("category", category, EntryCategories.All);
        var query = new ListTransactions(call.OrganizationId, type, category, reference_id, currency, Time("from", from), Time("to", to),
            LineOf(line), paging.Limit, paging.Cursor) { NewestFirst = ListOrder.IsNewestFirst(order) };
        return call.Page(await call.Send(query));
    }

    private static async Task<IResult> GetAsync(Guid id, Call call) =>
        call.Ok(await call.Send(new GetTransaction(call.OrganizationId, id)));

    private static async Task<IResult> EntriesAsync(string? after, string? currency, Paging paging, Call call)
    {
        var from = after is null ? (Guid?)null : Guid.TryParseExact(after, "D", out var id) ? id
            : throw Problem.Field("request.after", "after", "must be the id of an entry of this wallet.");
        var entries = await call.Send(new ListLedgerEntries(call.OrganizationId, currency, from, paging.Limit + 1));
        var shown = entries.Take(paging.Limit).ToList();
        return TypedResults.Ok(new LedgerEntriesResponse(shown, shown.Count > 0 ? shown[^1].Id : from, entries.Count > paging.Limit));
    }

    private static LineFilter LineOf(LineQuery line)
    {
        RequireWord("kind", line.Kind, LineFilter.Kinds);
        foreach (var (field, text, most) in new[] { ("pricing_category", line.PricingCategory, 64), ("market", line.Market, 100) })
        {
            Require(text is null || (text.Length <= most && Domain.Common.Text.IsStorable(text)), field,
                $"must be at most {most} characters.");
        }

        Require(string.IsNullOrEmpty(line.AccountId) || Guid.TryParseExact(line.AccountId, "D", out _), "account_id",
            "must be a number's id, or empty.");
        Require(line.EffectiveMonth is null || LedgerMonth.Is(line.EffectiveMonth), "effective_month", "must be a month such as 2026-10.");
        return new(line.Kind, line.PricingCategory, line.Market, line.AccountId?.ToLowerInvariant(), line.EffectiveMonth);
    }

    private static void Require(bool holds, string field, string message)
    {
        if (!holds)
        {
            throw Problem.Field("request.invalid", field, message);
        }
    }

    private static void RequireWord(string field, string? asked, IReadOnlyList<string> words)
    {
        if (asked is not null && !words.Contains(asked))
        {
            throw Problem.Field("request.invalid", field, $"must be one of {string.Join(", ", words)}.");
        }
    }

    private static DateTimeOffset? Time(string field, string? text) => text is null ? null
        : WireJson.TryTime(text, out var time) ? time : throw Problem.Field("request.invalid", field,
            "must be a time such as 2026-01-31T12:00:00Z.");
}
