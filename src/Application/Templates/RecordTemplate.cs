using System.Text.Json;
using MediatR;

namespace Bsp.Application.Templates;

/// <summary>
/// How a webhook names a template: by Meta's id, or by name and language within the WABA when the id is not known here yet.
/// </summary>
public sealed record TemplateKey(string WabaId, string? MetaTemplateId, string? Name, string? Language);

/// <summary>
/// What Meta tells about a template. Answers the template's id, or null when the organization has none such. The same told twice gives no
/// second event.
/// </summary>
public interface ITemplateNews : IRequest<Guid?>
{
    /// <summary>The WABA's owner.</summary>
    Guid OrganizationId { get; }

    /// <summary>Which template.</summary>
    TemplateKey Key { get; }

    /// <summary>When Meta says so: the webhook entry's time.</summary>
    DateTimeOffset At { get; }
}

/// <param name="Event">Meta's word: APPROVED, REJECTED, PAUSED, DISABLED, FLAGGED, …</param>
/// <param name="Reason">Meta's reason; null or NONE when it gave none.</param>
public sealed record RecordTemplateStatus(Guid OrganizationId, TemplateKey Key, string Event, string? Reason, DateTimeOffset At)
    : ITemplateNews;

/// <param name="NewCategory">Of an impending change Meta's webhook names the current one here, which changes nothing.</param>
public sealed record RecordTemplateCategory(Guid OrganizationId, TemplateKey Key, string NewCategory, DateTimeOffset At) : ITemplateNews;

/// <param name="NewQuality">GREEN, YELLOW, RED or UNKNOWN.</param>
public sealed record RecordTemplateQuality(Guid OrganizationId, TemplateKey Key, string NewQuality, DateTimeOffset At) : ITemplateNews;

/// <param name="Title">Header text; null: as before. Likewise the others.</param>
/// <param name="Buttons">Meta's <c>message_template_buttons</c>.</param>
public sealed record RecordTemplateComponents(Guid OrganizationId, TemplateKey Key, string? Title, string? Body, string? Footer,
    JsonElement? Buttons, DateTimeOffset At) : ITemplateNews;
