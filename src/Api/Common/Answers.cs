using AutoMapper;
using Bsp.Application.Common;

namespace Bsp.Api.Common;

/// <summary>A list as the contract shows it.</summary>
/// <param name="NextCursor">Signed; null at the end.</param>
public sealed record ListResponse<T>(IReadOnlyList<T> Data, string? NextCursor);

/// <summary>Answers of endpoints.</summary>
public static class Answers
{
    /// <summary>200 with the whole resource.</summary>
    /// <param name="version">Becomes the ETag; null: the resource has none.</param>
    public static IResult Ok<T>(HttpContext context, T body, long? version = null)
    {
        Tag(context, version);
        return TypedResults.Json(body, statusCode: 200);
    }

    /// <summary>201 with the whole resource and where it is.</summary>
    public static IResult Created<T>(HttpContext context, string location, T body, long? version = null)
    {
        Tag(context, version);
        return TypedResults.Created(location, body);
    }

    /// <summary>200 with a page of mapped rows and a signed cursor.</summary>
    public static IResult Page<TView, TResponse>(HttpContext context, IMapper mapper, Page<TView> page) =>
        TypedResults.Ok(new ListResponse<TResponse>(mapper.Map<List<TResponse>>(page.Data), Paging.Sign(context, page.NextCursor)));

    /// <summary>200 with a page of rows as they are and a signed cursor.</summary>
    public static IResult Page<T>(HttpContext context, Page<T> page) =>
        TypedResults.Ok(new ListResponse<T>(page.Data, Paging.Sign(context, page.NextCursor)));

    /// <summary>A refusal that is answered, not thrown: where strangers are refused by the hundred it costs a tenth.</summary>
    public static IResult Refused(Problem problem) => new ProblemAnswer(problem);

    private sealed class ProblemAnswer(Problem problem) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => Problems.WriteAsync(httpContext, problem);
    }

    private static void Tag(HttpContext context, long? version)
    {
        if (version is { } number)
        {
            context.Response.Headers.ETag = $"\"{number}\"";
        }
    }
}
