namespace Bsp.Api.Common;

/// <summary><c>?order=</c> of lists that can be read from either end. A cursor goes on in the order in which it was given.</summary>
internal static class ListOrder
{
    /// <param name="order"><c>oldest</c> or null: oldest first; <c>newest</c>: newest first.</param>
    /// <exception cref="Problem">400 <c>request.invalid</c>: it is neither.</exception>
    public static bool IsNewestFirst(string? order) => order switch
    {
        null or "oldest" => false,
        "newest" => true,
        _ => throw Problem.Field("request.invalid", "order", "must be oldest or newest."),
    };
}
