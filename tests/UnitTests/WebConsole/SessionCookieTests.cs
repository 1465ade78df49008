using Bsp.Api.Common;
using Bsp.Api.WebConsole;
using Microsoft.AspNetCore.Http;

namespace Bsp.UnitTests.WebConsole;

public sealed class SessionCookieTests
{
    [Theory]
    [InlineData("http", "127.0.0.1:8080", false)]
    [InlineData("http", "localhost:8080", false)]
    [InlineData("http", "[::1]:8080", false)]
    [InlineData("https", "localhost", true)]
    [InlineData("http", "bsp.example.com", true)]
    [InlineData("http", "10.0.0.7:8080", true)]
    public void The_cookie_leaves_in_clear_to_this_machine_only(string scheme, string host, bool secure)
    {
        var context = Context(scheme, host);
        SessionCookie.Set(context, "ses_x");
        context.Response.Headers.SetCookie.ToString().Contains("; secure", StringComparison.OrdinalIgnoreCase).ShouldBe(secure);
    }

    [Theory]
    [InlineData("bsp.example.com", "https://bsp.example.com", null, true)]
    [InlineData("bsp.example.com", "https://bsp.example.com:443", "same-origin", true)]
    [InlineData("bsp.example.com:8443", "https://bsp.example.com:8443", null, true)]
    [InlineData("BSP.example.com", "https://bsp.example.com", null, true)]
    [InlineData("bsp.example.com", null, "none", true)]
    [InlineData("bsp.example.com", null, null, true)]
    [InlineData("bsp.example.com", "https://evil.example.com", null, false)]
    [InlineData("bsp.example.com", "https://bsp.example.com.evil.com", null, false)]
    [InlineData("bsp.example.com", "https://bsp.example.com:8443", null, false)]
    [InlineData("bsp.example.com", "null", null, false)]
    [InlineData("bsp.example.com", null, "cross-site", false)]
    [InlineData("bsp.example.com", "https://bsp.example.com", "same-site", false)]
    public void A_request_of_another_sites_page_is_refused(string host, string? origin, string? site, bool own)
    {
        var context = Context("https", host);
        if (origin is not null)
        {
            context.Request.Headers.Origin = origin;
        }

        if (site is not null)
        {
            context.Request.Headers["Sec-Fetch-Site"] = site;
        }

        Code(() => SessionCookie.RequireOwnSite(context)).ShouldBe(own ? null : "auth.csrf");
    }

    [Theory]
    [InlineData("GET", null, true)]
    [InlineData("HEAD", null, true)]
    [InlineData("POST", null, false)]
    [InlineData("PUT", "", false)]
    [InlineData("PATCH", "wrong", false)]
    [InlineData("DELETE", "right", true)]
    public void What_changes_something_says_the_sessions_own_word(string method, string? said, bool passes)
    {
        var context = Context("https", "bsp.example.com");
        context.Request.Method = method;
        if (said is not null)
        {
            context.Request.Headers[SessionCookie.CsrfHeader] = said == "right" ? SessionCookie.CsrfOf("ses_x") : said;
        }

        Code(() => SessionCookie.RequireOwnPage(context, "ses_x")).ShouldBe(passes ? null : "auth.csrf");
        SessionCookie.CsrfOf("ses_x").ShouldNotBe(SessionCookie.CsrfOf("ses_y"));
    }

    [Fact]
    public void The_nonce_stands_on_whatever_runs_or_styles_and_on_nothing_else() =>
        ConsoleEndpoints.Marked("<html><head lang=\"en\"><SCRIPT src=\"a\"></SCRIPT><link\nhref=\"b\"><style>x</style><linked></head>", "N")
            .ShouldBe("<html><head lang=\"en\"><meta property=\"csp-nonce\" nonce=\"N\"><SCRIPT nonce=\"N\" src=\"a\"></SCRIPT>"
                + "<link nonce=\"N\"\nhref=\"b\"><style nonce=\"N\">x</style><linked></head>");

    private static DefaultHttpContext Context(string scheme, string host) =>
        new() { Request = { Scheme = scheme, Host = new(host), Method = "POST" } };

    private static string? Code(Action check)
    {
        try
        {
            check();
            return null;
        }
        catch (Problem refused)
        {
            return refused.Code;
        }
    }
}
