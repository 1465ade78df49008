using System.Text.Json.Serialization;

namespace Bsp.Api.Common;

/// <summary>An RFC 9457 body. <paramref name="Code"/> is the contract; texts may change.</summary>
/// <param name="Errors">Field (as on the wire) → what is wrong with it; null unless the request's shape is.</param>
/// <param name="TraceId">Names the request in our logs.</param>
/// <param name="Challenge">Of <c>auth.second_factor_required</c>: what the second half of signing in presents.</param>
public sealed record ProblemBody(string Type, string Title, int Status, string Detail, string Code,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, string[]>? Errors, string TraceId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Challenge = null);

/// <summary>A refusal of the HTTP layer itself.</summary>
/// <param name="retryAfterSeconds">Becomes Retry-After; null: no header.</param>
public sealed class Problem(int status, string code, string detail, IReadOnlyDictionary<string, string[]>? errors = null,
    int? retryAfterSeconds = null) : Exception(detail)
{
    public int Status { get; } = status;

    public string Code { get; } = code;

    public IReadOnlyDictionary<string, string[]>? Errors { get; } = errors;

    public int? RetryAfterSeconds { get; } = retryAfterSeconds;

    /// <summary>See <see cref="ProblemBody"/>.</summary>
    public string? Challenge { get; init; }

    /// <summary>400 naming one field.</summary>
    public static Problem Field(string code, string field, string message) =>
        new(400, code, $"{field} {message}", new Dictionary<string, string[]> { [field] = [message] });

    /// <summary>404 for something absent, or somebody else's.</summary>
    /// <param name="noun"><c>account</c> → <c>account.unknown</c>.</param>
    public static Problem Unknown(string noun) => new(404, $"{noun}.unknown", $"There is no such {noun.Replace('_', ' ')}.");
}
