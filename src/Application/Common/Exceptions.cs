namespace Bsp.Application.Common;

/// <summary>Somebody else wrote first. With If-Match it is the answer (412), else it follows retries (409).</summary>
/// <param name="streamId">Stream or row.</param>
/// <param name="named">True when the caller named the version.</param>
public sealed class VersionConflict(Guid streamId, bool named) : Exception($"{streamId} was changed by somebody else meanwhile.")
{
    /// <summary>Stream or row.</summary>
    public Guid StreamId { get; } = streamId;

    /// <summary>True when the caller named the version (If-Match).</summary>
    public bool Named { get; } = named;
}

/// <summary>A decision said no because of fields of what was asked or planned: a problem with <c>errors</c>.</summary>
/// <param name="code">Stable, <c>noun.reason</c>, as of a <see cref="Domain.Common.Refusal"/>.</param>
/// <param name="errors">Field as on the wire → what is wrong with it.</param>
public sealed class RefusedFields(string code, string message, IReadOnlyDictionary<string, string[]> errors) : Exception(message)
{
    /// <summary>Stable code, <c>noun.reason</c>.</summary>
    public string Code { get; } = code;

    /// <summary>Field as on the wire → what is wrong with it.</summary>
    public IReadOnlyDictionary<string, string[]> Errors { get; } = errors;
}

/// <summary>A store is down: 503, and nothing was acknowledged.</summary>
/// <param name="store"><c>postgres</c>, <c>redis</c>, <c>mongo</c>, <c>clickhouse</c>.</param>
/// <param name="outcomeUnknown">Something was sent before the store went away, and whether it took effect could not be found out.</param>
public sealed class StoreUnavailable(string store, Exception? inner = null, bool outcomeUnknown = false)
    : Exception($"{store} cannot be reached.", inner)
{
    /// <summary>True when it could not be found out whether the work took effect; false when it certainly did not.</summary>
    public bool OutcomeUnknown { get; } = outcomeUnknown;

    /// <summary><c>postgres</c>, <c>redis</c>, <c>mongo</c>, <c>clickhouse</c>.</summary>
    public string Store { get; } = store;
}

/// <summary>A view has not reached the asked position within the wait (504 <c>view.behind</c>).</summary>
public sealed class ViewBehind(string view)
    : Exception($"The view {view} has not reached the asked position yet. Ask again, or without Bsp-Min-Position.")
{
    /// <summary>Name of the projection.</summary>
    public string View { get; } = view;
}

/// <summary>Meta refused or did not answer a management call (template, number); 502, or 504 when <paramref name="timedOut"/>.</summary>
/// <param name="code">Meta's error code; null when there was no answer.</param>
/// <param name="denied">Meta itself said that this token may not act for what was asked about: no gateway's error, nothing passing.</param>
public sealed class MetaRefused(int? code, string message, bool retryable, bool timedOut = false, bool denied = false) : Exception(message)
{
    /// <summary>Meta itself said that this token may not act for what was asked about; false also when it could not be found out.</summary>
    public bool Denied { get; } = denied;

    /// <summary>Meta's error code; null when there was no answer.</summary>
    public int? Code { get; } = code;

    /// <summary>Trying again later can help.</summary>
    public bool Retryable { get; } = retryable;

    /// <summary>No answer in time.</summary>
    public bool TimedOut { get; } = timedOut;
}

/// <summary>
/// The log holds an event that only a newer release knows, on a stream that this process was to decide on: 503; another process, or this
/// one after its update, can.
/// </summary>
public sealed class NewerRelease(Guid streamId, Exception inner)
    : Exception($"{streamId} holds an event of a newer release than this process is.", inner);
