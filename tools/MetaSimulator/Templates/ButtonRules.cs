using System.Text.Json;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Templates;

/// <summary>The rules of a template's buttons. Source: Meta, "Template components".</summary>
internal static class ButtonRules
{
    private const int Subcode = 2388047;
    private const int ButtonsMax = 10;
    private const int TextLengthMax = 25;
    private const int UrlLengthMax = 2000;
    private const int CouponLengthMax = 20;

    /// <summary>How many buttons of a type one template may have.</summary>
    private static readonly Dictionary<string, int> Most = new()
    {
        ["QUICK_REPLY"] = 10,
        ["URL"] = 2,
        ["PHONE_NUMBER"] = 1,
        ["COPY_CODE"] = 1,
        ["FLOW"] = 1,
        ["MPM"] = 1,
        ["SPM"] = 1,
        ["CATALOG"] = 1,
        ["VOICE_CALL"] = 1,
        ["REQUEST_CONTACT_INFO"] = 1,
        ["OTP"] = 1,
    };

    public static GraphError? Check(JsonElement? component)
    {
        if (component is not { } parent)
        {
            return null;
        }

        var buttons = parent.Items("buttons");
        var types = buttons.Select(b => b.Text("type")?.ToUpperInvariant() ?? "").ToArray();
        if (buttons.Length is 0 or > ButtonsMax)
        {
            return Fault($"A template may have 1 to {ButtonsMax} buttons.");
        }

        if (types.FirstOrDefault(t => !Most.ContainsKey(t)) is { } unknown)
        {
            return Fault($"There is no button of type \"{unknown}\".");
        }

        if (types.CountBy(t => t).Where(t => t.Value > Most[t.Key]).Select(t => t.Key).FirstOrDefault() is { } tooMany)
        {
            return Fault($"There may be {Most[tooMany]} buttons of type {tooMany}.");
        }

        var changes = types.Zip(types.Skip(1)).Count(pair => (pair.First == "QUICK_REPLY") != (pair.Second == "QUICK_REPLY"));
        return changes > 1 ? Fault("Quick replies must stand together.") : buttons.Select(Button).FirstOrDefault(f => f is not null);
    }

    private static GraphError? Button(JsonElement button)
    {
        var type = button.Text("type")!.ToUpperInvariant();
        if (type is "QUICK_REPLY" or "URL" or "PHONE_NUMBER" or "FLOW" && button.Text("text") is not { Length: > 0 and <= TextLengthMax })
        {
            return Fault($"A button's text must have 1 to {TextLengthMax} characters.");
        }

        return type switch
        {
            "URL" => Url(button),
            "PHONE_NUMBER" when button.Text("phone_number") is not { Length: > 0 and <= 20 } =>
                Fault("A phone button needs a phone_number of at most 20 characters."),
            "COPY_CODE" when Example(button) is not { Length: > 0 and <= CouponLengthMax } =>
                Fault($"A copy-code button needs an example of at most {CouponLengthMax} characters."),
            _ => null,
        };
    }

    private static GraphError? Url(JsonElement button)
    {
        var url = button.Text("url") ?? "";
        var variables = TemplateShape.VariablePattern().Matches(url);
        return url.Length is 0 or > UrlLengthMax || !url.StartsWith("http", StringComparison.OrdinalIgnoreCase)
            ? Fault($"A url button needs an http or https url of at most {UrlLengthMax} characters.")
            : variables.Count == 0 ? null
            : variables.Count > 1 || variables[0].Index + variables[0].Length != url.Length
            ? Fault("A url may have one variable, at its end.")
            : Example(button) is { Length: > 0 } ? null
            : Fault("A url with a variable needs an example.");
    }

    /// <summary>Given as a string, or as an array of one.</summary>
    private static string? Example(JsonElement button) =>
        button.Text("example") ?? (button.Items("example") is [{ ValueKind: JsonValueKind.String } first, ..] ? first.GetString() : null);

    private static GraphError Fault(string message) => GraphError.Template(Subcode, "Button format is incorrect", message);
}

/// <summary>Authentication templates: Meta's own text, one button with a one-time code.</summary>
internal static class AuthenticationRules
{
    private static readonly string[] OtpTypes = ["COPY_CODE", "ONE_TAP", "ZERO_TAP"];

    public static GraphError? Check(JsonElement components)
    {
        if (TemplateShape.Find(components, "HEADER") is not null || TemplateShape.Find(components, "BODY")?.Text("text") is not null)
        {
            return GraphError.Template(2388072, "Authentication text is fixed",
                "An authentication template has no header and no text of its own.");
        }

        if (TemplateShape.Find(components, "FOOTER")?.Integer("code_expiration_minutes") is < 1 or > 90)
        {
            return GraphError.Template(2388073, "Footer format is incorrect", "code_expiration_minutes must be 1 to 90.");
        }

        var buttons = TemplateShape.Find(components, "BUTTONS")?.Items("buttons") ?? [];
        return buttons is [var one] && one.Text("type")?.ToUpperInvariant() == "OTP"
            && OtpTypes.Contains(one.Text("otp_type")?.ToUpperInvariant())
            ? null
            : GraphError.Template(2388047, "Button format is incorrect",
                "An authentication template needs one OTP button: COPY_CODE, ONE_TAP or ZERO_TAP.");
    }
}
