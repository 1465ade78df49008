using Bsp.Application.Common;
using Bsp.Application.EventStore;

namespace Bsp.Api.Common;

/// <summary>If-Match. A parameter of this type in an endpoint is filled in.</summary>
/// <param name="Version">The version the caller last saw; null: no header, or <c>*</c>.</param>
public sealed partial record IfMatch(long? Version)
{
    private const int TagsMax = 20;

    /// <exception cref="Problem">400 <c>request.if_match</c>: not a quoted version. 412 <c>version.mismatch</c>: only weak ETags, which
    /// never match (RFC 9110 §13.1.1).</exception>
    public static ValueTask<IfMatch?> BindAsync(HttpContext context) =>
        ValueTask.FromResult<IfMatch?>(context.Features.Get<IfMatch>()
            ?? new(Read(context.Request.Headers.IfMatch) is [var first, ..] ? first : null));

    /// <summary>
    /// With several ETags in the header the work is tried for one after the other: it holds for whichever is the stored one, and each try
    /// decides on exactly its version.
    /// </summary>
    public static async Task AnyOfAsync(HttpContext context, RequestDelegate next)
    {
        var header = context.Request.Headers.IfMatch;
        var several = header.ToString().Contains(',', StringComparison.Ordinal) && !HttpMethods.IsGet(context.Request.Method);
        var versions = several ? Read(header) : [];
        for (var i = 0; i < versions.Count - 1; i++)
        {
            try
            {
                context.Features.Set(new IfMatch(versions[i]));
                await next(context);
                return;
            }
            catch (VersionConflict conflict) when (conflict.Named && !context.Response.HasStarted)
            {
                context.Features.Set(new IfMatch(versions[i + 1]));
                context.Features.Get<WholeBody>()?.Rewind(context.Request);
            }
        }

        await next(context);
    }

    // Empty: no header, or *.
    private static List<long> Read(Microsoft.Extensions.Primitives.StringValues header)
    {
        var tags = Tags().Matches(header.ToString());
        if (header.Count == 0 || header.ToString() is "" or "*")
        {
            return [];
        }

        if (tags.Count is 0 or > TagsMax || tags.Sum(t => t.Length) != header.ToString().Length
            || tags.Any(t => !t.Groups["weak"].Success && !t.Groups["version"].Success))
        {
            throw Problem.Field("request.if_match", "If-Match",
                $"must be an ETag as it was answered, such as \"3\", or up to {TagsMax} of them.");
        }

        var versions = tags.Where(t => !t.Groups["weak"].Success)
            .Select(t => long.Parse(t.Groups["version"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture)).Distinct().ToList();
        return versions.Count > 0 ? versions
            : throw new Problem(412, "version.mismatch",
                "If-Match compares strongly, and a weak ETag (W/) never matches: name it as it was answered.");
    }

    // One ETag with the comma behind it: weak, a version of ours, or something else in quotes.
    [System.Text.RegularExpressions.GeneratedRegex(@"\G\s*(?:(?<weak>W/""[^""]*"")|""(?<version>[0-9]{1,18})""|""[^""]*"")\s*(?:,\s*|\z)")]
    private static partial System.Text.RegularExpressions.Regex Tags();
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
            : Application.Common.Position.TryParse(header.ToString(), out var position) ? new(position)
            : throw Problem.Field("request.min_position", Header, "must be a token as Bsp-Position answered it."));
    }

    /// <summary>Waits until the view has reached the position; nothing to wait for without the header.</summary>
    /// <param name="view">Name of the projection the route reads.</param>
    /// <exception cref="ViewBehind">Not within 5 s.</exception>
    public Task ReachedAsync(IServiceProvider services, string view, Guid organizationId, CancellationToken ct) =>
        Position is { } position ? services.GetRequiredService<IViewWaiter>().WaitAsync(view, organizationId, position, ct)
        : Task.CompletedTask;
}

/// <summary>
/// as_of: a moment of the past, as a time with offset or as a position. A parameter of this type in an endpoint is filled in.
/// </summary>
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
            : throw Problem.Field("request.as_of", "as_of",
                "must be a time such as 2026-01-31T12:00:00Z, or a token as Bsp-Position answered it."));
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
        if (query.TryGetValue("limit", out var asked)
            && (!int.TryParse(asked, System.Globalization.NumberStyles.None, null, out limit) || limit is < 1 or > LimitMax))
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

    internal static string? Sign(HttpContext context, string? cursor) =>
        cursor is null ? null : Cursors(context).Sign(Scope(context), cursor);

    // Neither another organization nor another list nor another filter takes the cursor.
    private static string Scope(HttpContext context)
    {
        var filters = context.Request.Query.Where(q => q.Key is not ("limit" or "cursor")).OrderBy(q => q.Key, StringComparer.Ordinal)
            .Select(q => $"{q.Key}={q.Value}");
        return $"{Caller.Of(context).OrganizationId} {context.Request.Path} {string.Join('&', filters)}";
    }

    private static ICursors Cursors(HttpContext context) => context.RequestServices.GetRequiredService<ICursors>();
}
