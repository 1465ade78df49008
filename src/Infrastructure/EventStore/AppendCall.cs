using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore.Marten;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.EventStore;

/// <summary>A stream of one tenant: the key of Marten's tables.</summary>
internal readonly record struct StreamKey(Guid Organization, Guid Stream);

/// <summary>An event, written out and waiting for its place.</summary>
internal readonly record struct PendingEvent(Guid Id, EventName Name, byte[] Json, object Body);

/// <summary>New events for one stream, written out.</summary>
internal readonly record struct PendingStream(StreamKey Key, string Type, long? Expected, PendingEvent[] Events);

/// <summary>One call of <see cref="IEventStore.AppendAsync"/> on its way through a lane.</summary>
internal sealed class AppendCall
{
    private const int Queued = 0, Taken = 1, Withdrawn = 2;
    private readonly TaskCompletionSource<AppendOutcome> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int state = Queued;

    public AppendCall(Guid organizationId, IReadOnlyList<StreamAppend> streams, CurrentRequest? request)
    {
        Organization = organizationId;
        Tenant = organizationId.ToString();
        Streams = new PendingStream[streams.Count];
        for (var i = 0; i < streams.Count; i++)
        {
            Streams[i] = Pending(organizationId, streams[i]);
            EventCount += Streams[i].Events.Length;
        }

        RequireDistinct(streams);
        Metadata = request is null ? EventMetadata.None : new(request.CorrelationId, request.CausationId, request.Caller);
        ClaimId = request is { Claim: { } claim, ClaimMarked: false } ? claim.ClaimId : null;
    }

    /// <summary>Facts that have their ids already, for streams whose ends the caller knows and has locked.</summary>
    public AppendCall(Guid organizationId, IReadOnlyList<KnownEnd> ends, CurrentRequest? request)
    {
        Organization = organizationId;
        Tenant = organizationId.ToString();
        Streams = [.. ends.Select(end => Pending(organizationId, end))];
        EventCount = Streams.Sum(stream => stream.Events.Length);
        Metadata = request is null ? EventMetadata.None : new(request.CorrelationId, request.CausationId, request.Caller);
    }

    public Guid Organization { get; }

    /// <summary><c>tenant_id</c>: lower case, with dashes.</summary>
    public string Tenant { get; }

    public PendingStream[] Streams { get; }

    public int EventCount { get; }

    public EventMetadata Metadata { get; }

    /// <summary>Row of <c>bsp.idempotency_keys</c> to mark in the same transaction.</summary>
    public Guid? ClaimId { get; }

    /// <summary>
    /// What its transaction must see: the organization and, for a claim, the platform's own (all zeros), under which platform routes claim.
    /// </summary>
    public string Tenants() => ClaimId is null ? Tenant : $"{Tenant},{Guid.Empty}";

    public Task<AppendOutcome> Outcome => completion.Task;

    /// <summary>A lane takes it; false when its caller has withdrawn it.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref state, Taken, Queued) == Queued;

    /// <summary>The caller was cancelled; false when a lane has it already, which then writes it whole.</summary>
    public bool TryWithdraw(CancellationToken ct) =>
        Interlocked.CompareExchange(ref state, Withdrawn, Queued) == Queued && completion.TrySetCanceled(ct);

    public void Complete(AppendOutcome outcome) => completion.TrySetResult(outcome);

    public void Fail(Exception error) => completion.TrySetException(error);

    /// <summary>The outcome of a call that found its streams otherwise than expected.</summary>
    public static AppendOutcome Refused(AppendVerdict verdict, long[] found) => new(verdict, found, Position.Start);

    /// <summary>The outcome of a call that was written upon <paramref name="found"/>.</summary>
    public AppendOutcome Written(Shard shard, long[] found, long lastSequence)
    {
        for (var i = 0; i < found.Length; i++)
        {
            found[i] += Streams[i].Events.Length;
        }

        return new(AppendVerdict.Ok, found, new(shard.Epoch, lastSequence));
    }

    private static PendingStream Pending(Guid organizationId, StreamAppend append)
    {
        if (append.Events.Count == 0)
        {
            throw new ArgumentException($"Stream {append.StreamId}: an append needs at least one event.", nameof(append));
        }

        var events = new PendingEvent[append.Events.Count];
        for (var i = 0; i < events.Length; i++)
        {
            var body = append.Events[i];
            events[i] = new(Uuid.New(), EventName.Of(body), ReadableEvent.Written(body), body);
        }

        return new(new(organizationId, append.StreamId), append.StreamType, append.ExpectedVersion, events);
    }

    private static PendingStream Pending(Guid organizationId, KnownEnd end) => new(
        new(organizationId, end.StreamId), end.StreamType, end.Version,
        [.. end.Events.Select(fact => new PendingEvent(fact.Id, EventName.Of(fact.Body), ReadableEvent.Written(fact.Body), fact.Body))]);

    private static void RequireDistinct(IReadOnlyList<StreamAppend> streams)
    {
        if (streams.Count == 0 || (streams.Count > 1 && streams.Select(s => s.StreamId).Distinct().Count() != streams.Count))
        {
            throw new ArgumentException("A call names at least one stream, and each stream once.", nameof(streams));
        }
    }
}
