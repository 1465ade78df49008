namespace Bsp.MetaSimulator;

/// <summary>
/// How the simulator behaves. Read from the configuration section <c>Simulator</c> (environment <c>Simulator__LatencyMs=20</c>);
/// all but <see cref="Url"/>, <see cref="StateFile"/> and <see cref="Accounts"/> may be changed while it runs, through
/// <c>PUT /_control/settings</c> in snake_case. Rates are 0–1 and decided by seed and message, never by time.
/// </summary>
public sealed record SimulatorOptions
{
    /// <summary>Where it listens; port 0 asks the system for a free one.</summary>
    public string Url { get; init; } = "http://127.0.0.1:0";

    /// <summary>Where webhooks go. Null: they are counted as discarded, as for an app without a subscription.</summary>
    public string? WebhookUrl { get; init; }

    /// <summary>Key of <c>X-Hub-Signature-256</c>.</summary>
    public string AppSecret { get; init; } = "simulator-app-secret";

    /// <summary>The app's id, as the exchange of signup codes asks for it.</summary>
    public string AppId { get; init; } = "100200300400500";

    /// <summary>Sent as <c>hub.verify_token</c> in the subscription handshake.</summary>
    public string VerifyToken { get; init; } = "simulator-verify-token";

    /// <summary>Bearer tokens that are let in. Empty: any, except those that begin with <c>invalid</c> or <c>expired</c>.</summary>
    public string[] AccessTokens { get; init; } = [];

    /// <summary>True: ids that were not registered through <see cref="Accounts"/> or the control API do not exist.</summary>
    public bool Strict { get; init; }

    /// <summary>Accounts that exist from the start.</summary>
    public AccountSeed[] Accounts { get; init; } = [];

    /// <summary>File that keeps accounts and templates between runs. Null: memory only.</summary>
    public string? StateFile { get; init; }

    /// <summary>Decides who fails under the rates below.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>False: every recipient is normal, for load runs over consecutive numbers.</summary>
    public bool MagicNumbers { get; init; } = true;

    /// <summary>Time before each Graph answer, 0–60,000 ms.</summary>
    public int LatencyMs { get; init; }

    /// <summary>Messages a number may send per second; 0 has no limit. Meta: 80, or 1,000 after the upgrade.</summary>
    public int MpsLimit { get; init; }

    /// <summary>How long a request that is never answered is held before the connection is dropped, ms.</summary>
    public int HangMs { get; init; } = 120_000;

    /// <summary>True: free-form messages outside 24 hours after the customer's last message fail with 131047.</summary>
    public bool EnforceWindow { get; init; }

    /// <summary>Sends accepted and never answered.</summary>
    public double TimeoutRate { get; init; }

    /// <summary>Sends answered with 500 and not accepted.</summary>
    public double ServerErrorRate { get; init; }

    /// <summary>Sends answered with 500 though accepted.</summary>
    public double ServerErrorAcceptedRate { get; init; }

    /// <summary>Sends answered with 130429.</summary>
    public double RateLimitRate { get; init; }

    /// <summary>Sends answered with 131026.</summary>
    public double RejectRate { get; init; }

    /// <summary>Sends accepted whose webhook says failed, 131026.</summary>
    public double FailRate { get; init; }

    /// <summary>Accepted templates whose webhook says failed, 131049 (Meta's cap on marketing to one person), by attempt.</summary>
    public double UserCapRate { get; init; }

    /// <summary>Webhook items sent a second time, a little later.</summary>
    public double DuplicateRate { get; init; }

    /// <summary>Messages whose statuses arrive in another order.</summary>
    public double ReorderRate { get; init; }

    /// <summary>Sends whose <c>sent</c> webhook is delivered before the HTTP answer.</summary>
    public double EarlyRate { get; init; }

    /// <summary>Share of delivered messages that are read.</summary>
    public double ReadRate { get; init; } = 1;

    /// <summary>From acceptance to <c>sent</c>, ms.</summary>
    public int SentDelayMs { get; init; } = 10;

    /// <summary>From <c>sent</c> to <c>delivered</c>, ms.</summary>
    public int DeliveredDelayMs { get; init; } = 20;

    /// <summary>From <c>delivered</c> to <c>read</c>, and from read to a reply, ms.</summary>
    public int ReadDelayMs { get; init; } = 30;

    /// <summary>Added to every webhook, ms.</summary>
    public int WebhookDelayMs { get; init; }

    /// <summary>How long pacing holds a message (<c>held_for_quality_assessment</c>), ms.</summary>
    public int HoldMs { get; init; } = 200;

    /// <summary>From submission to the verdict on a template, ms.</summary>
    public int TemplateReviewMs { get; init; } = 200;

    /// <summary>Templates whose name contains this are rejected.</summary>
    public string RejectTemplatesNamed { get; init; } = "reject";

    /// <summary>UTILITY templates whose name contains this are approved as MARKETING.</summary>
    public string MarketingTemplatesNamed { get; init; } = "as_marketing";

    /// <summary>Templates one WABA may create per hour. Source: Meta, 100.</summary>
    public int TemplateCreatesPerHourMax { get; init; } = 100;

    /// <summary>Updates in one POST, 1–1,000. Source: Meta names 1,000 as its own limit.</summary>
    public int BatchSizeMax { get; init; } = 50;

    /// <summary>How often due updates are gathered into POSTs, ms.</summary>
    public int FlushEveryMs { get; init; } = 5;

    /// <summary>POSTs on the way at the same time, fixed at start, 1–256.</summary>
    public int WebhookConcurrency { get; init; } = 8;

    /// <summary>How long a receiver may take to answer, ms.</summary>
    public int WebhookTimeoutMs { get; init; } = 10_000;

    /// <summary>Pause before the first repeat of a refused POST, ms; it doubles from there.</summary>
    public int RetryFirstMs { get; init; } = 200;

    /// <summary>Longest pause between two repeats, ms.</summary>
    public int RetryMaxMs { get; init; } = 10_000;

    /// <summary>Updates not yet accepted by the receiver; beyond it sends are refused with 130429, so that nothing is lost.</summary>
    public int PendingUpdatesMax { get; init; } = 4_000_000;
}

/// <summary>A number and the WABA it belongs to.</summary>
/// <param name="DisplayPhoneNumber">Digits; null derives one from the id.</param>
/// <param name="MpsLimit">Overrides <see cref="SimulatorOptions.MpsLimit"/> for this number; null does not.</param>
/// <param name="AccessTokens">The bearer tokens that may act for the WABA and its numbers, and no others; none: the first that is used.
/// Null: whichever may now.</param>
/// <param name="BusinessId">The portfolio that the WABA belongs to; null: the one it is known to belong to, else its own.</param>
public sealed record AccountSeed(string WabaId, string PhoneNumberId, string? DisplayPhoneNumber = null, string? VerifiedName = null,
    int? MpsLimit = null, string[]? AccessTokens = null, string? BusinessId = null);
