using Bsp.Application.Common;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>A row of <c>bsp.webhook_deliveries</c>.</summary>
internal sealed record DeliveryRow(Guid WebhookId, Guid Id, Guid OrganizationId, Guid EventId, string EventType, int Epoch, long Sequence,
    int Attempt, string Cause, string Outcome, int? Status, int LatencyMs,
    string? Answer, bool Sealed, DateTimeOffset? NextAt, DateTimeOffset At);

/// <summary>A row of <c>bsp.webhook_held_keys</c>.</summary>
internal sealed record HeldKeyRow(Guid Key, int Attempts, DateTimeOffset FirstFailedAt, DateTimeOffset NextAt, string? LastError);

/// <summary>
/// What an owner wants written next, taken together with what others want: all of it, or, when its term is over, nothing.
/// </summary>
internal sealed class DeliveryNotes(ClaimedWebhook claim)
{
    /// <summary>Attempts that may wait to be written; beyond, nothing more is sent until they are.</summary>
    public const int AttemptsMax = 2_000;

    private readonly Lock gate = new();
    private Batch next = new(claim.Sequence) { Held = claim.HeldKeys };

    public ClaimedWebhook Claim => claim;

    /// <summary>Its term is over, or what it wants written is refused: it must stop.</summary>
    public bool Lost { get; private set; }

    /// <summary>Too much waits to be written.</summary>
    public bool IsFull
    {
        get
        {
            lock (gate)
            {
                return next.Attempts.Count >= AttemptsMax;
            }
        }
    }

    /// <summary>
    /// Adds to what is to be written. What must not be written apart, however soon the process dies, is added in one call.
    /// </summary>
    public void Note(Action<Batch> change)
    {
        lock (gate)
        {
            change(next);
            next.Any = true;
        }
    }

    /// <summary>Everything so far; null: nothing.</summary>
    public Batch? Take()
    {
        lock (gate)
        {
            if (!next.Any)
            {
                return null;
            }

            var taken = next;
            next = new(taken.Sequence) { Held = taken.Held };
            return taken;
        }
    }

    public void Lose() => Lost = true;

    /// <summary>One owner's part of a write.</summary>
    [Bounded("AttemptsMax attempts, and as many held events as an endpoint may have")]
    internal sealed class Batch(long sequence)
    {
        public bool Any { get; set; }

        public long Sequence { get; set; } = sequence;

        public long Delivered { get; set; }

        public long Failed { get; set; }

        public long LatencyMs { get; set; }

        public int Held { get; set; }

        public List<DeliveryRow> Attempts { get; } = [];

        public List<(Guid Key, long Sequence)> Hold { get; } = [];

        public List<(Guid Key, long Sequence)> Let { get; } = [];

        public Dictionary<Guid, HeldKeyRow?> Keys { get; } = [];
    }
}
