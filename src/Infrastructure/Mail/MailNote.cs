namespace Bsp.Infrastructure.Mail;

/// <summary>What a mail is about. The names are stored.</summary>
internal static class MailKinds
{
    public const string PasswordReset = "password_reset";
    public const string Invitation = "invitation";
    public const string WebhookDisabled = "webhook_disabled";
}

/// <summary>What a mail says, as it waits: sealed, for it may hold a token.</summary>
/// <param name="Language"><c>en</c>, <c>ar</c>, <c>es</c>, <c>hi</c>; anything else is English.</param>
/// <param name="Token">Null: it holds none.</param>
/// <param name="Organization">Its name.</param>
/// <param name="Subject">What it is about: an endpoint's name; null: nothing of its own.</param>
/// <param name="Reason">Null as above.</param>
internal sealed record MailNote(string Language, string? Token, string? Organization, string? Subject, string? Reason);

/// <summary>A mail as it goes out.</summary>
/// <param name="Id">Also of its Message-Id.</param>
internal sealed record OutgoingMail(Guid Id, string Kind, string To, string Subject, string Text, DateTimeOffset At);
