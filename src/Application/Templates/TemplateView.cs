using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Templates;

/// <summary>A template as the specification's table shows it.</summary>
/// <param name="Status">DRAFT, PENDING, APPROVED, REJECTED or PAUSED; <paramref name="StatusExact"/> is Meta's own word.</param>
/// <param name="Quality">GREEN, YELLOW, RED or UNKNOWN.</param>
/// <param name="Version">Stream version: ETag.</param>
public sealed record TemplateView(Guid Id, Guid OrganizationId, Guid AccountId, string Name, string? MetaTemplateId, string Category,
    string Language, JsonElement Components, JsonElement? Variables,
    string Status, string StatusExact, string? RejectionReason, string Quality, DateTimeOffset? SubmittedAt, DateTimeOffset? ApprovedAt,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt,
    [property: JsonIgnore] long Version);

/// <summary>One template; refused with <c>template.unknown</c> (also when it was deleted).</summary>
public sealed record GetTemplate(Guid OrganizationId, Guid TemplateId) : IRequest<TemplateView>;

/// <summary>Templates in the order of their ids, the deleted left out.</summary>
/// <param name="Name">Exactly this name; null: any.</param>
/// <param name="Limit">1–200.</param>
/// <param name="Cursor">Id of the last template of the page before.</param>
public sealed record ListTemplates(Guid OrganizationId, Guid? AccountId, string? Status, string? Name, int Limit, string? Cursor)
    : IRequest<Page<TemplateView>>;

public sealed class ListTemplatesValidator : AbstractValidator<ListTemplates>
{
    private static readonly string[] Statuses = ["DRAFT", "PENDING", "APPROVED", "REJECTED", "PAUSED"];

    public ListTemplatesValidator()
    {
        RuleFor(l => l.Limit).InclusiveBetween(1, 200).OverridePropertyName("limit");
        RuleFor(l => l.Name).MaximumLength(512).Must(n => n?.Contains('\0') is not true).OverridePropertyName("name");
        RuleFor(l => l.Status).Must(s => s is null || Statuses.Contains(s)).OverridePropertyName("status")
            .WithMessage("status is DRAFT, PENDING, APPROVED, REJECTED or PAUSED.");
        RuleFor(l => l.Cursor).Must(c => c is null || Guid.TryParse(c, out _)).OverridePropertyName("cursor")
            .WithErrorCode("request.cursor_invalid").WithMessage("This cursor is none of ours.");
    }
}

/// <param name="Version">Stream version, from 1.</param>
/// <param name="Type">Stored name of the event.</param>
/// <param name="Data">The event as stored.</param>
public sealed record TemplateVersion(long Version, string Type, DateTimeOffset At, JsonElement Data);

/// <summary>Everything that happened to a template, oldest first; also of a deleted one.</summary>
public sealed record GetTemplateVersions(Guid OrganizationId, Guid TemplateId) : IRequest<IReadOnlyList<TemplateVersion>>;

/// <summary>
/// What a recipient would read: variables filled with <paramref name="Parameters"/> (as in a campaign's <c>template_parameters</c>), else
/// with the examples.
/// </summary>
public sealed record PreviewTemplate(Guid OrganizationId, Guid TemplateId, JsonElement? Parameters) : IRequest<TemplatePreview>;

/// <param name="Missing">Variables without a value; shown as they stand.</param>
public sealed record TemplatePreview(string? Header, string? Body, string? Footer, IReadOnlyList<string> Buttons,
    IReadOnlyList<string> Missing);
