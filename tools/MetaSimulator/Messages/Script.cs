using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Messages;

internal enum StepKind : byte
{
    Sent,
    Delivered,
    Read,
    Failed,

    /// <summary>The customer writes back.</summary>
    Reply,

    /// <summary>The customer stops marketing through WhatsApp's own button (<c>user_preferences</c>).</summary>
    MarketingStop,
}

/// <summary>What becomes of an accepted message, in the order in which Meta says so.</summary>
/// <param name="Failure">The error of a <see cref="StepKind.Failed"/> step.</param>
/// <param name="Reply">What the customer writes in a <see cref="StepKind.Reply"/> step.</param>
/// <param name="Times">How often each status is sent.</param>
internal sealed record Script(StepKind[] Steps, GraphError? Failure = null, string? Reply = null, int Times = 1)
{
    public static readonly Script Normal = new([StepKind.Sent, StepKind.Delivered, StepKind.Read]);
    public static readonly Script NeverRead = new([StepKind.Sent, StepKind.Delivered]);
    public static readonly Script Silent = new([]);

    /// <summary>Other orders in which the network may hand over the three statuses.</summary>
    public static readonly Script[] Shuffled =
    [
        new([StepKind.Delivered, StepKind.Sent, StepKind.Read]),
        new([StepKind.Sent, StepKind.Read, StepKind.Delivered]),
        new([StepKind.Read, StepKind.Delivered, StepKind.Sent]),
        new([StepKind.Delivered, StepKind.Read, StepKind.Sent]),
        new([StepKind.Read, StepKind.Sent, StepKind.Delivered]),
    ];

    public static Script Fails(GraphError error) => new([StepKind.Failed], error);
}
