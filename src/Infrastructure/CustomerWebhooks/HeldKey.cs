using Bsp.Application.Common;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>A key whose first undelivered event fails, and its events that wait.</summary>
[Bounded("what an endpoint may hold")]
internal sealed class HeldKey(Guid key, int attempts, DateTimeOffset firstFailedAt, DateTimeOffset nextAt)
{
    public Guid Key => key;

    public int Attempts { get; set; } = attempts;

    public DateTimeOffset FirstFailedAt => firstFailedAt;

    public DateTimeOffset NextAt { get; set; } = nextAt;

    public bool Running { get; set; }

    /// <summary>Numbers, in the log's order.</summary>
    public SortedSet<long> Pending { get; } = [];

    public HeldKeyRow Row(string? error) => new(key, Attempts, firstFailedAt, NextAt, error);
}

/// <summary>An event on its way through a session.</summary>
internal sealed class Entry(long sequence, Application.CustomerWebhooks.PublicEvent told)
{
    // Of the stored event only its place is needed from here on: what is told was made of it.
    private Application.CustomerWebhooks.PublicEvent? kept = told with { Stored = told.Stored with { Body = null } };

    // A message as Meta wrote it may have 64 KB; everything else that is told is small.
    private const int SmallBytes = 2 * 1024;

    public long Sequence => sequence;

    /// <summary>What it takes until it is done, about.</summary>
    public int Bytes { get; } = SmallBytes
        + (told.Stored.Body is Domain.Messages.MessageReceived message ? 2 * message.Content.Data.Length : 0);

    public Application.CustomerWebhooks.PublicEvent Told => kept ?? throw new InvalidOperationException("It is done.");

    /// <summary>Delivered, or held for its key: the cursor may pass, and nothing but the number is kept until it does.</summary>
    public bool Done => kept is null;

    public void Finish() => kept = null;
}

/// <summary>The events of one key that have been read, in order; one of them at a time is under way.</summary>
[Bounded("the window of a session")]
internal sealed class KeyChain(Guid key)
{
    public Guid Key => key;

    public Queue<Entry> Waiting { get; } = new();
}

/// <summary>What came of one attempt within a session.</summary>
/// <param name="Held">Null: it came from the log's front.</param>
/// <param name="Attempt">Null: nothing is told of it any more, or of a read that failed.</param>
internal sealed record Settled(KeyChain? Chain, HeldKey? Held, long Sequence, Attempt? Attempt, DeliveryRow? Row, Exception? Error = null);
