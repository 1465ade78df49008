using System.Globalization;
using System.Text.Json;

namespace Bsp.Application.Messages;

/// <summary>Cards of people and firms that are sent. Source: Meta's reference, "Contacts".</summary>
internal static class OutboundContacts
{
    private const int CardsMax = 257;
    private const int ListMax = 20;
    private const int LineMax = 1_000;

    public static void Check(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Array || body.GetArrayLength() is 0 or > CardsMax)
        {
            throw new UnfitBody("contacts", $"must be a list of 1 to {CardsMax} contacts, each with name.formatted_name.");
        }

        foreach (var card in OutboundPart.Objects(body, "contacts"))
        {
            Card(card.Only("name", "phones", "emails", "urls", "addresses", "org", "birthday"));
        }
    }

    private static void Card(OutboundPart card)
    {
        var name = card.Child("name");
        name.Text("formatted_name", LineMax);
        Lines(name, "formatted_name", "first_name", "last_name", "middle_name", "prefix", "suffix");
        foreach (var phone in card.Items("phones", 0, ListMax))
        {
            phone.Text("phone", LineMax);
            Lines(phone, "phone", "type", "wa_id");
        }

        foreach (var email in card.Items("emails", 0, ListMax))
        {
            if (!email.Text("email", LineMax).Contains('@', StringComparison.Ordinal))
            {
                throw email.Unfit("email", "must be an e-mail address.");
            }

            Lines(email, "email", "type");
        }

        foreach (var url in card.Items("urls", 0, ListMax))
        {
            url.Only("url", "type").Link("url");
            url.Optional("type", LineMax);
        }

        foreach (var address in card.Items("addresses", 0, ListMax))
        {
            Lines(address, "street", "city", "state", "zip", "country", "country_code", "type");
        }

        if (card.OptionalChild("org") is { } org)
        {
            Lines(org, "company", "department", "title");
        }

        if (card.Optional("birthday", LineMax) is { } day
            && !DateOnly.TryParseExact(day, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
        {
            throw card.Unfit("birthday", "must be a day written YYYY-MM-DD.");
        }
    }

    private static void Lines(OutboundPart part, params string[] names)
    {
        part.Only(names);
        foreach (var name in names)
        {
            part.Optional(name, LineMax, 0);
        }
    }
}
