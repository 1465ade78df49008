using System.Text.Json;

namespace Bsp.Application.Meta;

/// <summary>Which number speaks, with which token.</summary>
public sealed record MetaNumber(string PhoneNumberId, string WabaId, string AccessToken);

/// <summary>What is known after one send call.</summary>
public enum SendResult
{
    /// <summary>Meta took it (not: delivered it).</summary>
    Accepted,

    /// <summary>Proven: Meta did not take it, and will not.</summary>
    Rejected,

    /// <summary>Proven: Meta did not take it now; safe to call again after <see cref="SendOutcome.RetryAfter"/>.</summary>
    Refused,

    /// <summary>Time-out, 5xx, broken connection: it may have been taken. Never call again.</summary>
    Unknown,
}

/// <param name="Wamid">Set when accepted.</param>
/// <param name="Held">Accepted but held for quality assessment.</param>
/// <param name="Code">Meta's error code; null without one.</param>
public sealed record SendOutcome(SendResult Result, string? Wamid, bool Held, int? Code, string? Title, string? Details,
    TimeSpan RetryAfter)
{
    /// <summary>
    /// By which number WhatsApp knows the recipient (E.164), where that is not the one that was sent to and Meta names both; else null.
    /// </summary>
    public (string Sent, string Known)? Recipient { get; init; }
}

/// <summary>Meta's answer to a submitted template.</summary>
/// <param name="Status">PENDING, APPROVED or REJECTED.</param>
public sealed record SubmittedTemplate(string MetaTemplateId, string Status, string Category);

/// <param name="QualityRating">GREEN, YELLOW, RED or UNKNOWN.</param>
/// <param name="MessagingLimit">Unique users a day outside the window; null: unlimited or not told.</param>
public sealed record NumberFacts(string DisplayPhoneNumber, string VerifiedName, string QualityRating, string Status, int? MessagingLimit)
{
    /// <summary>Meta's throughput level of the number is HIGH: <see cref="Throughput.High"/> messages a second.</summary>
    public bool HighThroughput { get; init; }
}

/// <summary>Messages a second that Meta lets a number send. Source: Meta, Cloud API, throughput.</summary>
public static class Throughput
{
    /// <summary>Of every number at first.</summary>
    public const int Standard = 80;

    /// <summary>After Meta's upgrade, which comes by itself.</summary>
    public const int High = 1_000;
}

/// <summary>A template as Meta lists it.</summary>
public sealed record ListedTemplate(string MetaTemplateId, string Name, string Language, string Status, string Category,
    JsonElement Components, string? RejectedReason);

/// <summary>
/// Meta's Graph API. Management calls throw <see cref="Common.MetaRefused"/>; sending never throws for what Meta answered or did not.
/// </summary>
public interface IMeta
{
    /// <summary>One call of <c>POST /{phone_number_id}/messages</c>, never repeated inside.</summary>
    /// <param name="body">The whole JSON body, <c>biz_opaque_callback_data</c> included.</param>
    Task<SendOutcome> SendAsync(MetaNumber number, ReadOnlyMemory<byte> body, CancellationToken ct);

    /// <summary>Creates (<paramref name="metaTemplateId"/> null) or edits a template. Components in Meta's own shape.</summary>
    Task<SubmittedTemplate> SubmitTemplateAsync(MetaNumber number, string? metaTemplateId, string name, string language, string category,
        JsonElement components, CancellationToken ct);

    /// <summary>All templates of the WABA, at most 6,000.</summary>
    Task<IReadOnlyList<ListedTemplate>> ListTemplatesAsync(MetaNumber number, CancellationToken ct);

    /// <summary>Deletes every language of a name, or with an id only that one.</summary>
    Task DeleteTemplateAsync(MetaNumber number, string name, string? metaTemplateId, CancellationToken ct);

    /// <summary>Ends a pacing pause.</summary>
    Task UnpauseTemplateAsync(MetaNumber number, string metaTemplateId, CancellationToken ct);

    /// <summary>What Meta knows of the number.</summary>
    Task<NumberFacts> GetNumberAsync(MetaNumber number, CancellationToken ct);

    /// <summary>Asks whether the token may act for the number and the number belongs to the WABA; what Meta knows of the number.</summary>
    /// <exception cref="Common.MetaRefused">Not so (not retryable), or it could not be found out (retryable).</exception>
    Task<NumberFacts> ProveAsync(MetaNumber number, CancellationToken ct);

    /// <summary>Asks Meta to send this WABA's webhooks to our app, and that it says so afterwards.</summary>
    Task SubscribeAsync(MetaNumber number, CancellationToken ct);

    /// <summary>
    /// Marks a customer's message, and all before it, as read; with <paramref name="typing"/> it also shows them for up to 25 s that
    /// somebody is typing.
    /// </summary>
    /// <exception cref="Common.MetaRefused"/>
    Task MarkReadAsync(MetaNumber number, string wamid, bool typing, CancellationToken ct);
}
