using System.Collections.Concurrent;
using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Presence;
using Bsp.Application.Streams;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Streams;

/// <inheritdoc cref="IStreamHub"/>
public sealed partial class StreamHub(Shards shards, LogReaders readers, LogSignals signals, FrameMaker maker, IFrameEncoder encoder,
    IEventLog organizationLog, IPresence presence, RedisConnection redis,
    IServiceScopeFactory scopes, TimeProvider clock, ILogger<StreamHub> log) : BackgroundService, IStreamHub
{
    private const int FollowersMax = 20_000;
    private const int PageEventsMax = 1_000;
    private const int ResumeEventsMax = 1_000;
    private const int FollowersALook = 500;
    private const int LooksMax = 3;
    private const int NewsBytesMax = 1_024;

    // Frames of so long are gathered: each wakes everybody who follows.
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan BeatEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SilenceEvery = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    [Bounded("one an organization that somebody follows; 20,000 who follow in all")]
    private readonly ConcurrentDictionary<Guid, StreamRing> rings = new();
    [Bounded("one a shard")]
    private readonly ConcurrentDictionary<string, ShardStream> streams = new();
    private TaskCompletionSource beat = NewSource();
    private int followers;
    private long beats;

    public Task Beat => Volatile.Read(ref beat).Task;

    public long Beats => Interlocked.Read(ref beats);

    public int BeatsBetweenLooks => Math.Clamp(1 + (Volatile.Read(ref followers) / FollowersALook), 1, LooksMax);

    /// <summary>What the rings take.</summary>
    public IBoundedMemory Memory =>
        new BoundedMemory("stream_rings", (long)FollowersMax * StreamRing.BytesMax, () => rings.Values.Sum(ring => ring.Bytes));

    /// <summary>How far one shard's log was read, while somebody follows.</summary>
    private sealed class ShardStream
    {
        public long At = -1;
        public TaskCompletionSource Known = NewSource();
        public TaskCompletionSource Wanted = NewSource();
        public int Followers;
    }

    public async Task<IStreamFollower> FollowAsync(Guid organizationId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var stream = streams.GetOrAdd(shard.Name, _ => new());
        StreamRing ring;
        Task known;
        lock (gate)
        {
            if (followers >= FollowersMax)
            {
                throw new Busy("Too many streams are open here: try again, or at another process.");
            }

            followers++;
            stream.Followers++;
            ring = rings.GetOrAdd(organizationId, _ => new());
            ring.Followers++;
            stream.Wanted.TrySetResult();
            known = stream.Known.Task;
        }

        try
        {
            await known.WaitAsync(ct);
            var from = ring.Next; // first the ring's place, then the log's: what comes in between is told twice, and not never
            return new Follower(this, shard, stream, organizationId, ring, from, new(shard.Epoch, Interlocked.Read(ref stream.At)));
        }
        catch
        {
            Leave(stream, organizationId, ring);
            throw;
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Background);
        return Task.WhenAll([.. shards.All.Select(shard => ReadAsync(shard, stoppingToken)), BeatAsync(stoppingToken),
            HearAsync(stoppingToken), WatchPresenceAsync(stoppingToken)]);
    }

    // While somebody follows: page after page. The place is known before anybody is told that they follow.
    private async Task ReadAsync(Shard shard, CancellationToken ct)
    {
        var stream = streams.GetOrAdd(shard.Name, _ => new());
        var progress = new Dictionary<(Guid Organization, Guid Campaign), DateTimeOffset>();
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await stream.Wanted.Task.WaitAsync(ct);
                var appended = signals.Of(shard).Next;
                if (Interlocked.Read(ref stream.At) < 0)
                {
                    Interlocked.Exchange(ref stream.At, await readers.Of(shard).EndAsync(ct));
                    stream.Known.TrySetResult();
                }

                var page = await readers.Of(shard).ReadAsync(stream.At, FrameMaker.Types, PageEventsMax, ct);
                await TellAsync(shard, page, progress, ct);
                Interlocked.Exchange(ref stream.At, page.UpTo);
                await TellProgressAsync(progress, ct);
                Rest(stream);
                Loop.Worked(shard.Name);
                if (page.Events.Count < PageEventsMax)
                {
                    await Task.Delay(Gather, clock, ct);
                    await Task.WhenAny(appended, Task.Delay(LookEvery, clock, ct));
                }
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (StoreTrouble.Is(e) || e is StoreUnavailable)
            {
                LogShard(e, shard.Name);
                Loop.Failed(e, shard.Name);
                await Task.Delay(LookEvery, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task TellAsync(Shard shard, LogPage page, Dictionary<(Guid, Guid), DateTimeOffset> progress, CancellationToken ct)
    {
        foreach (var own in page.Events.GroupBy(e => e.OrganizationId))
        {
            if (!rings.TryGetValue(own.Key, out var ring))
            {
                continue;
            }

            foreach (var campaign in own.Select(e => (e.Body as MessageEvent)?.Ref.CampaignId).OfType<Guid>().Distinct())
            {
                progress.TryAdd((own.Key, campaign), clock.GetUtcNow() + ProgressEvery);
            }

            try
            {
                ring.Add(await maker.OfAsync(shard, own.Key, [.. own], ct));
            }
            catch (Exception e) when (!StoreTrouble.Is(e) && e is not (StoreUnavailable or OperationCanceledException))
            {
                LogFrames(e, own.Key); // what cannot be shown here is asked for anew; the others' frames go on
                var at = new Position(shard.Epoch, page.UpTo);
                ring.Add([new(at.Packed, encoder.Other("reset", new { reason = "unreadable" }, at))]);
            }
        }
    }

    // At most once a second of each campaign, and once more when it rests.
    private async Task TellProgressAsync(Dictionary<(Guid Organization, Guid Campaign), DateTimeOffset> progress, CancellationToken ct)
    {
        foreach (var (key, _) in progress.Where(p => p.Value <= clock.GetUtcNow()).ToList())
        {
            progress.Remove(key);
            if (rings.TryGetValue(key.Organization, out var ring))
            {
                await using var scope = scopes.CreateAsyncScope();
                var now = await scope.ServiceProvider.GetRequiredService<IMediator>()
                    .Send(new GetCampaignProgress(key.Organization, key.Campaign), ct);
                ring.Add(now is null ? [] : [new(0, encoder.Other("campaign_progress", new { id = key.Campaign, progress = now }, null))]);
            }
        }
    }

    private async Task BeatAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(BeatEvery, clock);
        while (await timer.WaitForNextTickAsync(ct))
        {
            Interlocked.Increment(ref beats);
            Interlocked.Exchange(ref beat, NewSource()).TrySetResult();
        }
    }

    // News of people from every process.
    private async Task HearAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var heard = await (await redis.DatabaseAsync(ct)).Multiplexer.GetSubscriber()
                    .SubscribeAsync(RedisChannel.Literal(InboxNews.Channel)).WaitAsync(ct);
                heard.OnMessage(message => Hear(message.Message));
                Loop.Worked("news");
                await Task.Delay(Timeout.InfiniteTimeSpan, clock, ct); // the connection subscribes again by itself
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is RedisException or TimeoutException or ArgumentException)
            {
                Loop.Failed(e, "news");
                await Task.Delay(BeatEvery, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    // Whoever writes to Redis may write anything: only what we could have said is told.
    private void Hear(RedisValue message)
    {
        try
        {
            if (((byte[]?)message)?.Length is > NewsBytesMax or null
                || System.Text.Json.JsonSerializer.Deserialize<InboxNews.News>((string)message!) is not { } news
                || !rings.TryGetValue(news.OrganizationId, out var ring))
            {
                return;
            }

            if (news is { Kind: "typing", ConversationId: { } conversation })
            {
                ring.Add([new(0, encoder.Other("typing", new { conversation_id = conversation, user_id = news.UserId }, null))]);
            }
            else if (news is { Kind: "presence", UserId: { } user, Status: "online" or "away" or "offline" })
            {
                ring.Add([new(0, encoder.Other("presence", new { user_id = user, status = news.Status }, null))]);
            }
        }
        catch (System.Text.Json.JsonException)
        {
            // not ours
        }
    }

    // Who falls silent says nothing: looked for in what Redis still shows of them.
    private async Task WatchPresenceAsync(CancellationToken ct)
    {
        var before = new Dictionary<Guid, Dictionary<Guid, string>>();
        using var timer = new PeriodicTimer(SilenceEvery, clock);
        while (await timer.WaitForNextTickAsync(ct))
        {
            foreach (var gone in before.Keys.Where(organization => !rings.ContainsKey(organization)).ToList())
            {
                before.Remove(gone);
            }

            foreach (var (organization, ring) in rings)
            {
                try
                {
                    var now = (await presence.AllAsync(organization, ct)).ToDictionary(p => p.UserId, p => p.Status);
                    var silent = before.GetValueOrDefault(organization)?.Keys.Where(user => !now.ContainsKey(user)) ?? [];
                    ring.Add([.. silent.Select(user =>
                        new StreamFrame(0, encoder.Other("presence", new { user_id = user, status = "offline" }, null)))]);
                    before[organization] = now;
                    Loop.Worked("presence");
                }
                catch (StoreUnavailable e)
                {
                    Loop.Failed(e, "presence");
                    break;
                }
            }
        }
    }

    private void Leave(ShardStream stream, Guid organizationId, StreamRing ring)
    {
        lock (gate)
        {
            followers--;
            stream.Followers--;
            if (--ring.Followers == 0)
            {
                rings.TryRemove(organizationId, out _);
            }
        }
    }

    // Nobody follows any more: the next one begins where the log ends then.
    private void Rest(ShardStream stream)
    {
        lock (gate)
        {
            if (stream.Followers == 0)
            {
                stream.Wanted = NewSource();
                stream.Known = NewSource();
                Interlocked.Exchange(ref stream.At, -1);
            }
        }
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Follower(StreamHub hub, Shard shard, ShardStream stream, Guid organizationId, StreamRing ring, long place,
        Position begin) : IStreamFollower
    {
        private long from = place;
        private int left;

        public Position Begin { get; private set; } = begin;

        public Task More => ring.More;

        public async ValueTask<bool> IsHomeAsync(CancellationToken ct) => ReferenceEquals(await hub.HomeAsync(organizationId, ct), shard);

        public IReadOnlyList<StreamFrame>? Take() => ring.Read(ref from);

        public async Task<IReadOnlyList<StreamFrame>?> ResumeAsync(Position after, CancellationToken ct)
        {
            from = ring.Next;
            Begin = new(shard.Epoch, Interlocked.Read(ref stream.At));
            var slice = await hub.Log.ReadAsync(organizationId, new(FrameMaker.Types), after, ResumeEventsMax, ct);
            return slice.More || (after.Epoch != shard.Epoch && after.Sequence > 0) ? null
                : await hub.Maker.OfAsync(shard, organizationId, slice.Events, ct);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref left, 1) == 0)
            {
                hub.Leave(stream, organizationId, ring);
            }
        }
    }

    private ValueTask<Shard> HomeAsync(Guid organizationId, CancellationToken ct) => shards.OfAsync(organizationId, ct);

    private IEventLog Log => organizationLog;

    private FrameMaker Maker => maker;

    [LoggerMessage(Level = LogLevel.Warning, Message = "stream: the log of shard {Shard} could not be followed; trying again")]
    private partial void LogShard(Exception e, string shard);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "stream: events of organization {OrganizationId} could not be shown; who follows is told to look anew")]
    private partial void LogFrames(Exception e, Guid organizationId);
}
