using System.Net.Sockets;
using Bsp.Application.Common;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Bsp.Infrastructure.Mail;

/// <summary>Carries mails away: to a mail server, or into a directory.</summary>
internal interface IMailTransport
{
    /// <exception cref="MailRefused">This mail will never be taken.</exception>
    Task SendAsync(MimeMessage message, OutgoingMail mail, CancellationToken ct);
}

/// <summary>The server refused this mail for good: trying again does not help.</summary>
public sealed class MailRefused(string message) : Exception(message);

/// <summary>One connection a mail: they are few.</summary>
internal sealed class SmtpTransport(SmtpOptions server) : IMailTransport
{
    private const int TimeoutMs = 20_000;

    public async Task SendAsync(MimeMessage message, OutgoingMail mail, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(TimeoutMs * 2);
        // As .NET's own clients: who runs behind a firewall reaches no revocation list.
        using var client = new SmtpClient { Timeout = TimeoutMs, CheckCertificateRevocation = false };
        await client.ConnectAsync(server.Host, server.Port, server.Security switch
        {
            SmtpSecurity.Tls => SecureSocketOptions.SslOnConnect,
            SmtpSecurity.None => SecureSocketOptions.None,
            _ => SecureSocketOptions.StartTls,
        }, limit.Token);
        if (server.User is { } user)
        {
            await client.AuthenticateAsync(user, server.Password!, limit.Token);
        }

        try
        {
            await client.SendAsync(message, limit.Token);
        }
        catch (SmtpCommandException refused)
            when ((int)refused.StatusCode >= 500 && refused.ErrorCode != SmtpErrorCode.UnexpectedStatusCode)
        {
            throw new MailRefused($"{(int)refused.StatusCode} {refused.Message}");
        }

        try
        {
            await client.DisconnectAsync(quit: true, limit.Token);
        }
        catch (Exception gone) when (gone is IOException or SocketException or ServiceNotConnectedException or SmtpProtocolException)
        {
            // the server took the mail before it went away
        }
    }
}

/// <summary>A file <c>.eml</c> each, for whoever runs the platform on their own machine. Only their owner may read them.</summary>
internal sealed class DirectoryTransport(string directory) : IMailTransport
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public async Task SendAsync(MimeMessage message, OutgoingMail mail, CancellationToken ct)
    {
        var path = Path.Combine(directory, $"{mail.At:yyyyMMdd'T'HHmmss}-{mail.Kind}-{mail.Id:N}.eml");
        var unfinished = path + ".new";
        MakeDirectory();
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = Owner;
        }

        await using (var file = new FileStream(unfinished, options))
        {
            await message.WriteToAsync(file, ct);
        }

        File.Move(unfinished, path, overwrite: true);
    }

    private void MakeDirectory()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(directory);
        }
        else
        {
            Directory.CreateDirectory(directory, Owner | UnixFileMode.UserExecute);
        }
    }
}
