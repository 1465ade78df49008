using Bsp.Application.Ai;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;

namespace Bsp.Infrastructure.Ai.Shadows;

/// <summary>A burst of a day, with what came before it and what was done about it.</summary>
internal sealed record PlannedBurst(Guid ConversationId, Guid ContactId, DateTimeOffset At, Guid[] Messages, Guid[] History, string Actual,
    string? Reason, Guid? ActualMessage);

/// <summary>Folds a day of the log into bursts, by the log's own clock. Pure.</summary>
internal sealed class AiShadowPlan(AiSettings settings)
{
    private const int HistoryMax = 30;

    private sealed class Talk
    {
        public List<Guid> History { get; } = [];

        public List<(Guid Id, DateTimeOffset At)> Burst { get; } = [];

        public Guid Contact { get; set; }
    }

    private readonly Dictionary<Guid, Talk> talks = [];
    private readonly List<PlannedBurst> bursts = [];
    private readonly Dictionary<Guid, int> byMessage = [];

    /// <summary>Stored names that it reads.</summary>
    public static readonly IReadOnlyList<string> Types =
        ["message_received", "message_queued", "conversation_auto_answered", "conversation_handed_over", "conversation_left_silent"];

    /// <summary>So many were found that no more is needed.</summary>
    public bool IsFull(int most) => bursts.Count >= most;

    /// <summary>The bursts so far, and those that are still open; in the order of the day.</summary>
    public IReadOnlyList<PlannedBurst> End(int most)
    {
        foreach (var (id, talk) in talks)
        {
            Close(id, talk, "none", null, null);
        }

        return [.. bursts.OrderBy(b => b.At).ThenBy(b => b.ConversationId).Take(most)];
    }

    public void Take(StoredEvent stored)
    {
        switch (stored.Body)
        {
            case MessageReceived { GroupId: null } e when InboundKind.Of(e.Ref.Type).IsMessage:
                Received(stored, e);
                break;
            case MessageQueued { Ref.CampaignId: null } e when talks.TryGetValue(e.Ref.ConversationId, out var talk):
                if (e.SentBy.Source != SentBy.Ai)
                {
                    Close(e.Ref.ConversationId, talk, "person", null, e.Ref.MessageId);
                }

                Remember(talk, e.Ref.MessageId);
                break;
            case ConversationAutoAnswered e:
                Decided(e.ConversationId, e.Answers, "reply", null, e.MessageId);
                break;
            case ConversationHandedOver { Answers.Count: > 0 } e:
                Decided(e.ConversationId, e.Answers, "handover", e.Reason, null);
                break;
            case ConversationLeftSilent e:
                Decided(e.ConversationId, e.Answers, "silent", null, null);
                break;
        }
    }

    private void Received(StoredEvent stored, MessageReceived e)
    {
        var talk = talks.TryGetValue(e.Ref.ConversationId, out var known) ? known : talks[e.Ref.ConversationId] = new();
        talk.Contact = e.Ref.ContactId;
        if (talk.Burst.Count > 0 && (stored.Timestamp - talk.Burst[^1].At > TimeSpan.FromSeconds(settings.QuietSeconds)
            || stored.Timestamp - talk.Burst[0].At > TimeSpan.FromSeconds(AiSettings.BurstSecondsMax)))
        {
            Close(e.Ref.ConversationId, talk, "none", null, null);
        }

        talk.Burst.Add((stored.StreamId, stored.Timestamp));
    }

    // A decision may come after its burst was closed by the clock: it is that burst's.
    private void Decided(Guid conversation, IReadOnlyList<Guid> answers, string action, string? reason, Guid? message)
    {
        foreach (var answered in answers)
        {
            if (byMessage.TryGetValue(answered, out var at))
            {
                bursts[at] = bursts[at] with { Actual = action, Reason = reason, ActualMessage = message };
                return;
            }
        }

        if (talks.TryGetValue(conversation, out var talk))
        {
            Close(conversation, talk, action, reason, message);
        }
    }

    private void Close(Guid conversation, Talk talk, string actual, string? reason, Guid? message)
    {
        if (talk.Burst.Count == 0)
        {
            return;
        }

        var own = talk.Burst.TakeLast(AutoAnswering.BurstMax).ToList();
        bursts.Add(new(conversation, talk.Contact, own[^1].At, [.. own.Select(m => m.Id)],
            [.. talk.History.TakeLast(Math.Min(HistoryMax, settings.Share.History))], actual, reason, message));
        foreach (var (id, _) in own)
        {
            byMessage[id] = bursts.Count - 1;
            Remember(talk, id);
        }

        talk.Burst.Clear();
    }

    private static void Remember(Talk talk, Guid message)
    {
        talk.History.Add(message);
        if (talk.History.Count > HistoryMax)
        {
            talk.History.RemoveAt(0);
        }
    }
}
