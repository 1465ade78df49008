using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Application.Charging;
using Bsp.Application.Common;
using Carter;
using Microsoft.AspNetCore.Http.Features;

namespace Bsp.Api.Charging;

/// <summary>Answer of POST /v1/rate-cards.</summary>
/// <param name="Cards">What was taken in; empty when the file was one of rules.</param>
/// <param name="Missing">Pairs of market and category that a card has no price for, by its code.</param>
public sealed record RateCardsTaken(Guid Id, IReadOnlyList<RateCardView> Cards,
    IReadOnlyDictionary<string, IReadOnlyList<MissingRate>> Missing);

public sealed class RateCardEndpoints : ICarterModule
{
    private const long BytesMax = 8 * 1024 * 1024;
    private const int CardsShownMax = 100;

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/rate-cards", Import).WithMetadata(new StreamedBody(), new RunsAs(WorkKind.Bulk))
            .Accepts<string>("text/csv", "application/csv").Produces<RateCardsTaken>(201)
            .Describe("Takes in a CSV file of rate cards (card, effective_from, market, category, tier_from, tier_to, currency, unit_price, markup_rate, markup_fixed) or of their rules (card, category, pricing_type, charge, monthly_allowance, allowance_scope, assumed_when_missing): all of it or nothing.",
                "rate_card.header", "rate_card.empty", "rate_card.invalid", "rate_card.line", "rate_card.code", "rate_card.market",
                "rate_card.category", "rate_card.currency", "rate_card.amount", "rate_card.tier", "rate_card.type",
                "rate_card.charge", "rate_card.allowance", "rate_card.moment", "rate_card.in_past", "rate_card.gap", "rate_card.overlap",
                "rate_card.duplicate", "rate_card.mixed", "rate_card.too_large", "rate_card.exists", "rate_card.moment_taken");
        app.MapGet("/v1/rate-cards", List).Describe("All rate cards in the order in which they were taken in.", "request.cursor")
            .Produces<ListResponse<RateCardView>>();
        app.MapGet("/v1/rate-cards/{id:guid}", Get).Describe("One rate card with its prices and rules.", "rate_card.unknown")
            .Produces<RateCardDetail>();
    }

    private static async Task<IResult> Import(Call call)
    {
        if (call.Context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = BytesMax;
        }

        var done = await call.Send(new ImportRateCards(await CsvBody.OpenAsync(call.Context, call.Aborted)));
        var cards = (await call.Send(new ListRateCards(CardsShownMax, null, done.Id))).Data;
        var missing = new Dictionary<string, IReadOnlyList<MissingRate>>();
        foreach (var card in cards)
        {
            missing[card.Code] = (await call.Send(new GetRateCard(card.Id, WithMarkup: false)))!.Missing;
        }

        return call.Created("/v1/rate-cards", new RateCardsTaken(done.Id, cards, missing));
    }

    private static async Task<IResult> List(Paging paging, Call call) =>
        call.Page(await call.Send(new ListRateCards(paging.Limit, paging.Cursor)));

    private static async Task<IResult> Get(Guid id, Call call) =>
        call.Ok(await call.Send(new GetRateCard(id, call.Caller.Role == Role.Platform))
            ?? throw Problem.Unknown("rate_card"));
}
