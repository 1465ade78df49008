using Bsp.Application.Conversations;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Messages;

namespace Bsp.Infrastructure.Conversations;

/// <summary>
/// Since when a customer waits, when they were first answered by a person, and when it was over: by the times of the messages, in the order
/// of the log.
/// </summary>
internal static class ConversationClocks
{
    /// <summary>The customer wrote.</summary>
    public static ConversationDocument Heard(ConversationDocument d, MessageReceived e)
    {
        var at = MessageDocumentFold.Ms(e.At);
        var latest = d.LastInboundAt is null || at >= d.LastInboundAt;
        return d with
        {
            LastInboundId = latest ? MetaId.Of(e.Wamid) : d.LastInboundId,
            LastInboundAt = latest ? at : d.LastInboundAt,
            WaitingSince = d.WaitingSince ?? at,
            Episode = d.Episode is { ResolvedAt: null } open ? open : new((d.Episode?.Number ?? 0) + 1, at),
        };
    }

    /// <summary>A person answered.</summary>
    public static ConversationDocument Answered(ConversationDocument d, ConversationAnswered e) => d with
    {
        WaitingSince = null,
        Episode = d.Episode is { ResolvedAt: null, FirstResponseAt: null } open
        ? open with { FirstResponseAt = MessageDocumentFold.Ms(e.At), FirstResponseBy = e.By } : d.Episode,
    };

    /// <summary>It was filed anew; archived, its episode is over.</summary>
    public static ConversationDocument Filed(ConversationDocument d, ConversationClassified e)
    {
        var over = e.Status == "archived" && d.Episode is { ResolvedAt: null };
        return d with
        {
            Status = e.Status, Priority = e.Priority, Tags = [.. e.Tags],
            WaitingSince = e.Status == "active" ? d.WaitingSince : null,
            AiHandover = e.Status == "archived" ? null : d.AiHandover,
            Episode = over ? d.Episode! with { ResolvedAt = MessageDocumentFold.Ms(e.At) } : d.Episode,
        };
    }
}
