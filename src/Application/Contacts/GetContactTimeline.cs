using System.Text.Json;
using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Contacts;

/// <param name="Type">
/// Stored name of the event; or <c>contact_created</c>, <c>contact_imported</c>, <c>list_joined</c>, <c>list_left</c>, which stand in the
/// tables only. A message is one entry, when it was received or queued;
/// its own history is at /v1/messages/{id}/history.
/// </param>
/// <param name="Data">What is known of it; sealed parts opened, null where they were erased.</param>
public sealed record TimelineEntry(string Type, DateTimeOffset At, JsonElement Data);

/// <summary>Everything that happened to a contact and to those merged into it, oldest first. Refused with <c>contact.unknown</c>.</summary>
/// <param name="Limit">1–200.</param>
/// <param name="Cursor">End of the page before; null: from the start.</param>
public sealed record GetContactTimeline(Guid OrganizationId, Guid ContactId, int Limit, string? Cursor) : IRequest<Page<TimelineEntry>>;

public sealed class GetContactTimelineValidator : AbstractValidator<GetContactTimeline>
{
    public GetContactTimelineValidator() => RuleFor(t => t.Limit).InclusiveBetween(1, 200).OverridePropertyName("limit");
}
