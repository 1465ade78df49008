using System.Collections.Concurrent;
using System.Net;
using Bsp.Application.Common;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>
/// Resolves names of customers' hosts. The system does that by waiting, up to half a minute for a name server that does not answer: so it
/// has threads of its own, a few, and of each organization fewer, and nobody's requests stand behind them.
/// </summary>
/// <param name="ask">What the system does; may wait for long.</param>
internal sealed class HostNames(Func<string, IPAddress[]> ask) : IDisposable
{
    /// <summary>Names that one organization has resolved at once, at most.</summary>
    public const int AtOnceOfOneMax = 4;

    private const int AtOnceMax = 64;

    private readonly SemaphoreSlim room = new(AtOnceMax, AtOnceMax);
    [Bounded("organizations that resolve names at this moment")]
    private readonly ConcurrentDictionary<Guid, Share> shares = new();

    /// <summary>Asked anew each time: a name may lead elsewhere by now, and every address is judged.</summary>
    /// <exception cref="OperationCanceledException">It took too long, or others of the organization's do.</exception>
    public async Task<IPAddress[]> ResolveAsync(string host, Guid organizationId, CancellationToken ct)
    {
        var share = Enter(organizationId);
        try
        {
            await share.Room.WaitAsync(ct);
        }
        catch
        {
            Leave(organizationId, share);
            throw;
        }

        var asked = AskAsync(host, organizationId, share, ct);
        _ = asked.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted,
            TaskScheduler.Default);
        return await asked.WaitAsync(ct); // the thread may be left waiting; its room is given back when it returns
    }

    public void Dispose() => room.Dispose();

    private async Task<IPAddress[]> AskAsync(string host, Guid organizationId, Share share, CancellationToken ct)
    {
        var entered = false;
        try
        {
            await room.WaitAsync(ct);
            entered = true;
            return await Task.Factory.StartNew(() => ask(host), CancellationToken.None, TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
        }
        finally
        {
            share.Room.Release();
            Leave(organizationId, share);
            if (entered)
            {
                room.Release();
            }
        }
    }

    private Share Enter(Guid organizationId)
    {
        while (true)
        {
            var share = shares.GetOrAdd(organizationId, _ => new());
            lock (share)
            {
                if (!share.Gone)
                {
                    share.Users++;
                    return share;
                }
            }
        }
    }

    private void Leave(Guid organizationId, Share share)
    {
        lock (share)
        {
            if (--share.Users == 0)
            {
                share.Gone = true;
                shares.TryRemove(new(organizationId, share));
            }
        }
    }

    private sealed class Share
    {
        public SemaphoreSlim Room { get; } = new(AtOnceOfOneMax, AtOnceOfOneMax);

        public int Users { get; set; }

        public bool Gone { get; set; }
    }
}
