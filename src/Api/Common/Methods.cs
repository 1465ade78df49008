using Microsoft.AspNetCore.Routing.Template;

namespace Bsp.Api.Common;

/// <summary>What the routing answers by itself: methods and types that an address does not take.</summary>
internal static class Methods
{
    /// <summary>Allow names HEAD wherever it names GET, and OPTIONS, whose answer it is (204); other statuses are written.</summary>
    public static Task AnswerAsync(HttpContext context, Func<int, Task> write)
    {
        var response = context.Response;
        if (response.StatusCode != 405)
        {
            return write(response.StatusCode);
        }

        var taken = response.Headers.Allow.ToString()
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).ToList();
        response.Headers.Allow = string.Join(", ", taken.Concat(taken.Contains("GET") ? ["HEAD", "OPTIONS"] : ["OPTIONS"]).Distinct());
        if (!HttpMethods.IsOptions(context.Request.Method))
        {
            return write(405);
        }

        response.StatusCode = 204;
        return Task.CompletedTask;
    }

    /// <summary>Media types that this address takes with this method; the routing's own 415 does not say.</summary>
    public static IReadOnlyList<string> TakenHere(HttpContext context) =>
        // The application's own sources would compile every route anew each time they are asked.
        [.. context.RequestServices.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(route => route.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains(context.Request.Method) is true)
            .Where(route => new TemplateMatcher(new RouteTemplate(route.RoutePattern), []).TryMatch(context.Request.Path, []))
            .OrderByDescending(route => route.RoutePattern.InboundPrecedence).SelectMany(BodyForm.Taken).Distinct()];
}
