using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Templates;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Templates;

/// <summary>Sends it to Meta for review. In review or approved already: nothing is done. Refused by Meta: <see cref="MetaRefused"/>.</summary>
public sealed record SubmitTemplate(Guid OrganizationId, Guid TemplateId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => TemplateId;
}

/// <summary>Ends a pause; one that Meta made is ended at Meta first.</summary>
public sealed record ResumeTemplate(Guid OrganizationId, Guid TemplateId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => TemplateId;
}

/// <summary>Deletes it at Meta (this language only) and here. Its history stays.</summary>
public sealed record DeleteTemplate(Guid OrganizationId, Guid TemplateId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => TemplateId;
}

/// <summary>Asks Meta how it stands and records what differs. Refused with <c>template.not_at_meta</c> when Meta has none of this name and language.</summary>
public sealed record SyncTemplate(Guid OrganizationId, Guid TemplateId) : ICommandOn
{
    Guid ICommandOn.Id => TemplateId;
}

/// <summary>Stops using it; Meta is not told.</summary>
/// <param name="Reason">≤ 200 characters; null: none given.</param>
public sealed record PauseTemplate(Guid OrganizationId, Guid TemplateId, string? Reason, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => TemplateId;
}

public sealed class PauseTemplateValidator : AbstractValidator<PauseTemplate>
{
    public PauseTemplateValidator() => RuleFor(p => p.Reason).MaximumLength(200).Must(r => r?.Contains('\0') is not true).OverridePropertyName("reason");
}

public sealed class PauseTemplateHandler(IEventStore store, TimeProvider clock) : IRequestHandler<PauseTemplate, Done>
{
    public Task<Done> Handle(PauseTemplate command, CancellationToken ct) =>
        store.DecideTemplate(command.OrganizationId, command.TemplateId, state => Template.Pause(state, command.Reason, clock.GetUtcNow()), command.SeenVersion, ct);
}
