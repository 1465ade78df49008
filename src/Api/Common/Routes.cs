namespace Bsp.Api.Common;

/// <summary>Problem codes that a route may answer beyond those that every route may.</summary>
public sealed record ProblemCodes(IReadOnlyList<string> Codes);

/// <summary>What every route says about itself.</summary>
public static class Routes
{
    /// <param name="summary">One sentence: what it does.</param>
    /// <param name="codes">Its own problem codes; the status follows from <see cref="Problems.StatusOf"/>.</param>
    public static RouteHandlerBuilder Describe(this RouteHandlerBuilder route, string summary, params string[] codes) =>
        route.WithSummary(summary).WithMetadata(new ProblemCodes(codes));
}
