namespace Bsp.Application.Messages;

/// <summary>Words with which people stop and start messages; only as the whole message, whatever the case and the punctuation around it.</summary>
public static class ConsentKeywords
{
    private static readonly HashSet<string> Stop = new(StringComparer.OrdinalIgnoreCase)
    {
        "stop", "unsubscribe", "stop all", "opt out", "optout", "cancel", "end", "quit",
        "alto", "parar", "baja", "cancelar", "arret", "arrêt", "arrêter", "désabonner", "abmelden", "stopp", "sair", "توقف", "إيقاف", "الغاء", "إلغاء", "dur", "стоп",
    };

    private static readonly HashSet<string> Start = new(StringComparer.OrdinalIgnoreCase)
    {
        "start", "subscribe", "unstop", "opt in", "optin", "alta", "iniciar", "début", "anmelden", "ابدأ", "اشتراك", "başla", "старт",
    };

    /// <summary><c>OPTED_OUT</c>, <c>OPTED_IN</c>, or null when it is no keyword.</summary>
    public static string? Read(string? text)
    {
        var word = text?.Trim().Trim('.', '!', '"', '\'', '*', '_').Trim();
        return word is null or { Length: > 30 } ? null : Stop.Contains(word) ? "OPTED_OUT" : Start.Contains(word) ? "OPTED_IN" : null;
    }
}
