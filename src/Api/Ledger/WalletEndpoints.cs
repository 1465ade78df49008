using Bsp.Api.Common;
using Bsp.Application.Ledger;
using Carter;

namespace Bsp.Api.Ledger;

/// <summary>Body of POST /v1/wallet/topups.</summary>
/// <param name="Amount">Decimal string of more than zero: at most twelve digits before the point, six behind it.</param>
/// <param name="Currency">ISO 4217, upper case.</param>
/// <param name="Reference">The payment provider's own id of the payment: the same one again answers the same transaction.</param>
/// <param name="Description">For people; at most 1,000 characters.</param>
public sealed record TopUpBody(string? Amount, string? Currency, string? Reference, string? Description);

/// <summary>Body of POST /v1/wallet/refunds.</summary>
/// <param name="Amount">As of a top-up; never more than is left of it.</param>
/// <param name="Currency">Null: the top-up's; another one is refused.</param>
/// <param name="Reference">The payment provider's own id of the refund.</param>
/// <param name="Of">The top-up: its reference, or the transaction's id.</param>
/// <param name="Description">For people; at most 1,000 characters.</param>
public sealed record RefundBody(string? Amount, string? Currency, string? Reference, string? Of, string? Description);

/// <summary>Body of POST /v1/wallet/adjustments.</summary>
/// <param name="Amount">Decimal string; negative: a debit, which never overdraws.</param>
/// <param name="Currency">ISO 4217, upper case.</param>
/// <param name="Reference">Of what it rests on; the same one again answers the same transaction.</param>
/// <param name="Description">For people; at most 1,000 characters.</param>
public sealed record AdjustmentBody(string? Amount, string? Currency, string? Reference, string? Description);

/// <summary>/v1/wallet: money comes in and goes back outside, by the platform's hand only.</summary>
public sealed class WalletEndpoints : ICarterModule
{
    private static readonly string[] Asked = ["request.amount", "request.currency", "request.reference", "request.description"];

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var wallet = app.MapGroup("/v1/wallet").WithTags("Wallet");
        wallet.MapGet("", GetAsync).Produces<WalletView>().Describe(
            "What there is, what is held, what is available; ?as_of= (a time) shows it as it was, ?currency= one of several wallets.",
                "request.as_of", "request.currency");
        wallet.MapGet("/holds", HoldsAsync).Produces<ListResponse<LedgerHoldView>>().Describe(
            "What is set aside for something that is under way, in the order of its references.", "request.cursor");
        wallet.MapPost("/topups", TopUpAsync).Produces<TransactionView>(201).Describe(
            "Puts money that came in outside into the wallet, once for each reference.",
                [.. Asked, "wallet.reference_taken", "wallet.limit"]);
        wallet.MapPost("/refunds", RefundAsync).Produces<TransactionView>(201).Describe(
            "Takes money that went back outside out of the wallet: of one top-up, at most what is left of it.",
            [.. Asked, "topup.unknown", "refund.exceeds", "wallet.insufficient", "wallet.currency_mismatch", "wallet.reference_taken"]);
        wallet.MapPost("/adjustments", AdjustAsync).Produces<TransactionView>(201).Describe(
            "Corrects the wallet by hand: a positive amount is a credit, a negative one a debit.",
                [.. Asked, "wallet.insufficient", "wallet.reference_taken", "wallet.limit"]);
    }

    private static async Task<IResult> GetAsync(string? currency, Moment as_of, Call call)
    {
        var time = as_of.Value.Position is null ? as_of.Value.Time
            : throw Problem.Field("request.as_of", "as_of", "must be a time such as 2026-01-31T12:00:00Z.");
        return call.Ok(await call.Send(new GetWallet(call.OrganizationId, currency, time)));
    }

    private static async Task<IResult> HoldsAsync(Paging paging, Call call) =>
        call.Page(await call.Send(new ListHolds(call.OrganizationId, paging.Cursor, paging.Limit)));

    private static async Task<IResult> TopUpAsync(TopUpBody body, Call call) =>
        await CreatedAsync(await call.Send(new TopUpWallet(call.OrganizationId, body.Amount, body.Currency, body.Reference,
            body.Description)), call);

    private static async Task<IResult> RefundAsync(RefundBody body, Call call) =>
        await CreatedAsync(await call.Send(new ReturnTopUp(call.OrganizationId, body.Amount, body.Currency, body.Reference, body.Of,
            body.Description)), call);

    private static async Task<IResult> AdjustAsync(AdjustmentBody body, Call call) =>
        await CreatedAsync(await call.Send(new AdjustWallet(call.OrganizationId, body.Amount, body.Currency, body.Reference,
            body.Description)), call);

    private static async Task<IResult> CreatedAsync(Guid id, Call call) =>
        call.Created($"/v1/transactions/{id}", await call.Send(new GetTransaction(call.OrganizationId, id)));
}
