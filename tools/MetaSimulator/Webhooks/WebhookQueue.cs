using Bsp.MetaSimulator.Accounts;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Control;
using Bsp.MetaSimulator.Messages;

namespace Bsp.MetaSimulator.Webhooks;

/// <summary>
/// Holds every update until it is due, gathers what is due into POSTs, and repeats a refused POST until it is accepted.
/// A message has one place in the queue: each step puts the next one in.
/// </summary>
internal sealed class WebhookQueue : IAsyncDisposable
{
    /// <summary>Longest wait before a duplicate follows, ms.</summary>
    private const int DuplicateDelayMs = 100;

    /// <summary>How long a send waits for its early webhook to be accepted, ms.</summary>
    private const int EarlyWaitMs = 2_000;

    private readonly Lock _gate = new();
    private readonly PriorityQueue<Due, long> _due = new();
    private readonly PriorityQueue<WebhookPost, long> _retries = new();
    private readonly Backlog _backlog = new();
    private readonly Alarm _alarm = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<SimulatorOptions> _options;
    private readonly AccountRegistry _accounts;
    private readonly Counters _counters;
    private readonly InboundWriter _inbound;
    private readonly WebhookSender _sender;
    private readonly Task _loop;
    private volatile bool _paused;

    private readonly record struct Due(OutboundMessage? Message, int Step, bool IsCopy, WebhookChange? Change);

    public WebhookQueue(Func<SimulatorOptions> options, AccountRegistry accounts, Counters counters, InboundWriter inbound)
    {
        (_options, _accounts, _counters, _inbound) = (options, accounts, counters, inbound);
        _sender = new(options, counters, AfterAttempt);
        _loop = Task.Run(Run);
    }

    /// <summary>Updates due later, on the way or refused so far.</summary>
    public long Unaccepted => _backlog.Updates;

    public bool IsFull => Unaccepted >= _options().PendingUpdatesMax;

    /// <summary>While true nothing goes out and everything is kept.</summary>
    public bool Paused
    {
        get => _paused;
        set
        {
            _paused = value;
            _alarm.Ring();
        }
    }

    /// <summary>Plays the rest of a message's script.</summary>
    /// <param name="fromStep">The first step not yet told.</param>
    public void Follow(OutboundMessage message, int fromStep)
    {
        if (fromStep >= message.Script.Steps.Length)
        {
            return;
        }

        var options = _options();
        var held = message.Held && fromStep == 0 ? options.HoldMs : 0;
        Put(new(message, fromStep, false, null), DelayMs(message.Script.Steps[fromStep], options) + held);
    }

    public void Enqueue(WebhookChange change, int delayMs) => Put(new(null, 0, false, change), delayMs);

    /// <summary>Tells the first step before the caller has its answer. Returns the first step still to be told.</summary>
    public async Task<int> TellEarly(OutboundMessage message)
    {
        var options = _options();
        if (_paused || UrlOf(message.Phone.WabaId, options) is not { } url || message.Script.Steps is not [<= StepKind.Failed, ..])
        {
            return 0;
        }

        _counters.NoteEarly();
        var post = Pack(url, [new(message, message.Script.Steps[0], null)], new BatchWriter(), options);
        _backlog.Add(1);
        await _sender.Enqueue(post, _stop.Token);
        await Task.WhenAny(post.Accepted, Task.Delay(EarlyWaitMs, _stop.Token));
        return 1;
    }

    /// <summary>Ends when every update has been accepted or discarded.</summary>
    public Task WhenIdle(CancellationToken ct) => _backlog.WhenEmpty(ct);

    /// <summary>Forgets what is not yet on the way.</summary>
    public void Clear()
    {
        long dropped;
        lock (_gate)
        {
            dropped = _due.Count;
            _due.Clear();
            while (_retries.TryDequeue(out var post, out _))
            {
                dropped += post.Items;
                _backlog.RemoveBytes(post.Body.Length);
            }
        }

        _backlog.Remove(dropped);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        await _sender.DisposeAsync();
        _stop.Dispose();
        _alarm.Dispose();
    }

    private void Put(Due item, int delayMs)
    {
        var at = Environment.TickCount64 + delayMs + _options().WebhookDelayMs;
        _backlog.Add(1);
        bool first;
        lock (_gate)
        {
            first = !_due.TryPeek(out _, out var next) || at < next;
            _due.Enqueue(item, at);
        }

        if (first)
        {
            _alarm.Ring();
        }
    }

