namespace Bsp.Domain.Templates;

/// <summary>Meta's rules for a template's buttons: how many of each, in which order, how long.</summary>
internal static class ButtonRules
{
    private const int ButtonsMax = 10;
    private const int TextCharactersMax = 25;
    private const int UrlCharactersMax = 2000;
    private const int PhoneDigitsMax = 20;
    private const int CodeCharactersMax = 20; // coupon codes; 15 before December 2025

    private static readonly Dictionary<string, int> CountMax = new()
    {
        ["QUICK_REPLY"] = 10, ["URL"] = 2, ["PHONE_NUMBER"] = 1, ["COPY_CODE"] = 1, ["OTP"] = 1, ["FLOW"] = 1,
        ["MPM"] = 1, ["SPM"] = 1, ["CATALOG"] = 1, ["VOICE_CALL"] = 1, ["REQUEST_CONTACT_INFO"] = 1,
    };

    public static IEnumerable<TemplateFault> Faults(IReadOnlyList<ButtonPart> buttons, string category) =>
        Counts(buttons).Concat(Category(buttons, category))
        .Concat(buttons.SelectMany((button, i) => Button(button, $"components.buttons[{i}]")));

    public static IEnumerable<TemplateFault> MissingExamples(IReadOnlyList<ButtonPart> buttons) =>
        buttons.Select((button, i) => (button, i))
        .Where(b => b.button is { Type: "URL" or "COPY_CODE", NeedsParameter: true } && string.IsNullOrWhiteSpace(b.button.Example))
            .Select(b =>
                new TemplateFault($"components.buttons[{b.i}].example", "template.example_missing",
                    $"A {b.button.Type} button with a variable part needs an example."));

    private static IEnumerable<TemplateFault> Counts(IReadOnlyList<ButtonPart> buttons)
    {
        if (buttons.Count > ButtonsMax)
        {
            yield return new("components.buttons", "template.buttons_too_many", $"A template has at most {ButtonsMax} buttons.");
        }

        foreach (var group in buttons.GroupBy(b => b.Type))
        {
            if (!CountMax.TryGetValue(group.Key, out var max))
            {
                yield return new("components.buttons", "template.button_type_invalid", $"'{group.Key}' is no button type.");
            }
            else if (group.Count() > max)
            {
                yield return new("components.buttons", "template.buttons_too_many",
                    $"A template has at most {max} {group.Key} button{(max == 1 ? "" : "s")}.");
            }
        }

        var replies = buttons.Select((b, i) => (b.Type, i)).Where(b => b.Type == "QUICK_REPLY").Select(b => b.i).ToList();
        if (replies.Count > 0 && (replies[^1] - replies[0] != replies.Count - 1 || (replies[0] != 0 && replies[^1] != buttons.Count - 1)))
        {
            yield return new("components.buttons", "template.quick_replies_split",
                "Quick replies stand together, before or after all other buttons.");
        }
    }

    private static IEnumerable<TemplateFault> Category(IReadOnlyList<ButtonPart> buttons, string category)
    {
        if (category == "AUTHENTICATION" && buttons is not [{ Type: "OTP" }])
        {
            yield return new("components.buttons", "template.authentication_button",
                "An AUTHENTICATION template has exactly one button, of type OTP.");
        }
        else if (category != "AUTHENTICATION" && buttons.Any(b => b.Type == "OTP"))
        {
            yield return new("components.buttons", "template.authentication_button", "Only an AUTHENTICATION template has an OTP button.");
        }
    }

    private static IEnumerable<TemplateFault> Button(ButtonPart button, string field)
    {
        if (button.Text is { Length: > TextCharactersMax })
        {
            yield return new($"{field}.text", "template.button_text_too_long",
                $"A button's text has at most {TextCharactersMax} characters.");
        }

        if (button.Type is "QUICK_REPLY" or "URL" or "PHONE_NUMBER" && string.IsNullOrWhiteSpace(button.Text))
        {
            yield return new($"{field}.text", "template.button_text_missing", "This button needs a text.");
        }

        foreach (var fault in button.Type switch
        {
            "URL" => Url(button, field),
            "PHONE_NUMBER" => Phone(button, field),
            "COPY_CODE" when button.Example is { Length: > CodeCharactersMax } =>
                [new($"{field}.example", "template.button_code_too_long", $"A code has at most {CodeCharactersMax} characters.")],
            _ => [],
        })
        {
            yield return fault;
        }
    }

    private static IEnumerable<TemplateFault> Url(ButtonPart button, string field)
    {
        if (button.Url is not { Length: > 0 and <= UrlCharactersMax } url
            || !Uri.TryCreate(TemplateText.Fill(url, _ => "x"), UriKind.Absolute, out var parsed)
            || parsed.Scheme is not ("http" or "https"))
        {
            yield return new($"{field}.url", "template.button_url_invalid",
                $"A URL button needs an http(s) address of at most {UrlCharactersMax} characters.");
            yield break;
        }

        if (TemplateText.Matches(url) is { Count: > 0 } matches
            && (matches.Count > 1 || matches[0].Index + matches[0].Length != url.Length))
        {
            yield return new($"{field}.url", "template.button_url_variable", "A URL takes one variable, at its end.");
        }
    }

    private static IEnumerable<TemplateFault> Phone(ButtonPart button, string field)
    {
        var digits = button.PhoneNumber?.TrimStart('+');
        if (digits is not { Length: > 0 and <= PhoneDigitsMax } || !digits.All(char.IsAsciiDigit))
        {
            yield return new($"{field}.phone_number", "template.button_phone_invalid",
                $"A PHONE_NUMBER button needs a number of at most {PhoneDigitsMax} digits.");
        }
    }
}
