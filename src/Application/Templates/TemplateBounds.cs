using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Domain.Templates;
using FluentValidation;
using FluentValidation.Results;

namespace Bsp.Application.Templates;

/// <summary>What of a template is kept as JSON: components and variables, 64 KB each as stored.</summary>
internal static class TemplateBounds
{
    private const string Code = "template.components_malformed";

    /// <summary>Null: both can be kept.</summary>
    public static TemplateFault? Fault(JsonElement components, JsonElement? variables) =>
        KeptJson.Fault(components, KeptJson.ObjectBytesMax) is { } fault ? new("components", Code, $"components {fault.For("")}")
        : variables is { } given && KeptJson.Fault(given, KeptJson.ObjectBytesMax) is { } other
        ? new("variables", Code, $"variables {other.For("")}")
        : null;

    /// <summary>Of what a merge patch makes: small patches add up.</summary>
    /// <exception cref="ValidationException">One of them cannot be kept.</exception>
    public static void Require(JsonElement components, JsonElement? variables)
    {
        if (Fault(components, variables) is { } fault)
        {
            throw new ValidationException([new ValidationFailure(fault.Field, fault.Message) { ErrorCode = fault.Code }]);
        }
    }
}
