using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using MediatR;

namespace Bsp.Application.Messages;

/// <summary>A status item of a webhook.</summary>
/// <param name="CallbackId">Our message id as <c>biz_opaque_callback_data</c> echoes it; null when Meta echoed none of ours.</param>
public sealed record StatusItem(Guid? CallbackId, ReportedStatus Said);

/// <summary>What Meta says about messages of one organization, in any order and any number of times.</summary>
/// <param name="Items">At most <see cref="MessageLedger.MessagesMax"/>.</param>
public sealed record RecordStatuses(Guid OrganizationId, IReadOnlyList<StatusItem> Items) : IRequest<RecordedStatuses>;

/// <param name="Unknown">Those whose message is not (yet) known here, to be tried again later.</param>
public sealed record RecordedStatuses(IReadOnlyList<Ruling> Rulings, IReadOnlyList<StatusItem> Unknown);

/// <summary>Finds messages by Meta's id.</summary>
public interface IWamids
{
    /// <summary>Our ids of those that are known.</summary>
    Task<IReadOnlyDictionary<string, Guid>> FindAsync(Guid organizationId, IReadOnlyCollection<string> wamids, CancellationToken ct);
}

/// <summary>What Meta calls 24 hours; only a trial shortens it.</summary>
public sealed record SendingDay(TimeSpan Value);

public sealed class RecordStatusesHandler(IEventStore store, IWamids wamids, RecentMessages recent, SendingDay? day = null)
    : IRequestHandler<RecordStatuses, RecordedStatuses>
{
    private readonly TimeSpan day = day?.Value ?? Wait.Day;

    public async Task<RecordedStatuses> Handle(RecordStatuses command, CancellationToken ct)
    {
        var anonymous = command.Items.Where(i => i.CallbackId is null).Select(i => i.Said.Wamid).ToHashSet();
        var found = anonymous.Count == 0 ? new Dictionary<string, Guid>() : await wamids.FindAsync(command.OrganizationId, anonymous, ct);
        var unknown = new List<StatusItem>();
        var byMessage = new Dictionary<Guid, List<StatusItem>>();
        foreach (var item in command.Items)
        {
            var id = item.CallbackId ?? (found.TryGetValue(item.Said.Wamid, out var known) ? known : null);
            if (id is null)
            {
                unknown.Add(item);
            }
            else if (byMessage.TryGetValue(id.Value, out var list))
            {
                list.Add(item);
            }
            else
            {
                byMessage[id.Value] = [item];
            }
        }

        var rulings =
            await store.RuleAsync(command.OrganizationId, [.. byMessage.Keys], (id, state) =>
                Report(state, byMessage[id]), ct, recent.Find(command.OrganizationId, byMessage.Keys));
        recent.Remember(command.OrganizationId, rulings);
        unknown.AddRange(rulings.Where(r => r.After.Phase == MessagePhase.None).SelectMany(r => byMessage[r.MessageId]));
        return new(rulings, unknown);
    }

    private MessageEvent[] Report(Message state, List<StatusItem> items)
    {
        if (items.Count == 1)
        {
            return Message.Report(state, items[0].Said, day);
        }

        var events = new List<MessageEvent>();
        foreach (var item in items)
        {
            var more = Message.Report(state, item.Said, day);
            events.AddRange(more);
            state = more.Aggregate(state, Message.Evolve);
        }

        return [.. events];
    }
}
