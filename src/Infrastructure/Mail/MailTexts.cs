using System.Collections.Frozen;
using Bsp.Application.Common;

namespace Bsp.Infrastructure.Mail;

/// <summary>What mails say, in the languages of the console. {0}: organization, {1}: link, {2}: what it is about, {3}: why.</summary>
internal static class MailTexts
{
    private const int NameMax = 100;

    private static readonly FrozenDictionary<(string Kind, string Language), (string Subject, string Text)> Texts =
        new Dictionary<(string Kind, string Language), (string Subject, string Text)>
    {
        [(MailKinds.PasswordReset, "en")] = ("Choose a new password", """
            Somebody asked for a new password for this e-mail address. Choose it here, within an hour:

            {1}

            If it was not you, do nothing: your password stays as it is.
            """),
        [(MailKinds.PasswordReset, "es")] = ("Elige una contraseña nueva", """
            Alguien pidió una contraseña nueva para esta dirección. Elígela aquí, en menos de una hora:

            {1}

            Si no fuiste tú, no hagas nada: tu contraseña sigue siendo la misma.
            """),
        [(MailKinds.PasswordReset, "ar")] = ("اختر كلمة مرور جديدة", """
            طلب أحدهم كلمة مرور جديدة لعنوان البريد هذا. اخترها من هنا خلال ساعة:

            {1}

            إن لم تكن أنت من طلب ذلك فلا تفعل شيئًا: تبقى كلمة مرورك كما هي.
            """),
        [(MailKinds.PasswordReset, "hi")] = ("नया पासवर्ड चुनें", """
            किसी ने इस ई-मेल पते के लिए नया पासवर्ड माँगा है। एक घंटे के भीतर यहाँ चुनें:

            {1}

            अगर यह आपने नहीं माँगा, तो कुछ न करें: आपका पासवर्ड वैसा ही रहेगा।
            """),
        [(MailKinds.Invitation, "en")] = ("You are invited to {0}", """
            You are invited to work with {0}. Accept here, within seven days:

            {1}

            If you do not know {0}, do nothing.
            """),
        [(MailKinds.Invitation, "es")] = ("Te invitan a {0}", """
            Te invitan a trabajar con {0}. Acepta aquí, en menos de siete días:

            {1}

            Si no conoces a {0}, no hagas nada.
            """),
        [(MailKinds.Invitation, "ar")] = ("أنت مدعو إلى {0}", """
            أنت مدعو للعمل مع {0}. اقبل الدعوة من هنا خلال سبعة أيام:

            {1}

            إن كنت لا تعرف {0} فلا تفعل شيئًا.
            """),
        [(MailKinds.Invitation, "hi")] = ("आपको {0} में बुलाया गया है", """
            आपको {0} के साथ काम करने के लिए बुलाया गया है। सात दिनों के भीतर यहाँ स्वीकार करें:

            {1}

            अगर आप {0} को नहीं जानते, तो कुछ न करें।
            """),
        [(MailKinds.WebhookDisabled, "en")] = ("The webhook {2} of {0} was switched off", """
            The webhook {2} of {0} was switched off ({3}). What happens meanwhile waits for it and is sent when you switch it on again:

            {1}
            """),
        [(MailKinds.WebhookDisabled, "es")] = ("El webhook {2} de {0} se ha desactivado", """
            El webhook {2} de {0} se ha desactivado ({3}). Lo que ocurra mientras tanto lo espera y se enviará cuando lo actives de nuevo:

            {1}
            """),
        [(MailKinds.WebhookDisabled, "ar")] = ("أُوقف الويب هوك {2} لدى {0}", """
            أُوقف الويب هوك {2} لدى {0} ({3}). ما يحدث في هذه الأثناء ينتظره ويُرسل عند تشغيله من جديد:

            {1}
            """),
        [(MailKinds.WebhookDisabled, "hi")] = ("{0} का वेबहुक {2} बंद कर दिया गया", """
            {0} का वेबहुक {2} बंद कर दिया गया ({3})। इस बीच जो होगा वह रुका रहेगा और इसे फिर चालू करने पर भेजा जाएगा:

            {1}
            """),
    }.ToFrozenDictionary();

    /// <summary>Subject and text of a mail, in its language or in English.</summary>
    public static (string Subject, string Text) Of(string kind, MailNote note, MailOptions options)
    {
        var (subject, text) = Texts.GetValueOrDefault((kind, note.Language), Texts[(kind, "en")]);
        var link = kind switch
        {
            MailKinds.PasswordReset => options.Link("reset", note.Token),
            MailKinds.Invitation => options.Link("invitation", note.Token),
            _ => options.Link("webhooks"),
        };
        object[] parts = [Line(note.Organization), link, Line(note.Subject), Line(note.Reason)];
        return (string.Format(null, subject, parts), string.Format(null, text, parts).ReplaceLineEndings("\r\n") + "\r\n");
    }

    // What organizations call things: one line, and not an essay.
    private static string Line(string? text) =>
        Domain.Common.Text.Cut(string.Concat((text ?? "").Select(c => char.IsControl(c) ? ' ' : c)).Trim(), NameMax);
}
