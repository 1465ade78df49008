using System.Globalization;
using System.Text.Json;

namespace Bsp.Application.Messages;

/// <summary>A message's body is not one that Meta takes.</summary>
/// <param name="path">Of what is wrong, <c>interactive.action.buttons[1].reply.title</c>.</param>
/// <param name="message">Without a subject, with the bound: <c>must be 1 to 20 characters.</c></param>
internal sealed class UnfitBody(string path, string message) : Exception(message)
{
    public string Field => path;
}

/// <summary>An object inside a message's body and where it stands. Whatever is wrong with it is an <see cref="UnfitBody"/>.</summary>
internal readonly record struct OutboundPart(JsonElement Json, string Path)
{
    private const int LinkMax = 2_048;
    private const int MediaIdMax = 64;
    private const int NameShownMax = 64;

    public UnfitBody Unfit(string name, string message) => new(name.Length == 0 ? Path : $"{Path}.{name}", message);

    /// <summary>Refuses members that the object does not have: a mistyped one would be lost without a word.</summary>
    public OutboundPart Only(params string[] names)
    {
        foreach (var member in Json.EnumerateObject())
        {
            if (!names.Contains(member.Name))
            {
                throw Unfit(Domain.Common.Text.Cut(member.Name, NameShownMax), $"is not a member here: {string.Join(", ", names)} are.");
            }
        }

        return this;
    }

    /// <summary>A member's value; null when it is absent or null.</summary>
    public JsonElement? Member(string name) =>
        Json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>A text of 1 (or with <paramref name="min"/> fewer) to <paramref name="max"/> characters; null when absent.</summary>
    public string? Optional(string name, int max, int min = 1)
    {
        if (Member(name) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.String && value.GetString() is { } text && text.Length >= min && text.Length <= max ? text
            : throw Unfit(name, $"must be a text of {min} to {max} characters.");
    }

    /// <summary>As <see cref="Optional"/>, and it must be there.</summary>
    public string Text(string name, int max, int min = 1) =>
        Optional(name, max, min) ?? throw Unfit(name, $"is missing: a text of {min} to {max} characters.");

    /// <summary>One of these words.</summary>
    public string Word(string name, params string[] words) =>
        Member(name) is { ValueKind: JsonValueKind.String } value && words.Contains(value.GetString()) ? value.GetString()!
        : throw Unfit(name, words.Length == 1 ? $"must be \"{words[0]}\"." : $"must be one of {string.Join(", ", words)}.");

    public bool? Flag(string name) => Member(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw Unfit(name, "must be true or false."),
    };

    /// <summary>A whole number, also as text.</summary>
    public int Number(string name, int min, int max) =>
        Member(name) is { } value
        && int.TryParse(value.ValueKind switch { JsonValueKind.String => value.GetString(), JsonValueKind.Number => value.GetRawText(), _ =>
            null }, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max ? number
        : throw Unfit(name, $"must be a whole number from {min} to {max}.");

    /// <summary>An object; null when absent.</summary>
    public OutboundPart? OptionalChild(string name) => Member(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => new(value, $"{Path}.{name}"),
        _ => throw Unfit(name, "must be an object."),
    };

    public OutboundPart Child(string name) => OptionalChild(name) ?? throw Unfit(name, "is missing: an object.");

    /// <summary>The objects of a list; with a minimum of 0 also none.</summary>
    public IReadOnlyList<OutboundPart> Items(string name, int min, int max)
    {
        if (Member(name) is not { } value)
        {
            return min == 0 ? [] : throw Unfit(name, $"is missing: a list of {min} to {max}.");
        }

        return value.ValueKind == JsonValueKind.Array && value.GetArrayLength() >= min && value.GetArrayLength() <= max
            ? Objects(value, $"{Path}.{name}") : throw Unfit(name, $"must be a list of {min} to {max}.");
    }

    /// <summary>The items of a list, each of which must be an object.</summary>
    public static IReadOnlyList<OutboundPart> Objects(JsonElement list, string path)
    {
        var parts = list.EnumerateArray().Select((item, i) => new OutboundPart(item, $"{path}[{i}]")).ToList();
        foreach (var part in parts.Where(p => p.Json.ValueKind != JsonValueKind.Object))
        {
            throw part.Unfit("", "must be an object.");
        }

        return parts;
    }

    /// <summary>An address that Meta or a phone opens.</summary>
    public string Link(string name, int max = LinkMax)
    {
        var text = Text(name, max);
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.Host.Length > 0 ? text
            : throw Unfit(name, "must be an http or https address.");
    }

    /// <summary>A file by exactly one of <c>id</c> and <c>link</c>.</summary>
    public void Media()
    {
        if ((Member("id") is null) == (Member("link") is null))
        {
            throw Unfit("", "needs exactly one of id and link.");
        }

        if (Member("link") is not null)
        {
            Link("link");
        }
        else if (!Text("id", MediaIdMax).All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'))
        {
            throw Unfit("id", "must be the id of a file of GET /v1/media, or Meta's own.");
        }
    }
}
