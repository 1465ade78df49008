using Bsp.Application.Common;
using Bsp.Application.EventStore;

namespace Bsp.Api.Common;

/// <summary>If-Match. A parameter of this type in an endpoint is filled in.</summary>
/// <param name="Version">The version the caller last saw; null: no header, or <c>*</c>.</param>
public sealed record IfMatch(long? Version)
{
    /// <exception cref="Problem">400 <c>request.if_match</c>: not a quoted version.</exception>
    public static ValueTask<IfMatch?> BindAsync(HttpContext context)
    {
        var header = context.Request.Headers.IfMatch;
        return ValueTask.FromResult<IfMatch?>(header.ToString() switch
        {
            "" or "*" => new(Version: null),
            ['"', .. var version, '"'] when long.TryParse(version, System.Globalization.NumberStyles.None, null, out var seen) => new(seen),
            _ => throw Problem.Field("request.if_match", "If-Match", "must be an ETag as it was answered, such as \"3\"."),
        });
    }
}

/// <summary>Bsp-Min-Position: read your writes. A parameter of this type in an endpoint is filled in.</summary>
/// <param name="Position">Null: no header.</param>
public sealed record MinPosition(Position? Position)
{
    public const string Header = "Bsp-Min-Position";

    /// <exception cref="Problem">400 <c>request.min_position</c>: not a token of ours.</exception>
    public static ValueTask<MinPosition?> BindAsync(HttpContext context)
    {
        var header = context.Request.Headers[Header];
        return ValueTask.FromResult<MinPosition?>(header.Count == 0 ? new(Position: null)
            : Application.EventStore.Position.TryParse(header.ToString(), out var position) ? new(position)
            : throw Problem.Field("request.min_position", Header, "must be a token as Bsp-Position answered it."));
    }

    /// <summary>Waits until the view has reached the position; nothing to wait for without the header.</summary>
    /// <param name="view">Name of the projection the route reads.</param>
    /// <exception cref="ViewBehind">Not within 5 s.</exception>
    public Task ReachedAsync(IServiceProvider services, string view, Guid organizationId, CancellationToken ct) =>
        Position is { } position ? services.GetRequiredService<IViewWaiter>().WaitAsync(view, organizationId, position, ct) : Task.CompletedTask;
}

/// <summary>as_of: a moment of the past, as a time with offset or as a position. A parameter of this type in an endpoint is filled in.</summary>
/// <param name="Value">Now without the parameter.</param>
public sealed record Moment(AsOf Value)
{
    /// <exception cref="Problem">400 <c>request.as_of</c>: neither of the two.</exception>
    public static ValueTask<Moment?> BindAsync(HttpContext context)
    {
        var asked = context.Request.Query["as_of"];
        return ValueTask.FromResult<Moment?>(asked.Count == 0 ? new(AsOf.Now)
            : WireJson.TryTime(asked.ToString(), out var time) ? new(new AsOf(null, time))
            : Position.TryParse(asked.ToString(), out var position) ? new(new AsOf(position, null))
            : throw Problem.Field("request.as_of", "as_of", "must be a time such as 2026-01-31T12:00:00Z, or a token as Bsp-Position answered it."));
    }
}

/// <summary>limit and cursor of a list. A parameter of this type in an endpoint is filled in.</summary>
/// <param name="Limit">1–200.</param>
/// <param name="Cursor">Verified and unwrapped; null: from the start.</param>
public sealed record Paging(int Limit, string? Cursor)
{
    private const int LimitMax = 200;
    private const int LimitStandard = 50;
    private const int CursorCharsMax = 2_000;

    /// <exception cref="Problem">400 <c>request.limit</c> or <c>request.cursor</c>.</exception>
    public static ValueTask<Paging?> BindAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var limit = LimitStandard;
        if (query.TryGetValue("limit", out var asked) && (!int.TryParse(asked, System.Globalization.NumberStyles.None, null, out limit) || limit is < 1 or > LimitMax))
        {
            throw Problem.Field("request.limit", "limit", $"must be a whole number from 1 to {LimitMax}.");
        }

        string? cursor = null;
        if (query.TryGetValue("cursor", out var token))
        {
            cursor = token is [{ Length: > 0 and <= CursorCharsMax } text] ? Cursors(context).Open(Scope(context), text) : null;
            cursor = cursor ?? throw Problem.Field("request.cursor", "cursor", "must be next_cursor as this list answered it.");
        }

        return ValueTask.FromResult<Paging?>(new(limit, cursor));
    }

    internal static string? Sign(HttpContext context, string? cursor) => cursor is null ? null : Cursors(context).Sign(Scope(context), cursor);

    // Neither another organization nor another list nor another filter takes the cursor.
    private static string Scope(HttpContext context)
    {
        var filters = context.Request.Query.Where(q => q.Key is not ("limit" or "cursor")).OrderBy(q => q.Key, StringComparer.Ordinal).Select(q => $"{q.Key}={q.Value}");
        return $"{Caller.Of(context).OrganizationId} {context.Request.Path} {string.Join('&', filters)}";
    }

    private static ICursors Cursors(HttpContext context) => context.RequestServices.GetRequiredService<ICursors>();
}
