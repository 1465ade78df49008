using System.Text.Json;
using FluentValidation;

namespace Bsp.Application.Common;

/// <summary>Validation rules that several requests share.</summary>
public static class Rules
{
    private const int ObjectCharsMax = 65_536;

    /// <summary>Null, or an absolute http(s) address of at most 2,000 characters.</summary>
    public static IRuleBuilderOptions<T, string?> WebAddress<T>(this IRuleBuilder<T, string?> rule) => rule
        .Must(text => text is null || (text.Length <= 2_000 && Uri.TryCreate(text, UriKind.Absolute, out var url) && (url.Scheme is "http" or "https")))
        .WithMessage("must be an http or https address of at most 2,000 characters.");

    /// <summary>Null, or a JSON object of at most 64 KB.</summary>
    public static bool IsObject(JsonElement? value) => value is not { } given || given.ValueKind == JsonValueKind.Null || (given.ValueKind == JsonValueKind.Object && given.GetRawText().Length <= ObjectCharsMax);

    /// <summary>Null, or settings whose <c>default_country</c>, where it is given, is an ISO 3166-1 alpha-2 code in upper case, or null.</summary>
    public static bool HasCountry(JsonElement? settings) => settings is not { ValueKind: JsonValueKind.Object } given || !given.TryGetProperty("default_country", out var country)
        || country.ValueKind == JsonValueKind.Null || (country.ValueKind == JsonValueKind.String && E164.IsCountry(country.GetString()!));

    /// <summary>Property names in messages are those of the wire. Called once at start.</summary>
    public static void NameFieldsAsOnTheWire()
    {
        ValidatorOptions.Global.PropertyNameResolver = (_, member, _) => member is null ? null : JsonNamingPolicy.SnakeCaseLower.ConvertName(member.Name);
        ValidatorOptions.Global.DisplayNameResolver = ValidatorOptions.Global.PropertyNameResolver;
    }
}
