using System.Globalization;
using Bsp.Api.Common;
using Bsp.Application.Ledger;
using Carter;

namespace Bsp.Api.Ledger;

/// <summary>Months, <c>yyyy-mm</c>; a day or a time of it will do. Null: from the beginning, to the end.</summary>
public sealed record LedgerAuditBody(string? From = null, string? To = null);

/// <summary>A set of JSON Web Keys (RFC 7517).</summary>
public sealed record LedgerKeysResponse(IReadOnlyList<LedgerKey> Keys);

/// <summary>What an auditor needs to trust nobody: audits, signed heads and the keys to them, proofs.</summary>
public sealed class LedgerProofEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var ledger = app.MapGroup("/v1/ledger").WithTags("Ledger");
        ledger.MapPost("/audits", StartAsync).Produces<LedgerAuditView>(202)
            .Describe(
                "Has the ledger replayed from zero and compared with everything that is made of it; one at a time for an organization.",
                "audit.running", "request.invalid");
        ledger.MapGet("/audits", ListAsync).Produces<ListResponse<LedgerAuditView>>()
            .Describe("Audits, newest first; the last hundred are kept.", "request.cursor");
        ledger.MapGet("/audits/{id:guid}", GetAsync)
            .Describe("How far an audit is, and what it found: the first fault in the order of the chain.", "audit.unknown")
            .Produces<LedgerAuditView>();
        ledger.MapGet("/head", HeadAsync)
            .Describe("Where the chain stands, signed now. Keep it outside: it shows every later change of what lies before it.",
            "wallet.unknown").Produces<SignedLedgerHead>();
        ledger.MapGet("/heads", HeadsAsync)
            .Describe(
            "The head that each day ended with, newest first, and the day's one signed root over all organizations' heads, with the "
            + "path between them.", "request.cursor")
            .Produces<ListResponse<LedgerDay>>();
        ledger.MapGet("/proof/{transactionId:guid}", ProofAsync)
            .Describe("Shows that an entry is one of those under a signed head, with as many hashes as the tree is high.",
            "transaction.unknown")
            .Produces<LedgerProof>();
        app.MapGet("/.well-known/bsp-ledger-keys", KeysAsync).WithTags("Ledger")
            .Describe("Public keys that sign heads of ledgers, earlier ones too, as JSON Web Keys.").Produces<LedgerKeysResponse>();
    }

    private static async Task<IResult> StartAsync(LedgerAuditBody body, Call call)
    {
        var done = await call.Send(new StartLedgerAudit(call.OrganizationId, MonthOf(body.From), MonthOf(body.To)));
        return TypedResults.Accepted($"/v1/ledger/audits/{done.Id}",
            await call.Send(new GetLedgerAudit(call.OrganizationId, done.Id)));
    }

    private static async Task<IResult> ListAsync(Paging paging, Call call) =>
        call.Page(await call.Send(new ListLedgerAudits(call.OrganizationId, paging.Cursor, paging.Limit)));

    private static async Task<IResult> GetAsync(Guid id, Call call) =>
        call.Ok(await call.Send(new GetLedgerAudit(call.OrganizationId, id)));

    private static async Task<IResult> HeadAsync(string? currency, Call call) =>
        call.Ok(await call.Send(new GetLedgerHead(call.OrganizationId, currency)));

    private static async Task<IResult> HeadsAsync(Paging paging, Call call) =>
        call.Page(await call.Send(new ListLedgerDays(call.OrganizationId, paging.Cursor, paging.Limit)));

    private static async Task<IResult> ProofAsync(Guid transactionId, Call call) =>
        call.Ok(await call.Send(new GetLedgerProof(call.OrganizationId, transactionId)));

    private static async Task<IResult> KeysAsync(Call call) =>
        TypedResults.Ok(new LedgerKeysResponse(await call.Send(new ListLedgerKeys())));

    // What is neither goes on as it is: the validator says so, by the field's name.
    private static string? MonthOf(string? text) =>
        text is { Length: > 7 }
            && (WireJson.TryTime(text, out _) || DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture,
            DateTimeStyles.None, out _)) ? text[..7] : text;
}
