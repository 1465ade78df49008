namespace Bsp.Application.Retention;

/// <summary>One kind of data, and how long it is kept.</summary>
/// <param name="Kind">As in the report.</param>
/// <param name="Store">Where it lies.</param>
/// <param name="Hours">The specification's time (§6), or ours where it has none; null: for ever.</param>
/// <param name="HoursMin">Less is refused; null: no organization changes it.</param>
/// <param name="Strategy"><c>keep</c>, <c>delete</c>, <c>archive</c> or <c>anonymize</c> (and archive).</param>
/// <param name="By"><c>engine</c>: the worker of retention does it; <c>store</c>: the store itself, by its expiry; <c>feature</c>: a loop
/// of its own, which has more to do than that; <c>nobody</c>.</param>
/// <param name="What">For people.</param>
public sealed record RetentionRule(string Kind, string Store, int? Hours, int? HoursMin, string Strategy, string By, string What)
{
    /// <summary>Days, where an organization may set them.</summary>
    public int Days => Hours!.Value / 24;

    /// <summary>As <see cref="Days"/>.</summary>
    public int DaysMin => HoursMin!.Value / 24;
}

/// <summary>
/// The policy: the specification's eight rows, and what else this product keeps for a time. An organization may have messages, their logs
/// and AI histories deleted earlier, never later than the specification says; the least is what others need them for: a dispute about a
/// bill (messages), Meta's repeats (logs), the month that an assistant's bill is of (AI).
/// </summary>
public static class RetentionRules
{
    public const string MessageContent = "message_content";
    public const string MessageLogs = "message_logs";
    public const string Analytics = "analytics";
    public const string AiConversations = "ai_conversations";
    public const string WebhookJournal = "webhook_journal";

    private const int Day = 24;

    public static readonly IReadOnlyList<RetentionRule> All =
    [
        new("users", "postgres", null, null, "keep", "nobody", "People, organizations, contacts: for ever, until somebody deletes them."),
        new(MessageContent, "documents", 730 * Day, 90 * Day, "archive", "engine", "Messages and their conversations."),
        new(MessageLogs, "documents", 30 * Day, 7 * Day, "delete", "engine", "What Meta reported of each message."),
        new(Analytics, "clickhouse", 1_827 * Day, null, "archive", "engine", "A row for each message and status."),
        new(WebhookJournal, "postgres", 7 * Day, null, "delete", "feature", "Meta's webhooks as they came, and what was set aside."),
        new(AiConversations, "documents", 90 * Day, 30 * Day, "anonymize", "engine", "What models were asked and answered."),
        new("sessions", "redis", Day, null, "delete", "store", "Who is signed in."),
        new("rate_counters", "redis", Day, null, "delete", "store", "How often somebody asked."),
        new("notes", "postgres", 730 * Day, null, "delete", "engine", "Notes among colleagues; mentions in them 90 days."),
        new("search_index", "postgres", 730 * Day, null, "delete", "engine", "Hashed words of messages."),
        new("import_rejects", "postgres", 30 * Day, null, "delete", "engine", "Bad rows of files of contacts."),
        new("ai_replays", "postgres", 90 * Day, null, "delete", "engine", "Days replayed without sending."),
        new("deliveries", "postgres", 30 * Day, null, "delete", "feature", "Attempts to reach customers' webhooks."),
        new("idempotency_keys", "postgres", Day, null, "delete", "feature", "Keys of requests, with their answers."),
        new("deleted_media", "postgres", 30 * Day, null, "delete", "feature", "That a file was there once; its bytes go at once."),
    ];

    public static RetentionRule Of(string kind) => All.First(rule => rule.Kind == kind);
}
