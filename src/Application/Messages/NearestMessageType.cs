namespace Bsp.Application.Messages;

/// <summary>
/// WhatsApp has more message types than the specification's enums: the one table that says which of its values stands for which.
/// The true word is always kept beside it (<c>message_type_exact</c>).
/// </summary>
public static class NearestMessageType
{
    /// <summary>Characters (UTF-16 units) of the true word that are kept.</summary>
    public const int ExactUnitsMax = 64;

    /// <summary>For the collection <c>messages</c>.</summary>
    public static string ForDocument(string exact) => exact switch
    {
        "text" or "image" or "video" or "audio" or "document" or "location" or "template" or "interactive" => exact,
        "sticker" => "image",
        "voice" => "audio",
        "contacts" => "document",
        "button" or "order" or "flow" or "list" => "interactive",
        _ => "text", // reaction, system, unsupported, unknown, and what Meta invents next
    };

    /// <summary>For <c>message_analytics</c>, whose enum lacks <c>location</c>.</summary>
    public static string ForAnalytics(string exact) => ForDocument(exact) is var near && near == "location" ? "text" : near;
}
