using System.Net;
using System.Net.Sockets;
using System.Text;
using Bsp.Application.Common;
using Bsp.Infrastructure.Mail;
using MimeKit;

namespace Bsp.UnitTests.Mail;

/// <summary>Mails over the wire, to a server of a few lines.</summary>
public sealed class SmtpTests
{
    private static readonly MailOptions Options = new(new("https://bsp.example.com"), "no-reply@example.com", "Bsp", "/tmp", null);

    [Fact]
    public async Task An_Arabic_mail_arrives_as_it_was_written()
    {
        using var server = new MailServer(recipientAnswer: "250 OK");
        await SendAsync(server, "مرحبا", "أهلاً بك");
        var mail = await MimeMessage.LoadAsync(new MemoryStream(Encoding.ASCII.GetBytes(await server.Received)));
        (mail.Subject, mail.TextBody!.Trim()).ShouldBe(("مرحبا", "أهلاً بك"));
    }

    [Fact]
    public async Task A_mailbox_that_does_not_exist_is_refused_for_good_and_one_that_is_full_is_tried_again()
    {
        using var unknown = new MailServer("550 No such mailbox");
        (await Should.ThrowAsync<MailRefused>(() => SendAsync(unknown, "x", "x"))).Message.ShouldContain("No such mailbox");
        using var full = new MailServer("452 Mailbox full");
        (await Should.ThrowAsync<Exception>(() => SendAsync(full, "x", "x"))).ShouldNotBeOfType<MailRefused>();
    }

    [Theory]
    [InlineData("password_reset", "en", "within an hour")]
    [InlineData("invitation", "es", "Te invitan")]
    [InlineData("webhook_disabled", "hi", "वेबहुक")]
    [InlineData("invitation", "de", "You are invited")]
    public void Each_kind_speaks_its_readers_language_or_English(string kind, string language, string says)
    {
        var (subject, text) = MailTexts.Of(kind, new(language, "inv_a+b", "Acme\r\nBcc: evil@example.com", "Our system", "gone"), Options);
        $"{subject} {text}".ShouldContain(says);
        subject.ShouldNotContain('\n');
        text.ShouldContain(kind == "webhook_disabled" ? "https://bsp.example.com/console/webhooks" : "#token=inv_a%2Bb");
    }

    private static Task SendAsync(MailServer server, string subject, string text)
    {
        var message = new MimeMessage { Subject = subject, Body = new TextPart("plain") { Text = text } };
        message.From.Add(new MailboxAddress("Bsp", "no-reply@example.com"));
        message.To.Add(new MailboxAddress("", "ann@example.com"));
        return new SmtpTransport(new("127.0.0.1", server.Port, SmtpSecurity.None, null, null)).SendAsync(message,
            new(Guid.NewGuid(), "invitation", "ann@example.com", subject, text, DateTimeOffset.UtcNow),
            TestContext.Current.CancellationToken);
    }

    private sealed class MailServer : IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly TaskCompletionSource<string> received = new();

        public MailServer(string recipientAnswer)
        {
            listener.Start();
            _ = ServeAsync(recipientAnswer);
        }

        public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

        public Task<string> Received => received.Task.WaitAsync(TimeSpan.FromSeconds(60));

        public void Dispose() => listener.Dispose();

        private async Task ServeAsync(string recipientAnswer)
        {
            using var client = await listener.AcceptTcpClientAsync();
            using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
            await using var writer = new StreamWriter(client.GetStream(), Encoding.ASCII) { NewLine = "\r\n", AutoFlush = true };
            await writer.WriteLineAsync("220 here");
            while (await reader.ReadLineAsync() is { } line)
            {
                var verb = line.Split(' ')[0].ToUpperInvariant();
                if (verb == "DATA")
                {
                    await writer.WriteLineAsync("354 go on");
                    received.TrySetResult(await DataAsync(reader));
                }

                await writer.WriteLineAsync(verb == "QUIT" ? "221 bye" : verb.StartsWith("RCPT", StringComparison.Ordinal) ? recipientAnswer
                    : "250 OK");
            }
        }

        private static async Task<string> DataAsync(StreamReader reader)
        {
            var data = new StringBuilder();
            while (await reader.ReadLineAsync() is { } line && line != ".")
            {
                data.Append(line).Append("\r\n");
            }

            return data.ToString();
        }
    }
}
