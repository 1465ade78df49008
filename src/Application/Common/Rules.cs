using System.Text.Json;
using Bsp.Domain.Common;
using FluentValidation;
using FluentValidation.Results;

namespace Bsp.Application.Common;

/// <summary>Validation rules that several requests share.</summary>
public static class Rules
{
    /// <summary>Null, or an absolute http(s) address of at most 2,000 characters.</summary>
    public static IRuleBuilderOptions<T, string?> WebAddress<T>(this IRuleBuilder<T, string?> rule) => rule
        .Must(text => text is null
            || (text.Length <= 2_000 && Uri.TryCreate(text, UriKind.Absolute, out var url) && (url.Scheme is "http" or "https")))
        .WithMessage("must be an http or https address of at most 2,000 characters.");

    /// <summary>Null, or a JSON object that can be kept (<see cref="KeptJson"/>).</summary>
    /// <param name="field">As on the wire.</param>
    /// <param name="bytesMax">As stored.</param>
    public static IRuleBuilderOptionsConditions<T, JsonElement?> KeptObject<T>(
        this IRuleBuilder<T, JsonElement?> rule, string field, int bytesMax = KeptJson.ObjectBytesMax) =>
        rule.Custom((value, context) =>
        {
            if (ObjectFault(value, bytesMax) is { } fault)
            {
                context.AddFailure(new ValidationFailure(field, fault));
            }
        });

    /// <summary>What is wrong with an object that is to be kept; null: nothing, or it is null.</summary>
    public static string? ObjectFault(JsonElement? value, int bytesMax = KeptJson.ObjectBytesMax) => value switch
    {
        null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => null,
        { ValueKind: JsonValueKind.Object } given => KeptJson.Fault(given, bytesMax)?.For(""),
        _ => $"must be a JSON object of at most {bytesMax / 1024} KB.",
    };

    /// <summary>A property's name as on the wire.</summary>
    public static string OnTheWire(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);

    /// <summary>
    /// Null, or settings whose <c>default_country</c>, where it is given, is an ISO 3166-1 alpha-2 code in upper case, or null.
    /// </summary>
    public static bool HasCountry(JsonElement? settings) =>
        settings is not { ValueKind: JsonValueKind.Object } given || !given.TryGetProperty("default_country", out var country)
        || country.ValueKind == JsonValueKind.Null || (country.ValueKind == JsonValueKind.String && E164.IsCountry(country.GetString()!));

    /// <summary>
    /// Null, or settings whose <c>low_balance</c>, where it is given, is null or an object of currency codes with a decimal string each (or
    /// null):
    /// below that balance the organization is told.
    /// </summary>
    public static bool HasLowBalance(JsonElement? settings) => settings is not { ValueKind: JsonValueKind.Object } given
        || !given.TryGetProperty("low_balance", out var low) || low.ValueKind == JsonValueKind.Null
        || (low.ValueKind == JsonValueKind.Object
            && low.EnumerateObject().All(p => Currencies.All.Contains(p.Name) && (p.Value.ValueKind == JsonValueKind.Null
            || (p.Value.ValueKind == JsonValueKind.String && Money.TryParseSigned(p.Value.GetString(), out _)))));

    /// <summary>Property names in messages are those of the wire. Called once at start.</summary>
    public static void NameFieldsAsOnTheWire()
    {
        ValidatorOptions.Global.PropertyNameResolver = (_, member, _) => member is null ? null : OnTheWire(member.Name);
        ValidatorOptions.Global.DisplayNameResolver = ValidatorOptions.Global.PropertyNameResolver;
    }
}
