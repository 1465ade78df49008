using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Templates;
using FluentValidation;
using FluentValidation.Results;
using MediatR;

namespace Bsp.Application.Templates;

/// <summary>
/// Edits a template by a JSON merge patch over category, components and variables. It is a draft again until Meta has approved it anew.
/// </summary>
/// <param name="SeenVersion">If-Match; null decides on whatever is stored.</param>
public sealed record ReviseTemplate(Guid OrganizationId, Guid TemplateId, JsonElement Patch, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => TemplateId;
}

public sealed class ReviseTemplateValidator : AbstractValidator<ReviseTemplate>
{
    private static readonly string[] Known = ["category", "components", "variables"];

    public ReviseTemplateValidator() => RuleFor(p => p.Patch).Custom((patch, context) =>
    {
        if (patch.ValueKind != JsonValueKind.Object)
        {
            context.AddFailure(new ValidationFailure("", "A merge patch is a JSON object.") { ErrorCode = "request.malformed" });
            return;
        }

        foreach (var name in patch.EnumerateObject().Select(p => p.Name).Where(name => !Known.Contains(name)))
        {
            context.AddFailure(new ValidationFailure(name, $"'{name}' cannot be changed.") { ErrorCode = "request.unknown_field" });
        }

        if (patch.TryGetProperty("category", out var category) && category.ValueKind != JsonValueKind.String)
        {
            context.AddFailure(new ValidationFailure("category",
                "The category is MARKETING, UTILITY or AUTHENTICATION.") { ErrorCode = "template.category_invalid" });
        }
    });
}

public sealed class ReviseTemplateHandler(IEventStore store, TimeProvider clock) : IRequestHandler<ReviseTemplate, Done>
{
    public Task<Done> Handle(ReviseTemplate command, CancellationToken ct) =>
        store.DecideTemplate(command.OrganizationId, command.TemplateId, state => Revise(state, command.Patch), command.SeenVersion, ct);

    private TemplateEvent[] Revise(Template state, JsonElement patch)
    {
        Template.RequireExists(state);
        var category = patch.TryGetProperty("category", out var newCategory) ? newCategory.GetString()! : state.Category;
        var components = patch.TryGetProperty("components", out var newComponents) ? MergePatch.Apply(state.Components, newComponents)
            : state.Components;
        var variables = !patch.TryGetProperty("variables", out var newVariables) ? state.Variables
            : newVariables.ValueKind == JsonValueKind.Null ? null
            : MergePatch.Apply(state.Variables ?? JsonSerializer.SerializeToElement(new { }), newVariables);
        TemplateBounds.Require(components, variables);
        return Template.Revise(state, category, components, variables, clock.GetUtcNow());
    }
}

/// <summary>Decisions on a template's stream.</summary>
public static class TemplateStream
{
    /// <summary>Loads, decides, appends (<see cref="Deciding"/>).</summary>
    public static Task<Done> DecideTemplate(this IEventStore store, Guid organizationId, Guid templateId,
        Func<Template, IReadOnlyList<TemplateEvent>> decide, long? seenVersion, CancellationToken ct) =>
        store.Decide<Template, TemplateEvent>(organizationId, templateId, decide, seenVersion, ct);

    /// <summary>What it is now, for asking Meta between two looks at the stream.</summary>
    /// <param name="seenVersion">If-Match; null: whatever is stored.</param>
    /// <exception cref="VersionConflict">The named version is not the stored one.</exception>
    public static async Task<(Template State, long Version)> LoadTemplateAsync(this IEventStore store, Guid organizationId,
        Guid templateId, long? seenVersion, CancellationToken ct)
    {
        var stream = await store.LoadAsync(organizationId, templateId, ct);
        return seenVersion is { } seen && seen != stream.Version
            ? throw new VersionConflict(templateId, named: true)
            : (stream.Fold<Template, TemplateEvent>(), stream.Version);
    }
}
