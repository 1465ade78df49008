using System.Collections.Frozen;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>
/// Facts of the log of which organizations' systems are told nothing, each because of something. Every stored fact is either here or in
/// <see cref="PublicEvents"/>: a new one has to be judged (<c>PublicEventTests</c>).
/// </summary>
public static class InternalEvents
{
    /// <summary>Stored names, and why they are nobody's but ours. <c>GET /v1/events</c> shows them all the same.</summary>
    public static readonly IReadOnlyDictionary<string, string> All = new Dictionary<string, string>
    {
        ["contact_absorbed"] = "contact.merged tells it, with the id of who was absorbed",
        ["contact_identity_news_outdated"] = "nothing changed: newer news had come before",
        ["ledger_opened"] = "a month of the ledger begins where the one before ended",
        ["ledger_closed"] = "a month of the ledger ends; its entries have been told",
        ["message_queued"] = "nothing has left yet: message.accepted, message.failed or message.skipped follows",
        ["message_sending"] = "the intent before the call to Meta, for whoever finds it after a crash",
        ["message_attempt_refused"] = "it is tried again by itself; what comes of it is told",
        ["message_deferred"] = "it waits for room or for the end of Meta's cap, and goes on by itself; what comes of it is told",
        ["message_wait_ended"] = "what follows it in the same moment is told",
        ["message_status_noted"] = "a status that changes nothing: late, repeated or contradicting",
        ["message_analysed"] = "a machine's reading of a message.received that was told",
        ["message_auto_replied"] = "which answer a message had: the answer is told as any message is",
        ["conversation_auto_answered"] = "the decision behind an answer, which is told as any message is",
        ["conversation_left_silent"] = "a decision to say nothing: nothing happened",
        ["conversation_handed_over"] = "ai_handover of GET /v1/conversations shows it",
        ["messages_retired"] = "their time was over, as the organization's own policy says",
        ["ai_conversations_retired"] = "as of messages_retired",
        ["archive_kept"] = "where what was retired lies, for the platform's people, who bring it back",
        ["conversation_given_back"] = "ai_handover of GET /v1/conversations shows it",
    }.ToFrozenDictionary();
}