    private async Task Run()
    {
        var writer = new BatchWriter();
        var items = new Dictionary<string, List<WebhookItem>>();
        try
        {
            while (true)
            {
                var options = _options();
                await SendRetries();
                while (!_paused && Gather(items, options))
                {
                    await SendGathered(items, writer, options);
                }

                await Task.Delay(Math.Max(1, options.FlushEveryMs), _stop.Token);
                await _alarm.Sleep(WaitMs, _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // stopping
        }
    }

    /// <summary>Until the next thing is due; -1 when nothing will be.</summary>
    private int WaitMs()
    {
        lock (_gate)
        {
            if (_paused)
            {
                return Timeout.Infinite;
            }

            var next = long.MaxValue;
            if (_retries.TryPeek(out _, out var retry))
            {
                next = retry;
            }

            if (!_backlog.IsHeavy && _due.TryPeek(out _, out var due))
            {
                next = Math.Min(next, due);
            }

            return next == long.MaxValue ? Timeout.Infinite : (int)Math.Clamp(next - Environment.TickCount64, 0, 60_000);
        }
    }

    private async Task SendRetries()
    {
        while (!_paused)
        {
            WebhookPost? post;
            lock (_gate)
            {
                if (!_retries.TryPeek(out _, out var at) || at > Environment.TickCount64 || !_retries.TryDequeue(out post, out _))
                {
                    return;
                }
            }

            await _sender.Enqueue(post, _stop.Token);
        }
    }

    /// <summary>Takes at most one batch of what is due, by address. False: nothing is.</summary>
    private bool Gather(Dictionary<string, List<WebhookItem>> items, SimulatorOptions options)
    {
        if (_backlog.IsHeavy)
        {
            return false;
        }

        var taken = 0;
        var now = Environment.TickCount64;
        for (; taken < Math.Clamp(options.BatchSizeMax, 1, 1_000); taken++)
        {
            Due next;
            lock (_gate)
            {
                if (!_due.TryPeek(out next, out var at) || at > now)
                {
                    break;
                }

                _due.Dequeue();
            }

            Tell(next, items, options);
            _backlog.Remove(1);
        }

        return taken > 0;
    }

    private void Tell(Due due, Dictionary<string, List<WebhookItem>> items, SimulatorOptions options)
    {
        var item = ItemOf(due, options);
        if (item is { } toTell)
        {
            var times = due.Message is { } m && !due.IsCopy ? m.Script.Times : 1;
            Address(toTell, times, items, options);
        }

        if (due.IsCopy)
        {
            return;
        }

        var (key, ordinal) = due.Message is { } message ? (message.Key, due.Step) : (due.Change!.Key, 0);
        if (item is not null && Draw.Hits(options.DuplicateRate, options.Seed, "duplicate", key, ordinal))
        {
            _counters.NoteDuplicate();
            Put(due with { IsCopy = true }, (int)(DuplicateDelayMs * Draw.Fraction(options.Seed, "duplicate delay", key, ordinal)));
        }

        if (due.Message is not null)
        {
            Follow(due.Message, due.Step + 1);
        }
    }

    /// <summary>Null when the step is not told now: a reply becomes an update of its own.</summary>
    private WebhookItem? ItemOf(Due due, SimulatorOptions options)
    {
        if (due.Message is not { } message)
        {
            return new(null, default, due.Change);
        }

        var kind = message.Script.Steps[due.Step];
        if (kind <= StepKind.Failed)
        {
            return new(message, kind, null);
        }

        if (_inbound.Consequence(message, kind) is { } change)
        {
            Enqueue(change, options.WebhookDelayMs);
        }

        return null;
    }

    private void Address(WebhookItem item, int times, Dictionary<string, List<WebhookItem>> items, SimulatorOptions options)
    {
        if (UrlOf(item.WabaId, options) is not { } url)
        {
            _counters.NoteDiscarded();
            return;
        }

        if (!items.TryGetValue(url, out var list))
        {
            items[url] = list = [];
        }

        for (var i = 0; i < times; i++)
        {
            list.Add(item);
        }

        _backlog.Add(times);
    }

    private string? UrlOf(string wabaId, SimulatorOptions options) => _accounts.FindWaba(wabaId)?.OverrideUrl ?? options.WebhookUrl;

    private async Task SendGathered(Dictionary<string, List<WebhookItem>> items, BatchWriter writer, SimulatorOptions options)
    {
        foreach (var (url, list) in items)
        {
            if (list.Count > 0)
            {
                await _sender.Enqueue(Pack(url, list, writer, options), _stop.Token);
                list.Clear();
            }
        }
    }

    private WebhookPost Pack(string url, List<WebhookItem> items, BatchWriter writer, SimulatorOptions options)
    {
        var body = writer.Write(items, options, DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        _backlog.AddBytes(body.Length);
        return new(url, body, options.AppSecret, items.Count);
    }

    private void AfterAttempt(WebhookPost post, bool accepted)
    {
        if (accepted)
        {
            if (_backlog.RemoveBytes(post.Body.Length))
            {
                _alarm.Ring();
            }

            _counters.NoteAccepted(post.Items);
            post.NoteAccepted();
            _backlog.Remove(post.Items);
            return;
        }

        var options = _options();
        var pause = Math.Min((double)options.RetryMaxMs, options.RetryFirstMs * Math.Pow(2, Math.Min(post.Refusals, 30)));
        post.Refusals++;
        lock (_gate)
        {
            _retries.Enqueue(post, Environment.TickCount64 + (long)pause);
        }

        _alarm.Ring();
    }

    private static int DelayMs(StepKind kind, SimulatorOptions options) => kind switch
    {
        StepKind.Sent => options.SentDelayMs,
        StepKind.Delivered or StepKind.Failed => options.DeliveredDelayMs,
        _ => options.ReadDelayMs,
    };
}
