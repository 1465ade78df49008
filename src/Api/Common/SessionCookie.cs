using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Auth;

namespace Bsp.Api.Common;

/// <summary>
/// A session held by a browser: the token in a cookie that no script sees and that goes to our own pages only, and beside it, for whatever
/// changes something, a header that only a script of our own origin can send. docs/decisions/0360.
/// </summary>
public static class SessionCookie
{
    public const string Name = "bsp_session";

    /// <summary>Carries the session's own word, which is made of its token and says nothing of it.</summary>
    public const string CsrfHeader = "Bsp-Csrf";

    /// <summary>The organization that staff act for, where a link cannot send a header; GET with the cookie only.</summary>
    public const string OrganizationParameter = "bsp_organization";

    private const string Path = "/v1";
    private const int TokenCharsMax = 200;

    /// <summary>The cookie's token; null: there is none.</summary>
    public static string? Of(HttpContext context) =>
        context.Request.Cookies[Name] is { Length: > 0 and < TokenCharsMax } token
        && token.StartsWith(SecretToken.SessionPrefix, StringComparison.Ordinal) ? token : null;

    /// <summary>What <see cref="CsrfHeader"/> must say of a token. The same for as long as the session lasts.</summary>
    public static string CsrfOf(string token) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(token), "bsp.csrf.1"u8));

    public static void Set(HttpContext context, string token) =>
        context.Response.Cookies.Append(Name, token, Form(context, ISessions.CookieLifeMax));

    public static void Clear(HttpContext context) => context.Response.Cookies.Append(Name, "", Form(context, TimeSpan.Zero));

    /// <summary>
    /// Somebody's own page asks, and not another one that makes their browser ask: for what changes something by the header, and for all
    /// by what browsers say of where a request comes from.
    /// </summary>
    /// <exception cref="Problem">403 <c>auth.csrf</c></exception>
    public static void RequireOwnPage(HttpContext context, string token)
    {
        RequireOwnSite(context);
        var method = context.Request.Method;
        if (HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method))
        {
            return;
        }

        if (context.Request.Headers[CsrfHeader] is not [{ } said]
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(said), Encoding.UTF8.GetBytes(CsrfOf(token))))
        {
            throw Refused($"Send {CsrfHeader} with what GET /v1/auth/session says as csrf.");
        }
    }

    /// <summary>The request comes from a page of ours, as far as the browser tells.</summary>
    /// <exception cref="Problem">403 <c>auth.csrf</c></exception>
    public static void RequireOwnSite(HttpContext context)
    {
        var headers = context.Request.Headers;
        // "none": typed, or a bookmark. https://www.w3.org/TR/fetch-metadata/
        if (headers["Sec-Fetch-Site"] is [{ } site] && site is not ("same-origin" or "none"))
        {
            throw Refused("The request was made by another site's page.");
        }

        // A proxy may have taken the TLS away: host and port tell enough, the scheme does not.
        if (headers.Origin is [{ } origin] && !(Uri.TryCreate(origin, UriKind.Absolute, out var from)
            && string.Equals(from.Authority, HostOf(context, from), StringComparison.OrdinalIgnoreCase)))
        {
            throw Refused("The request was made by another site's page.");
        }
    }

    private static Problem Refused(string sentence) => new(403, "auth.csrf", sentence);

    // As the origin would write it: without the port that its scheme has anyway.
    private static string HostOf(HttpContext context, Uri from) =>
        Uri.TryCreate($"{from.Scheme}://{context.Request.Host.Value}", UriKind.Absolute, out var own) ? own.Authority : "";

    private static CookieOptions Form(HttpContext context, TimeSpan life) => new()
    {
        HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps || !IsLoopback(context.Request.Host.Host),
        Path = Path, MaxAge = life, IsEssential = true,
    };

    private static bool IsLoopback(string host) => host == "localhost" || host.EndsWith(".localhost", StringComparison.Ordinal)
        || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}
