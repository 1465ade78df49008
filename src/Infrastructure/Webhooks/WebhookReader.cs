using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// Works the inbox off: a page is taken, carried out and its pointers deleted when all of it is done; a process killed in between leaves
/// them for the next.
/// Several readers, here and in other processes, take different pages: order does not matter (promise 3), but for what one customer writes,
/// which is one reader's at a time (docs/decisions/0281). One more tries again what was set aside.
/// The first reader takes short pages of who says little, so that nobody waits behind another's thousands; what it leaves is the other's.
/// Who used more than their share rests a while.
/// Decision: docs/decisions/0261.
/// </summary>
public sealed partial class WebhookReader(Shards shards, WebhookSignal signal, IMediator mediator, NumberDirectory numbers,
    WebhookMarks marks, ParkedStatuses parked,
    NonMessageFields others, SetAsideBoard board, FairShare fair, ProcessIdentity instance, TimeProvider clock, ILogger<WebhookReader> log)
    : BackgroundService
{
    private const int PageMax = 200;
    private const int QuickPageMax = 100;

    /// <summary>
    /// Items of one organization in a page, about: webhooks beyond stay in the inbox. A single one with more is taken apart.
    /// </summary>
    internal const int ItemsMax = 5_000;

    /// <summary>The same while others are there.</summary>
    internal const int ItemsBesideMax = 500;

    /// <summary>
    /// Items of a page of the first reader, of all together. One alone may have twice as many, or a fifth when others may come at any
    /// moment.
    /// </summary>
    internal const int QuickItemsMax = 500;

    /// <summary>The same of an organization that uses more than its share, and has this page only because it rested for long.</summary>
    internal const int ItemsRestingMax = 50;

    /// <summary>Items of one webhook that is carried out at once; Meta batches a thousand.</summary>
    internal const int WebhookItemsMax = 2_000;

    // Pages that met trouble of a store, in a row, before that is taken for one organization's.
    private const int TroubleMax = 3;

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2); // for what other processes left
    private static readonly TimeSpan LookAtRestingEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan TroublePause = TimeSpan.FromSeconds(1);

    private readonly RestingLanes restsOfQuick = new(fair, clock);
    private readonly RestingLanes restsOfLong = new(fair, clock);
    private readonly RestingLanes restsOfAside = new(fair, clock);
    private (bool Quick, bool Long) heldBack; // something waits for what another reader has

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Webhooks);
        await instance.Ready.WaitAsync(stoppingToken);
        await Task.WhenAll(ReadLoopAsync(quick: true, stoppingToken), ReadLoopAsync(quick: false, stoppingToken),
            AsideLoopAsync(stoppingToken));
    }

    private async Task ReadLoopAsync(bool quick, CancellationToken stop)
    {
        var (next, full) = (Guid.Empty, false);
        await LoopAsync("reading", async trouble =>
        {
            if (!full)
            {
                await signal.CalmAsync(stop);
            }

            (var count, full, next) = await PageAsync(next, trouble < TroubleMax, stop, quick);
            if (count == 0)
            {
                var patience = (quick ? heldBack.Quick || restsOfQuick.Any : heldBack.Long || restsOfLong.Any) ? LookAtRestingEvery
                    : LookEvery;
                await (quick ? signal.WaitAsync(patience, stop) : signal.WaitToHelpAsync(patience, stop));
            }
        }, stop);
    }

    private Task AsideLoopAsync(CancellationToken stop) => LoopAsync("set aside", async trouble =>
    {
        var count = await AsidePageAsync(trouble < TroubleMax, stop);
        await board.LookAsync(stop);
        if (count == 0)
        {
            await Task.Delay(LookEvery, clock, stop);
        }
    }, stop);

    private async Task LoopAsync(string part, Func<int, Task> round, CancellationToken stop)
    {
        for (var trouble = 0; !stop.IsCancellationRequested;)
        {
            try
            {
                await round(trouble);
                trouble = 0;
                Loop.Worked(part);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                trouble++;
                Log(e);
                Loop.Failed(e, part);
                await Task.Delay(TroublePause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Log(Exception e)
    {
        if (WebhookPage.IsAway(e))
        {
            LogStore(e.Message);
        }
        else
        {
            LogPage(e);
        }
    }

    /// <summary>
    /// Takes and carries out one page; how many webhooks it had, and whether it was full: waiting would not make the next one fuller.
    /// </summary>
    /// <param name="quick">A short one, of who says little.</param>
    internal async Task<(int Count, bool Full, Guid Next)> PageAsync(Guid from, bool patient, CancellationToken ct, bool quick = false)
    {
        await using var connection = await shards.Directory.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var taken = await WebhookInbox.TakeAsync(connection, quick ? QuickPageMax
            : PageMax, ct, from, (quick ? restsOfQuick : restsOfLong).Now(), quick);
        var count = taken.Webhooks.Count + taken.Gone.Count;
        (quick ? ref heldBack.Quick : ref heldBack.Long) = taken.HeldBack;
        if (taken.Full || (quick && count == 0))
        {
            signal.Help(); // there may be more, or what is too large for a short page: the other reader looks
        }

        if (count == 0)
        {
            return (0, false, Guid.Empty);
        }

        var page = NewPage(patient);
        var (now, later) = Share(taken.Webhooks, page, quick);
        if (later.Count > 0)
        {
            signal.Help();
        }

        await WebhookInbox.PutBackAsync(connection, later, ct);
        await page.ProcessAsync(now, ct);
        foreach (var webhook in taken.Gone)
        {
            LogGone(webhook.Id);
            page.Notes.Add(webhook, null, "gone", "Its body was removed from the journal before it was carried out.");
        }

        await FinishAsync(connection, transaction, page, ct);
        return (count, taken.Full || later.Count > 0, taken.Next);
    }

    /// <summary>One page of what was set aside; how many rows it had.</summary>
    internal async Task<int> AsidePageAsync(bool patient, CancellationToken ct)
    {
        await using var connection = await shards.Directory.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var rows = await WebhookAside.TakeAsync(connection, clock.GetUtcNow(), restsOfAside.Now(), ct);
        if (rows.Count == 0)
        {
            return 0;
        }

        var page = NewPage(patient);
        await page.ProcessAsync(rows, ct);
        await FinishAsync(connection, transaction, page, ct);
        return rows.Count;
    }

    private WebhookPage NewPage(bool patient) => new(mediator, numbers, marks, parked, others, fair, patient);

    private async Task FinishAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, WebhookPage page, CancellationToken ct)
    {
        await page.Notes.WriteAsync(connection, ct);
        await WebhookAside.KeepAsync(connection, page.Aside, clock.GetUtcNow(), ct);
        await transaction.CommitAsync(ct);
        foreach (var failed in page.Aside.Where(a => a.Error is not null))
        {
            LogAside(WebhookPart.Name(failed.Parts), failed.Parts[0].Webhook.Id, failed.Error!);
        }
    }

    // Of each organization as much as its share; a webhook that is too large for any share is taken apart, and its parts are carried out
    // later.
    private (List<Journaled> Now, List<Journaled> Later) Share(List<Journaled> webhooks, WebhookPage page, bool quick)
    {
        var (now, later) = (new List<Journaled>(webhooks.Count), new List<Journaled>());
        var lanes = webhooks.GroupBy(w => w.Lane)
            .Select(lane => (lane.Key, Webhooks: lane.Select(w => (Webhook: w, Items: WebhookPart.Count(w))).ToList()))
            .OrderBy(lane => lane.Webhooks.Sum(w => w.Items)).ToList();
        var all = 0;
        foreach (var (lane, ofLane) in lanes)
        {
            // In a short page only the first may have more than what is left of it.
            var most = !quick ? (lanes.Count > 1 || fair.OthersAreHere(lane) ? ItemsBesideMax : ItemsMax) : lanes.Count == 1
                ? (fair.OthersAreHere(lane) ? QuickItemsMax / 5 : 2 * QuickItemsMax) : all == 0 ? QuickItemsMax : QuickItemsMax - all;
            most = fair.Rest(lane) > TimeSpan.Zero ? Math.Min(most, ItemsRestingMax) : most;
            var (before, waiting) = (0, 0L);
            foreach (var (webhook, items) in ofLane)
            {
                if (before >= most || (quick && all > 0 && before + items > most) || (webhook.Senders & waiting) != 0)
                {
                    waiting |= webhook.Senders; // what they wrote afterwards does not overtake it
                    later.Add(webhook);
                    continue;
                }

                before += items;
                if (items > WebhookItemsMax)
                {
                    page.Postpone(WebhookPart.Of(webhook));
                }
                else
                {
                    now.Add(webhook);
                }
            }

            all += before;
        }

        return (now, later);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "webhooks: a store is away ({Reason}); the page stays in the inbox")]
    private partial void LogStore(string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "webhooks: a page failed and is taken again")]
    private partial void LogPage(Exception e);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "webhook {JournalId} was never carried out: the journal no longer has its body; noted")]
    private partial void LogGone(long journalId);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Part} of webhook {JournalId} could not be carried out and is set aside: {Error}")]
    private partial void LogAside(string part, long journalId, string error);
}
