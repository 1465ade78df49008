using System.Text;
using Bsp.Api.Common;
using Bsp.Application.Statements;
using Carter;
using Microsoft.Net.Http.Headers;

namespace Bsp.Api.Statements;

/// <summary>GET /v1/statements/{yyyy-mm}: JSON, CSV or a page, by Accept.</summary>
public sealed class StatementEndpoints : ICarterModule
{
    private static readonly MediaTypeHeaderValue[] Kinds = [new("application/json"), new("text/csv"), new("text/html")];

    public void AddRoutes(IEndpointRouteBuilder app) => app.MapGet("/v1/statements/{month}", GetAsync).WithTags("Statements")
        .Describe(
            "What a month (UTC, yyyy-mm) came to: opening, top-ups, subscription, usage by category, market and number, refunds, "
            + "adjustments, closing. JSON, CSV or a page to print, by Accept; ?as_of= (a time) as it was then; ?currency=.",
            "statement.unknown", "request.as_of").Produces<Statement>().Produces<string>(200, "text/csv", "text/html");

    private static async Task<IResult> GetAsync(string month, string? currency, string? as_of, Call call)
    {
        DateTimeOffset? asOf = as_of is null ? null : WireJson.TryTime(as_of, out var time) ? time
            : throw Problem.Field("request.as_of", "as_of", "must be a time such as 2026-01-31T12:00:00Z.");
        var statement = await call.Send(new GetStatement(call.OrganizationId, month, currency, asOf));
        var kind = Wanted(call.Context);
        if (kind == 0)
        {
            return call.Ok(statement);
        }

        if (kind == 1)
        {
            call.Context.Response.Headers.ContentDisposition = $"attachment; filename=\"statement-{statement.Month}.csv\"";
            return TypedResults.Text(StatementCsv.Write(statement), "text/csv", Encoding.UTF8);
        }

        call.Context.Response.Headers.ContentSecurityPolicy = StatementHtml.Policy;
        return TypedResults.Text(StatementHtml.Write(statement), "text/html", Encoding.UTF8);
    }

    // The kind that the caller likes best; of equal ones the one that they name first. A browser names text/html first.
    private static int Wanted(HttpContext context)
    {
        var accept = context.Request.GetTypedHeaders().Accept;
        foreach (var liked in accept.Where(a => a.Quality is not 0).OrderByDescending(a => a.Quality ?? 1))
        {
            var kind = Array.FindIndex(Kinds, k => k.IsSubsetOf(new MediaTypeHeaderValue(liked.MediaType)));
            if (kind >= 0)
            {
                return kind;
            }
        }

        return 0;
    }
}
