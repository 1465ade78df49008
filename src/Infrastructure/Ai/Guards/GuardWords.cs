using Bsp.Infrastructure.Search;

namespace Bsp.Infrastructure.Ai.Guards;

/// <summary>Phrases, each of words or beginnings of words (<c>approv*</c>), in the languages that are read.</summary>
internal sealed class GuardPhrases
{
    private readonly (string Text, bool Begins)[][] phrases;

    public GuardPhrases(string lines) => phrases =
    [
        .. lines.Split(['\n', '|'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(phrase => phrase.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .SelectMany(word => FoldedText.Words(word.TrimEnd('*')).Select(w => (w.Text, word.EndsWith('*')))).ToArray())
            .Where(phrase => phrase.Length > 0),
    ];

    /// <summary>One of them stands in these folded words, its parts one after the other.</summary>
    public bool FoundIn(IReadOnlyList<string> words) => phrases.Any(phrase => At(words, phrase));

    private static bool At(IReadOnlyList<string> words, (string Text, bool Begins)[] phrase)
    {
        for (var i = 0; i + phrase.Length <= words.Count; i++)
        {
            var fits = true;
            for (var j = 0; j < phrase.Length && fits; j++)
            {
                fits = phrase[j].Begins ? words[i + j].StartsWith(phrase[j].Text, StringComparison.Ordinal)
                    : words[i + j] == phrase[j].Text;
            }

            if (fits)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>Words by which texts of models and of customers are judged. None of them is about a single message.</summary>
internal static class GuardWords
{
    /// <summary>What only a person may promise: money, approval, a booking, consent.</summary>
    public static readonly GuardPhrases Promises = new("""
        approv* | guarante* | refunded | refund is confirmed | refund has been | full refund | i confirm | we confirm
        is confirmed | been confirmed | been credited | been transferred | been cancelled | been booked | waived
        free of charge | you win | verified
        aprobad* | aprobam* | garantiz* | garantía total | reembolsad* | reembolso completo | confirmad* | confirmo
        confirmamos | acreditad* | transferid* | autorizad*
        approuve* | garanti* | rembourse* | remboursement complet | confirme | confirmee | confirmons | credite* | valide* | autorise*
        aprovad* | aprovam* | garantid* | garantimos | reembolsad* | confirmad* | confirmamos | creditad* | liberad*
        transferid* | autorizad*
        تمت الموافقة | موافق | موافقه | مضمون | نضمن | تم رد | تم استرداد | تم التاكيد | تم تاكيد | تم التحويل | تم الغاء | نؤكد
        स्वीकृत | मंजूर | मंज़ूर | गारंटी | रिफंड कर दिया | रिफंड हो गया | पुष्टि | कन्फर्म | वापस कर दिए
        disetujui | setujui | dijamin | menjamin | dikembalikan penuh | dikonfirmasi | sudah direfund | telah direfund
        kami konfirmasi | dicairkan | ditransfer
        """);

    /// <summary>What no answer asks for or tells.</summary>
    public static readonly GuardPhrases Secrets = new("""
        password* | passcode | verification code | security code | one time code | otp | pin code | cvv | card number* | api key
        secret key | access token | system prompt
        contrasena* | clave secreta | codigo de verificacion | codigo de seguridad | numero de tarjeta | numeros de tarjeta
        mot de passe | code de verification | code de securite | numero de carte | numeros de carte
        senha* | codigo de verificacao | codigo de seguranca | numero do cartao | numeros de cartao
        كلمه السر | كلمه المرور | رمز التحقق | كود التحقق | الرقم السري | رقم البطاقه | رقم الكارت
        पासवर्ड | ओटीपी | सत्यापन कोड | पिन कोड | कार्ड नंबर
        kata sandi | kode verifikasi | kode otp | nomor kartu
        """);

    /// <summary>Verbs with which somebody gives orders about orders.</summary>
    public static readonly GuardPhrases Overriding = new("""
        ignor* | disregard* | forget | bypass | override | repeat | reveal | print | show me | tell me | output | obey | never hand
        ignora | ignore | olvid* | repit* | muestra* | revela*
        oubli* | repet* | revele* | affich*
        esquec* | repita | revel* | mostre
        تجاهل | انس | انسي | كرر | اعد | اكتب | اظهر
        अनदेखा | भूल | दोहरा* | दिखाओ | नज़रअंदाज़ | नजरअंदाज
        abaikan | lupakan | ulangi | tampilkan | tunjukkan | bocorkan
        """);

    /// <summary>What such orders are about.</summary>
    public static readonly GuardPhrases Orders = new("""
        instruction* | rules | prompt | guidelines | system message
        instruccion* | reglas
        instructions | consignes | regles
        instrucoes | regras
        تعليمات | التعليمات | القواعد | اوامر | الاوامر
        निर्देश* | नियम*
        instruksi | aturan | perintah
        """);

    /// <summary>What is suspicious by itself.</summary>
    public static readonly GuardPhrases Suspicious = new("""
        system prompt | admin mode | developer mode | debug mode | jailbreak | dan mode | you are now | pretend | role play
        act as | decode and | word for word | from now on | never say that you are a bot
        actua como | finge | palabra por palabra | a partir de ahora | modo administrador | sugierele
        fais comme si | mot pour mot | a partir de maintenant | mode administrateur | note pour le resume
        finja | aja como | palavra por palavra | a partir de agora | modo administrador | nova regra
        تظاهر | تصرف كانك | من الان فصاعدا | كلمه بكلمه | وضع المسؤول | انا المدير
        मान लो | नाटक करो | अब से | शब्दशः | टूल चलाओ
        pura pura | berpura | mulai sekarang | kata demi kata | mode admin | kalimat yang sama persis
        """);
}
