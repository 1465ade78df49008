using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Domain.Templates;

/// <summary>A fact in a template's life: ours (created, revised, submitted) or Meta's (approved, rejected, paused, …).</summary>
public abstract record TemplateEvent;

/// <param name="Category"><c>MARKETING</c>, <c>UTILITY</c> or <c>AUTHENTICATION</c>.</param>
/// <param name="Components">The specification's <c>header|body|footer|buttons</c> object.</param>
[StoredAs("template_created")]
public sealed record TemplateCreated(Guid TemplateId, Guid AccountId, string Name, string Category, string Language,
    JsonElement Components, JsonElement? Variables, DateTimeOffset At) : TemplateEvent;

/// <summary>Edited; a template that Meta already knows must be submitted again.</summary>
[StoredAs("template_revised")]
public sealed record TemplateRevised(Guid TemplateId, string Category, JsonElement Components, JsonElement? Variables, DateTimeOffset At)
    : TemplateEvent;

/// <param name="Status">Meta's answer: <c>PENDING</c>, <c>APPROVED</c> or <c>REJECTED</c>.</param>
[StoredAs("template_submitted")]
public sealed record TemplateSubmitted(Guid TemplateId, string MetaTemplateId, string Status, string Category, DateTimeOffset At)
    : TemplateEvent;

/// <summary>Meta's status changed.</summary>
/// <param name="Status">The specification's value nearest to <paramref name="StatusExact"/>.</param>
/// <param name="StatusExact">Meta's own word: APPROVED, REJECTED, PAUSED, DISABLED, FLAGGED, …</param>
/// <param name="Reason">Meta's reason; null when it gave none or said NONE.</param>
[StoredAs("template_status_changed")]
public sealed record TemplateStatusChanged(Guid TemplateId, string Status, string StatusExact, string? Reason, DateTimeOffset At)
    : TemplateEvent;

[StoredAs("template_category_changed")]
public sealed record TemplateCategoryChanged(Guid TemplateId, string PreviousCategory, string Category, DateTimeOffset At) : TemplateEvent;

/// <param name="Quality"><c>GREEN</c>, <c>YELLOW</c>, <c>RED</c> or <c>UNKNOWN</c>.</param>
[StoredAs("template_quality_changed")]
public sealed record TemplateQualityChanged(Guid TemplateId, string? PreviousQuality, string Quality, DateTimeOffset At) : TemplateEvent;

/// <summary>Meta changed the text itself.</summary>
[StoredAs("template_components_changed")]
public sealed record TemplateComponentsChanged(Guid TemplateId, JsonElement Components, DateTimeOffset At) : TemplateEvent;

[StoredAs("template_deleted")]
public sealed record TemplateDeleted(Guid TemplateId, DateTimeOffset At) : TemplateEvent;
