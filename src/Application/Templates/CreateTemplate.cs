using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Templates;
using FluentValidation;
using FluentValidation.Results;
using MediatR;

namespace Bsp.Application.Templates;

/// <summary>Begins a draft on a number. Refused with <c>account.unknown</c>, <c>template.name_taken</c>.</summary>
/// <param name="Components">The specification's <c>header?, body, footer?, buttons?</c> (<see cref="TemplateComponents"/>).</param>
/// <param name="Variables">Examples for the variables, where the components give none; null: none.</param>
public sealed record CreateTemplate(Guid OrganizationId, Guid AccountId, string Name, string Category, string Language,
    JsonElement Components, JsonElement? Variables) : ICommand;

public sealed class CreateTemplateValidator : AbstractValidator<CreateTemplate>
{
    public CreateTemplateValidator() => RuleFor(c => c).Custom((command, context) =>
    {
        foreach (var fault in Faults(command))
        {
            context.AddFailure(new ValidationFailure(fault.Field, fault.Message) { ErrorCode = fault.Code });
        }
    });

    private static IReadOnlyList<TemplateFault> Faults(CreateTemplate command)
    {
        if (command.Components.ValueKind == JsonValueKind.Undefined)
        {
            return [new("components", "template.components_malformed", "components is an object.")];
        }

        if (TemplateBounds.Fault(command.Components, command.Variables) is { } kept)
        {
            return [kept];
        }

        try
        {
            return TemplateRules.Faults(command.Name ?? "", command.Category ?? "", command.Language
                ?? "", TemplateComponents.Read(command.Components, command.Variables));
        }
        catch (Refusal refusal)
        {
            return [new("components", refusal.Code, refusal.Message)];
        }
    }
}

/// <summary>
/// Takes the name first, then begins the stream: two drafts of one name cannot both come to be, and neither can spoil an append it shares
/// with others.
/// </summary>
public sealed class CreateTemplateHandler(IEventStore store, ITemplateReferences references, TimeProvider clock)
    : IRequestHandler<CreateTemplate, Done>
{
    public async Task<Done> Handle(CreateTemplate command, CancellationToken ct)
    {
        var id = CurrentRequest.NewId();
        await references.TakeNameAsync(command.OrganizationId, command.AccountId, command.Name, command.Language, id, ct);
        return await store.DecideTemplate(command.OrganizationId, id, state => Template.Create(
            state, id, command.AccountId, command.Name, command.Category, command.Language, command.Components, command.Variables,
            clock.GetUtcNow()), null, ct);
    }
}
