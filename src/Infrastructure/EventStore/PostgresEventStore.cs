using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore.Marten;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.EventStore;

/// <summary>
/// The log in PostgreSQL, in Marten 9's tables. One per process; each shard has its own writer lanes. Decision: docs/decisions/0030.
/// </summary>
public sealed class PostgresEventStore(Shards shards, IEnumerable<IInlineView> inlineViews, LogSignals signals,
    EventStoreSettings settings, TimeProvider clock) : IEventStore, IAsyncDisposable
{
    /// <summary>Streams that one <see cref="LoadManyAsync"/> reads, at most.</summary>
    public const int LoadStreamsMax = 5_000;

    /// <summary>From so many facts on a page is one statement, not Marten's loop over its events.</summary>
    internal const int PageFrom = 16;

    // What an event costs until all views have it, about: waiting for the disk is no work.
    private static readonly TimeSpan EventWork = TimeSpan.FromMilliseconds(0.5);

    private readonly InlineViews views = new(inlineViews);
    private readonly MartenStores martens = new(clock);

    [Bounded("one a shard")]
    private readonly ConcurrentDictionary<Shard, Lazy<AppendLanes>> lanes = new();

    [Bounded("one a shard")]
    private readonly ConcurrentDictionary<Shard, Lazy<StreamLoader>> loaders = new();

    public async Task<Done> Decide<TState, TEvent>(Guid organizationId, Guid streamId, Func<TState, IReadOnlyList<TEvent>> decide,
        long? seenVersion, CancellationToken ct)
        where TState : class, IAggregate<TState, TEvent> where TEvent : class
    {
        if (!LogRegistry.Carries(typeof(TState)))
        {
            return await Deciding.ByAppendingAsync(this, organizationId, streamId, decide, seenVersion, ct);
        }

        var shard = await HomeAsync(organizationId, ct);
        using var turn = await Deciding.TurnAsync(this, organizationId, streamId, ct);
        return await Aggregates.DecideAsync(shard, organizationId, streamId, decide, seenVersion, ct);
    }

    /// <summary>
    /// Decides on one aggregate that Marten carries, inside the caller's own transaction: the decision commits with the caller's other work
    /// or not at all. Readers on this shard see
    /// nothing newer until that transaction ends, so keep it short.
    /// </summary>
    /// <returns>The stream's version afterwards.</returns>
    /// <exception cref="VersionConflict">Somebody appended meanwhile; the transaction can only be rolled back.</exception>
    /// <exception cref="Refusal"><c>stream.archived</c>, or of the decision.</exception>
    public Task<long> DecideAsync<TState, TEvent>(TenantTransaction tx, Shard shard, Guid organizationId, Guid streamId,
        Func<TState, IReadOnlyList<TEvent>> decide,
        CancellationToken ct) where TState : class, IAggregate<TState, TEvent> where TEvent : class =>
        DecideAsync<TState, TEvent>(tx, shard, organizationId, streamId, state => ValueTask.FromResult(decide(state)), null, ct);

    /// <summary>
    /// The same for a decision that needs other work of this transaction first (whether a wallet pays), and for one that wants a version.
    /// </summary>
    /// <param name="decide">Asked once. What it writes, it writes in <paramref name="tx"/>.</param>
    /// <param name="seenVersion">If-Match; null decides on whatever is stored.</param>
    public async Task<long> DecideAsync<TState, TEvent>(TenantTransaction tx, Shard shard, Guid organizationId, Guid streamId,
        Func<TState, ValueTask<IReadOnlyList<TEvent>>> decide, long? seenVersion, CancellationToken ct)
        where TState : class, IAggregate<TState, TEvent> where TEvent : class =>
        (await DecidedAsync(tx, shard, organizationId, streamId, decide, seenVersion, ct)).Version;

    /// <summary>The same, with what tells afterwards whether the transaction was committed (<see cref="WasCommittedAsync"/>).</summary>
    public async Task<Decided> DecidedAsync<TState, TEvent>(TenantTransaction tx, Shard shard, Guid organizationId, Guid streamId,
        Func<TState, ValueTask<IReadOnlyList<TEvent>>> decide, long? seenVersion, CancellationToken ct)
        where TState : class, IAggregate<TState, TEvent> where TEvent : class
    {
        var decided = await Aggregates.DecideAsync(tx, shard, organizationId, streamId, decide, seenVersion, ct);
        if (CurrentRequest.Value is { } request && decided.Position > request.LastPosition)
        {
            request.LastPosition = decided.Position;
        }

        return decided;
    }

    /// <summary>Whether a decision's transaction was committed whose COMMIT was never answered.</summary>
    /// <param name="lost">What became of the connection.</param>
    /// <exception cref="StoreUnavailable">Nobody can be asked; the outcome is unknown.</exception>
    public Task<bool> WasCommittedAsync(Shard shard, Guid organizationId, Decided decided, Exception lost) =>
        Aggregates.WasCommittedAsync(shard, organizationId, decided, lost);

    /// <summary>
    /// Appends to streams that Marten carries and whose ends the caller knows and has locked, inside the caller's own transaction and
    /// without loading anything, together with the inline views and the caller's own statements. A few facts, or several streams in their
    /// order, go by Marten, a page of one stream by the lanes' one statement (docs/decisions/0270): what lies in the tables afterwards is
    /// the same. Readers on this shard see nothing newer until that transaction ends, so keep it short.
    /// </summary>
    /// <param name="beside">Adds statements, given the number of the last event; they go in one batch with the views'.</param>
    /// <param name="written">Looks at that batch after it was carried out (rows affected).</param>
    /// <exception cref="VersionConflict">A stream is not where the caller thinks; the transaction can only be rolled back.</exception>
    public async Task<Position> AppendAsync(TenantTransaction tx, Shard shard, Guid organizationId, IReadOnlyList<KnownEnd> streams,
        Action<NpgsqlBatch, long> beside, Action<NpgsqlBatch> written, CancellationToken ct)
    {
        var position = streams is [{ Events.Count: >= PageFrom }]
            ? await TransactionAppend.AppendAsync(tx, shard, new(organizationId, streams, CurrentRequest.Value), views, signals.Of(shard),
                clock, beside, written, ct)
            : await Appends.AppendAsync(tx, shard, organizationId, streams, beside, written, ct);
        if (CurrentRequest.Value is { } request && position > request.LastPosition)
        {
            request.LastPosition = position;
        }

        return position;
    }

    public async Task<AppendOutcome> AppendAsync(Guid organizationId, IReadOnlyList<StreamAppend> streams, CancellationToken ct)
    {
        var lane = LanesOf(await HomeAsync(organizationId, ct));
        var request = CurrentRequest.Value;
        await lane.EnterAsync(ct);
        try
        {
            request?.Worked(EventWork * streams.Sum(s => s.Events.Count));
            var call = new AppendCall(organizationId, streams, request);
            await using var withdrawal = ct.UnsafeRegister(static (state, token) => ((AppendCall)state!).TryWithdraw(token), call);
            lane.Add([call]);
            var outcome = await call.Outcome;
            Note(request, outcome);
            return outcome;
        }
        finally
        {
            lane.Leave();
        }
    }

    /// <summary>
    /// Many independent calls at once, each with its own outcome, in their order. All share the transactions of the moment.
    /// </summary>
    /// <exception cref="AggregateException">Some calls failed otherwise than by a verdict (inner exceptions say how); the others have been
    /// carried out.</exception>
    public async Task<AppendOutcome[]> AppendManyAsync(IReadOnlyList<(Guid OrganizationId, IReadOnlyList<StreamAppend> Streams)> calls,
        CancellationToken ct)
    {
        var request = CurrentRequest.Value;
        var outcomes = new Task<AppendOutcome>[calls.Count];
        var waiting = new List<(AppendLanes Lane, List<AppendCall> Calls)>();
        for (var i = 0; i < calls.Count; i++)
        {
            var lane = LanesOf(await HomeAsync(calls[i].OrganizationId, ct));
            var entering = lane.EnterAsync(ct);
            if (!entering.IsCompletedSuccessfully)
            {
                Submit(waiting); // the room may be taken by our own calls
                await entering;
            }

            outcomes[i] = Prepare(lane, calls[i].OrganizationId, calls[i].Streams, request, waiting);
        }

        Submit(waiting);
        var all = Task.WhenAll(outcomes);
        await all.ContinueWith(static _ =>
            { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        foreach (var outcome in outcomes.Where(outcome => outcome.IsCompletedSuccessfully))
        {
            Note(request, outcome.Result);
        }

        return all.IsCompletedSuccessfully ? all.Result : throw all.Exception!;
    }

    /// <summary>
    /// Appends several calls of one organization inside the caller's own transaction: a reaction and its checkpoint commit together or not
    /// at all. Readers on this shard see nothing
    /// newer until that transaction ends, so keep it short.
    /// </summary>
    /// <returns>One outcome a call; a refused one has written nothing, and the transaction can go on.</returns>
    public Task<AppendOutcome[]> AppendAsync(TenantTransaction tx, Shard shard, Guid organizationId,
        IReadOnlyList<IReadOnlyList<StreamAppend>> calls, CancellationToken ct) =>
        AppendAsync(tx, shard, [.. calls.Select(streams => (organizationId, streams))], ct);

    /// <summary>The same for calls of several organizations, all of which the transaction must see.</summary>
    public async Task<AppendOutcome[]> AppendAsync(TenantTransaction tx, Shard shard,
        IReadOnlyList<(Guid OrganizationId, IReadOnlyList<StreamAppend> Streams)> calls, CancellationToken ct)
    {
        if (calls.Count == 0)
        {
            return [];
        }

        var request = CurrentRequest.Value;
        var pending = calls.Select(call => new AppendCall(call.OrganizationId, call.Streams, request)).ToList();
        var outcomes = await TransactionAppend.AppendAsync(tx, shard, pending, views, signals.Of(shard), clock, ct);
        foreach (var outcome in outcomes)
        {
            NotePosition(request, outcome);
        }

        return outcomes;
    }

    public Task<LoadedStream> LoadAsync(Guid organizationId, Guid streamId, CancellationToken ct) =>
        LoadingAsync(organizationId, loader => loader.LoadAsync(organizationId, streamId, ct), ct);

    public Task<LoadedState<TState>> LoadStateAsync<TState, TEvent>(Guid organizationId, Guid streamId, CancellationToken ct)
        where TState : class, IAggregate<TState, TEvent> where TEvent : class =>
        LoadingAsync(organizationId, loader =>
            loader.LoadStateAsync<TState, TEvent>(organizationId, streamId, TState.Initial, TState.Evolve, ct), ct);

    public Task<IReadOnlyList<LoadedStream>> LoadManyAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct,
        bool archivedToo = false)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(streamIds.Count, LoadStreamsMax);
        return LoadingAsync(organizationId, loader => loader.LoadManyAsync(organizationId, streamIds, archivedToo, ct), ct);
    }

    public Task<int> ArchiveAsync(Guid organizationId, IReadOnlyList<(Guid StreamId, long Version)> streams, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(streams.Count, LoadStreamsMax);
        var sorted = streams.OrderBy(s => s.StreamId).ToList(); // the order in which appends lock them
        return LoadingAsync(organizationId, loader => loader.CountAsync(organizationId, "SELECT bsp.archive_streams($1, $2, $3)", ct,
            [.. sorted.Select(s => s.StreamId)], [.. sorted.Select(s => s.Version)]), ct);
    }

    public Task RestoreAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct) =>
        LoadingAsync(organizationId, loader =>
            loader.CountAsync(organizationId, "SELECT bsp.restore_streams($1, $2)", ct, [.. streamIds.Order()]), ct);

    public async ValueTask DisposeAsync()
    {
        martens.Dispose();
        foreach (var lane in lanes.Values)
        {
            await lane.Value.DisposeAsync();
        }

        foreach (var loader in loaders.Values)
        {
            await loader.Value.DisposeAsync();
        }
    }

    private MartenAppends Appends => field ??= new(martens, views, signals);

    private MartenAggregates Aggregates => field ??= new(martens, views, signals, settings, clock);

    private static async Task<AppendOutcome> Prepare(AppendLanes lane, Guid organizationId, IReadOnlyList<StreamAppend> streams,
        CurrentRequest? request, List<(AppendLanes Lane, List<AppendCall> Calls)> waiting)
    {
        try
        {
            var call = new AppendCall(organizationId, streams, request);
            var place = waiting.FindIndex(entry => ReferenceEquals(entry.Lane, lane));
            if (place < 0)
            {
                waiting.Add((lane, [call]));
            }
            else
            {
                waiting[place].Calls.Add(call);
            }

            return await call.Outcome;
        }
        finally
        {
            lane.Leave();
        }
    }

    private static void Submit(List<(AppendLanes Lane, List<AppendCall> Calls)> waiting)
    {
        foreach (var (lane, calls) in waiting)
        {
            lane.Add(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(calls));
        }

        waiting.Clear();
    }

    private static void Note(CurrentRequest? request, AppendOutcome outcome)
    {
        if (request is not null && outcome.Verdict == AppendVerdict.Ok)
        {
            request.ClaimMarked |= request.Claim is not null;
            NotePosition(request, outcome);
        }
    }

    private static void NotePosition(CurrentRequest? request, AppendOutcome outcome)
    {
        if (request is not null && outcome.LastPosition > request.LastPosition)
        {
            request.LastPosition = outcome.LastPosition;
        }
    }

    private async Task<T> LoadingAsync<T>(Guid organizationId, Func<StreamLoader, Task<T>> load, CancellationToken ct)
    {
        var loader = LoaderOf(await HomeAsync(organizationId, ct));
        try
        {
            return await load(loader);
        }
        catch (NpgsqlException error) when (Unreachable.Is(error))
        {
            throw new StoreUnavailable("postgres", error);
        }
    }

    private async ValueTask<Shard> HomeAsync(Guid organizationId, CancellationToken ct)
    {
        try
        {
            return await shards.OfAsync(organizationId, ct);
        }
        catch (NpgsqlException error) when (Unreachable.Is(error))
        {
            throw new StoreUnavailable("postgres", error);
        }
    }

    private AppendLanes LanesOf(Shard shard) => lanes.GetOrAdd(shard, s => new(() => new(s, settings, views, signals.Of(s), clock))).Value;

    private StreamLoader LoaderOf(Shard shard) => loaders.GetOrAdd(shard, s => new(() => new(s, settings))).Value;
}
