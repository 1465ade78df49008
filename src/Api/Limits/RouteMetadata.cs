using Bsp.Application.Common;

namespace Bsp.Api.Limits;

/// <summary>
/// The route's work is of this kind: it takes its connections from that kind's pool. Without it: <see cref="WorkKind.People"/>.
/// </summary>
public sealed record RunsAs(WorkKind Kind);

/// <summary>The route reads its body itself, at a <see cref="Pace"/>.</summary>
public sealed record PacesItself;

/// <summary>How long an answer may go on.</summary>
public enum LongAnswers
{
    /// <summary>Events, for as long as something happens.</summary>
    Stream,

    /// <summary>A file, as fast as the client takes it.</summary>
    Download,

    /// <summary>One of the many small files that a page of the inbox shows: several at once, and more wait for their turn.</summary>
    File,
}

/// <summary>
/// The route's answer goes on for long: how many of them a caller and an organization may have is bounded, and they take no turn of
/// ordinary requests.
/// </summary>
public sealed record LongAnswer(LongAnswers Kind);
