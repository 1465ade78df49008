using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Templates;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Templates;

/// <summary>Stops using it; Meta is not told.</summary>
/// <param name="Reason">≤ 200 characters; null: none given.</param>
public sealed record PauseTemplate(Guid OrganizationId, Guid TemplateId, string? Reason, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => TemplateId;
}

public sealed class PauseTemplateValidator : AbstractValidator<PauseTemplate>
{
    public PauseTemplateValidator() =>
        RuleFor(p => p.Reason).MaximumLength(200).Must(r => r?.Contains('\0') is not true).OverridePropertyName("reason");
}

public sealed class PauseTemplateHandler(IEventStore store, TimeProvider clock) : IRequestHandler<PauseTemplate, Done>
{
    public Task<Done> Handle(PauseTemplate command, CancellationToken ct) =>
        store.DecideTemplate(command.OrganizationId, command.TemplateId, state =>
            Template.Pause(state, command.Reason, clock.GetUtcNow()), command.SeenVersion, ct);
}
