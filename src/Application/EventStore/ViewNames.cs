namespace Bsp.Application.EventStore;

/// <summary>
/// Names of the projections, each with its version: stored with their checkpoints, shown in <c>/v1/projections</c>, waited for by
/// <c>Bsp-Min-Position</c>, never changed.
/// A view whose meaning changes gets the next version. A test compares the list with the projections that run.
/// </summary>
public static class ViewNames
{
    public const string AccountCounters = "account_counters.v1";

    /// <summary>Not a view but half of a process manager: what machines are to read and answer.</summary>
    public const string AiWork = "ai_work.v1";
    public const string CampaignCounters = "campaign_counters.v1";

    /// <summary>Not a view but half of a process manager: what customers wrote that a triggered campaign listens to.</summary>
    public const string CampaignKeywords = "campaign_keywords.v1";

    /// <summary>Not a view but a process manager: what Meta says of a template stops its campaigns.</summary>
    public const string CampaignTemplates = "campaign_templates.v1";
    public const string CampaignProgress = "campaign_progress.v1";

    /// <summary>Not a view but a process manager, as below.</summary>
    public const string Charging = "charging.v1";
    public const string ContactCounters = "contact_counters.v1";
    public const string Conversations = "conversations.v1";

    /// <summary>Also written in <c>bsp.read_organization</c>.</summary>
    public const string LogPlaces = "log_places.v1";
    public const string MessageAnalytics = "message_analytics.v1";
    public const string MessageSearch = "message_search.v1";
    public const string ResponseTimes = "response_times.v1";

    /// <summary>Not a view but a process manager: what it did cannot be made again.</summary>
    public const string SendConsequences = "send_consequences.v1";

    /// <summary>Not a view: it makes customers' webhooks due.</summary>
    public const string WebhookWakes = "webhook_wakes.v1";
}
