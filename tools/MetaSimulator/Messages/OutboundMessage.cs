using Bsp.MetaSimulator.Accounts;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Messages;

/// <summary>An accepted message for as long as webhooks about it are to come.</summary>
internal sealed class OutboundMessage
{
    public required PhoneNumber Phone { get; init; }

    public required string Wamid { get; init; }

    /// <summary>Digits; null when it was sent to a business-scoped user id.</summary>
    public required string? Number { get; init; }

    /// <summary>Business-scoped user id.</summary>
    public required string UserId { get; init; }

    public required string? Callback { get; init; }

    /// <summary>marketing, utility, authentication or service.</summary>
    public required string PricingCategory { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public required long AcceptedAtMs { get; init; }

    public required Script Script { get; init; }

    /// <summary>Kept back by pacing before the first status.</summary>
    public required bool Held { get; init; }

    /// <summary>What chance is drawn for: the callback data, or the recipient without it.</summary>
    public string Key => Callback ?? Number ?? UserId;

    /// <summary>The number or, without one, the user id.</summary>
    public string Recipient => Number ?? UserId;
}

/// <summary>A recipient as the caller named it.</summary>
/// <param name="Input">Unchanged, for <c>contacts[].input</c>.</param>
/// <param name="Number">Digits; null for a business-scoped user id.</param>
internal readonly record struct Recipient(string Input, string? Number, string UserId)
{
    public string Key => Number ?? UserId;

    public static Recipient OfNumber(string input, string digits) => new(input, digits, UserIdOf(digits));

    /// <summary>The business-scoped id of a phone number: the same in every run.</summary>
    public static string UserIdOf(string digits) => CountryOf(digits) + "." + Draw.Digits(digits, 13, 16);

    private static string CountryOf(string digits) => digits switch
    {
        ['4', '9', ..] => "DE",
        ['4', '4', ..] => "GB",
        ['5', '5', ..] => "BR",
        ['9', '1', ..] => "IN",
        ['3', '3', ..] => "FR",
        ['3', '4', ..] => "ES",
        ['5', '2', ..] => "MX",
        ['6', '2', ..] => "ID",
        _ => "US",
    };
}
