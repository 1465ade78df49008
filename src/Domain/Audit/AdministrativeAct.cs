using Bsp.Domain.Common;

namespace Bsp.Domain.Audit;

/// <summary>
/// Somebody with the right to do so changed who may do what, or how the organization is set up. Never holds a secret or a name: ids and
/// names of fields only.
/// </summary>
/// <param name="Act"><c>noun.verb</c>: <c>user.created</c>, <c>api_key.revoked</c>, <c>login.failed</c>, …</param>
/// <param name="Actor">A key's prefix (8 characters), a user's id, <c>platform</c> or <c>anonymous</c>.</param>
/// <param name="Address">Where the request came from; null: not over the network.</param>
/// <param name="TargetType">What was changed: <c>user</c>, <c>api_key</c>, <c>account</c>, <c>organization</c>, <c>plan</c>.</param>
/// <param name="TargetId">Null: there is none (a sign-in of nobody we know).</param>
/// <param name="Changed">Names of the changed fields; null: the act says all.</param>
[StoredAs("administrative_act_done")]
public sealed record AdministrativeActDone(string Act, string Actor, string? Address, string TargetType, Guid? TargetId,
    IReadOnlyList<string>? Changed, DateTimeOffset At);
