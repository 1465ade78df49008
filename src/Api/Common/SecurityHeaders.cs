namespace Bsp.Api.Common;

/// <summary>
/// What every answer tells a browser: take it for what it says it is, show it in no frame, run nothing in it, tell nobody where you came
/// from. The documentation is a page with scripts of its own (Swagger UI),
/// and a statement may be looked at as a page with styles of its own; neither runs anything from elsewhere. Sources: OWASP HTTP Headers
/// Cheat Sheet, OWASP REST Security Cheat Sheet.
/// </summary>
public static class SecurityHeaders
{
    private const string Nothing = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    // Swagger UI's page has inline styles and scripts; its fonts and logos are data. It asks the API of its own origin.
    private const string Documentation = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        + "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
        + "frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

    private const string Year = "max-age=31536000";

    /// <summary>The outermost: also what fails, and what no route answers.</summary>
    public static Task AddAsync(HttpContext context, RequestDelegate next)
    {
        context.Response.OnStarting(static state =>
        {
            Add((HttpContext)state);
            return Task.CompletedTask;
        }, context);
        return next(context);
    }

    private static void Add(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        if (headers.ContentSecurityPolicy.Count == 0) // a page with a style sheet of its own has said what it may do
        {
            headers.ContentSecurityPolicy = context.Request.Path.StartsWithSegments("/docs") ? Documentation : Nothing;
        }

        if (context.Request.IsHttps)
        {
            headers.StrictTransportSecurity = Year;
        }

        // Answers are somebody's own; a cache between would give them to others. Pages and files of the documentation say what holds for
        // them.
        if (headers.CacheControl.Count == 0 && context.Request.Path.StartsWithSegments("/v1"))
        {
            headers.CacheControl = "no-store";
        }
    }
}
