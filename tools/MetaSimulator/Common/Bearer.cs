namespace Bsp.MetaSimulator.Common;

/// <summary>The access token of a call.</summary>
internal static class Bearer
{
    private const string Scheme = "Bearer ";

    /// <summary>Null when there is none, in the header or as <c>access_token</c> in the query.</summary>
    public static string? Of(HttpContext http)
    {
        var header = (string?)http.Request.Headers.Authorization;
        return header is not null && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim()
            : http.Request.Query["access_token"] is [{ Length: > 0 } token] ? token
            : null;
    }

    /// <summary>Null when the token is let in.</summary>
    public static GraphError? Check(string? token, SimulatorOptions options)
    {
        if (string.IsNullOrEmpty(token) || token.StartsWith("invalid", StringComparison.Ordinal))
        {
            return GraphError.NoToken;
        }

        if (token.StartsWith("expired", StringComparison.Ordinal))
        {
            return GraphError.ExpiredToken;
        }

        return options.AccessTokens.Length == 0 || options.AccessTokens.Contains(token) ? null : GraphError.NoToken;
    }
}
