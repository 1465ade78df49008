namespace Bsp.Application.Common;

/// <summary>How mails go out (<c>Bsp:Mail:*</c>): by SMTP, or into a directory while one develops.</summary>
/// <param name="PublicUrl">Where people reach this installation (<c>Bsp:PublicUrl</c>), without a slash at the end: links begin so.</param>
/// <param name="From">Address that they come from.</param>
/// <param name="FromName">Name beside it.</param>
/// <param name="Directory">Each mail becomes a file <c>.eml</c> there; null: by SMTP.</param>
/// <param name="Smtp">Null: into the directory.</param>
public sealed record MailOptions(Uri PublicUrl, string From, string FromName, string? Directory, SmtpOptions? Smtp)
{
    /// <summary>
    /// A page of the console, with a token that stays in the browser: what follows # is sent to no server and logged by none.
    /// </summary>
    public string Link(string page, string? token = null) =>
        $"{PublicUrl.AbsoluteUri.TrimEnd('/')}/console/{page}{(token is null ? "" : "#token=" + Uri.EscapeDataString(token))}";
}

/// <summary>How a mail server is spoken to.</summary>
public enum SmtpSecurity
{
    /// <summary>TLS after STARTTLS, which the server must offer: usually port 587.</summary>
    StartTls,

    /// <summary>TLS from the beginning: usually port 465.</summary>
    Tls,

    /// <summary>In clear: for a server on this machine.</summary>
    None,
}

/// <summary>A mail server (<c>Bsp:Mail:Smtp:*</c>).</summary>
/// <param name="User">Null: without signing in.</param>
public sealed record SmtpOptions(string Host, int Port, SmtpSecurity Security, string? User, string? Password);
