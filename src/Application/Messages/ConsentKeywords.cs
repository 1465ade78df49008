using System.Globalization;
using System.Text;

namespace Bsp.Application.Messages;

/// <summary>
/// Words with which people stop and start messages. A word counts only as the whole message: "please stop by" is none. Compared without
/// case, in full-width letters as in narrow ones, with accents written apart or not at all, without invisible
/// characters (direction marks, joiners), with runs of blanks as one, and without punctuation around it. A word that means both, or
/// something else in another language of the table, is not in it.
/// </summary>
public static class ConsentKeywords
{
    /// <summary>A longer text is no keyword.</summary>
    public const int CharactersMax = 60;

    private static readonly HashSet<string> Stop = Table("""
        en: stop|stop all|stopall|stop promotions|unsubscribe|opt out|opt-out|optout|cancel|end|quit|remove me
        de: stopp|abmelden|abbestellen|austragen
        es: alto|parar|baja|darme de baja|cancelar suscripcion|cancelar suscripción
        pt: sair|pare|cancelar|descadastrar
        fr: arret|arrêt|arreter|arrêter|stopper|desabonner|désabonner|se desabonner|se désabonner|desinscription|désinscription
        it: fermare|basta|annulla iscrizione|disiscrivimi
        nl: afmelden|uitschrijven
        tr: dur|iptal|abonelikten çık
        ru: стоп|отписаться|отписка
        ar: توقف|إيقاف|ايقاف|الغاء|إلغاء|إلغاء الاشتراك|الغاء الاشتراك|قف
        he: עצור|הסר|הסרה
        fa: توقف|لغو
        ur: بند کرو|روکیں
        hi: रोकें|बंद करें|बंद करो|बंद
        id: berhenti|stop langganan
        ms: henti
        sw: acha|komesha
        zh: 退订|停止|取消订阅|退訂
        ja: 停止|配信停止
        ko: 중지|수신거부
        """);

    private static readonly HashSet<string> Start = Table("""
        en: start|subscribe|unstop|opt in|opt-in|optin|resume
        de: anmelden|starten
        es: alta|iniciar|suscribir|suscribirme
        pt: voltar|inscrever|cadastrar
        fr: debut|début|commencer|abonner|s'abonner
        it: inizia|iscrivimi
        nl: aanmelden|inschrijven
        tr: başla|abone ol
        ru: старт|подписаться
        ar: ابدأ|ابدا|اشتراك|اشترك
        he: התחל|הצטרף
        fa: شروع
        ur: شروع کرو
        hi: शुरू|शुरू करें
        id: mulai|langganan
        sw: anza
        zh: 订阅|开始|訂閱
        ja: 開始|配信再開
        ko: 시작|수신동의
        """);

    /// <summary><c>OPTED_OUT</c>, <c>OPTED_IN</c>, or null when it is no keyword.</summary>
    public static string? Read(string? text)
    {
        if (text is null or { Length: > CharactersMax })
        {
            return null;
        }

        var word = Plain(text);
        return Stop.Contains(word) ? "OPTED_OUT" : Start.Contains(word) ? "OPTED_IN" : null;
    }

    private static HashSet<string> Table(string lines) =>
        [.. lines.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(line => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Split('|')).Select(Plain)];

    /// <summary>
    /// A word as words are compared: without case, width, accents, invisible characters and punctuation around it, runs of blanks as one.
    /// </summary>
    public static string Plain(string text)
    {
        var plain = new StringBuilder(text.Length);
        foreach (var written in text)
        {
            // Full-width letters of East Asian keyboards; accents written apart from their letter, and Arabic vowel signs, which nobody
            // types on purpose.
            var c = written is >= '\uFF01' and <= '\uFF5E' ? (char)(written - 0xFEE0) : written;
            if (c is >= '\u0300' and <= '\u036F' or >= '\u064B' and <= '\u0652'
                || (char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.Control && !char.IsWhiteSpace(c)))
            {
                continue;
            }

            if (!char.IsWhiteSpace(c))
            {
                plain.Append(char.ToLowerInvariant(c));
            }
            else if (plain.Length > 0 && plain[^1] != ' ')
            {
                plain.Append(' ');
            }
        }

        return plain.ToString()
            .Trim([' ', '.', ',', '!', '?', '¡', '¿', ':', ';', '"', '\'', '*', '_', '~', '`', '(', ')', '[', ']', '«', '»', '„', '“', '”',
                '’', '。', '！', '،', '؟', '…', '-']);
    }
}
