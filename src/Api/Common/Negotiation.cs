using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Bsp.Api.Common;

/// <summary>
/// 406 when the caller accepts nothing that the route produces. Problems are written as problem+json whatever the caller accepts.
/// </summary>
public static class Negotiation
{
    public static void UseNegotiation(this WebApplication app) => app.Use((context, next) =>
        context.GetEndpoint() is not RouteEndpoint route || Acceptable(context.Request.Headers.Accept, route)
            ? next(context)
            : throw new Problem(406, "request.not_acceptable", $"This route answers {string.Join(", ", Produced(route))}."));

    private static bool Acceptable(StringValues accept, RouteEndpoint route)
    {
        if (accept.Count == 0 || accept is ["*/*"] || !MediaTypeHeaderValue.TryParseList(accept.OfType<string>().ToList(), out var wanted))
        {
            return true;
        }

        var produced = Produced(route).Select(type => MediaTypeHeaderValue.Parse(type)).ToList();
        return wanted.Where(w => w.Quality is not 0).Any(w => produced.Any(p => p.IsSubsetOf(new MediaTypeHeaderValue(w.MediaType))));
    }

    private static List<string> Produced(RouteEndpoint route)
    {
        var types = route.Metadata.GetOrderedMetadata<IProducesResponseTypeMetadata>().SelectMany(m => m.ContentTypes).Distinct().ToList();
        return types.Count > 0 ? types : ["application/json", "text/html", "text/plain"];
    }
}
