namespace Bsp.Application.Common;

/// <summary>What a piece of work is for. Each kind has connections of its own, so that a rush of one leaves the others theirs.</summary>
public enum WorkKind
{
    /// <summary>Projections, process managers, sweeps: whatever nobody said anything else of.</summary>
    Background,

    /// <summary>Meta's webhooks: the journal and what is made of it.</summary>
    Webhooks,

    /// <summary>The queue of messages, from the campaign's driver to Meta's answer.</summary>
    Sending,

    /// <summary>Calls that somebody waits for.</summary>
    People,

    /// <summary>Files in and out: imports, exports, erasures.</summary>
    Bulk,
}

/// <summary>
/// The kind of the work at hand. It flows with the asynchronous call, as <see cref="CurrentRequest"/> does; a task that outlives its caller
/// begins as <see cref="WorkKind.Background"/>.
/// </summary>
public static class Work
{
    private static readonly AsyncLocal<WorkKind> Flowing = new();

    /// <summary>Of the code that asks.</summary>
    public static WorkKind Current => Flowing.Value;

    /// <summary>From here on, for this call and what it calls. It ends with the asynchronous method that said so.</summary>
    public static void Is(WorkKind kind) => Flowing.Value = kind;
}
