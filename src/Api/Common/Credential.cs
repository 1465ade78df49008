namespace Bsp.Api.Common;

/// <summary>By what the caller showed who they are. A parameter of this type in an endpoint is filled in.</summary>
/// <param name="Kind"><c>session</c>, <c>key</c> or <c>platform</c>.</param>
/// <param name="Hash">Of the session's token or the key; empty: the platform's key.</param>
public sealed record Credential(string Kind, string Hash)
{
    public static ValueTask<Credential?> BindAsync(HttpContext context) => ValueTask.FromResult(context.Features.Get<Credential>());
}
