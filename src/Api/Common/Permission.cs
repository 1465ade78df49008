namespace Bsp.Api.Common;

/// <summary>
/// Whether the caller may still have what they were given when they asked: answers that go on for long (streams, files) ask again before
/// each part, so that a key that was revoked, a session that was ended or an
/// organization that was deactivated ends them within a second, too.
/// </summary>
internal sealed record Permission(Func<ValueTask<bool>> HoldsAsync)
{
    /// <summary>Of this request; routes open to everybody have one that always holds.</summary>
    public static Permission Of(HttpContext context) => context.Features.Get<Permission>() ?? new(() => ValueTask.FromResult(true));
}
