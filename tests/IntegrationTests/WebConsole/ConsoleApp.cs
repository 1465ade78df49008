using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Bsp.Infrastructure.Auth;
using Bsp.Infrastructure.Mail;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using MimeKit;

namespace Bsp.IntegrationTests.WebConsole;

/// <summary>An application that has a console, as far as these tests need one, and whose mails lie in a directory.</summary>
public sealed partial class ConsoleApp(StoresFixture stores) : AppFixture(stores)
{
    /// <summary>Addresses whose mails do not go out, and how many times.</summary>
    public ConcurrentDictionary<string, int> Failing { get; } = new();

    /// <summary>Where the console is to be: nothing is there at the start.</summary>
    public string ConsoleDirectory => Path.Combine(Files, "console");

    private string MailDirectory => Path.Combine(Files, "mail");

    protected override IEnumerable<(string Name, string? Value)> Settings =>
    [
        ("Bsp:Console:Directory", ConsoleDirectory), ("Bsp:Mail:Directory", MailDirectory), ("Bsp:PublicUrl", "https://bsp.example.com/"),
        ("Bsp:Login:WindowSeconds", "1"), // these tests guess much
    ];

    /// <summary>Every mail to somebody, oldest first.</summary>
    public async Task<IReadOnlyList<MimeMessage>> MailsAsync(string to)
    {
        var found = new List<MimeMessage>();
        var files = Directory.Exists(MailDirectory) ? Directory.GetFiles(MailDirectory, "*.eml") : [];
        foreach (var file in files.Order())
        {
            var mail = await MimeMessage.LoadAsync(file);
            if (mail.To.Mailboxes.Any(mailbox => mailbox.Address == to))
            {
                found.Add(mail);
            }
        }

        return found;
    }

    /// <summary>The one mail to somebody, when it has come.</summary>
    public async Task<MimeMessage> MailAsync(string to) => (await Patience.UntilAsync(() => MailsAsync(to), mails => mails.Count > 0,
        $"a mail to {to}")).Single();

    /// <summary>The token in a mail's link.</summary>
    public static string TokenOf(MimeMessage mail) => Uri.UnescapeDataString(Token().Match(mail.TextBody!).Groups[1].Value);

    /// <summary>What was changed in the database behind the application's back counts now.</summary>
    public void ForgetSessions() => Services.GetRequiredService<SessionDirectory>().Forget();

    public async Task<T> AdminAsync<T>(string sql, params object[] arguments)
    {
        await using var command = Admin.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        return (T)(await command.ExecuteScalarAsync())!;
    }

    protected override void Configure(WebApplicationBuilder builder) =>
        builder.Services.AddSingleton<IMailTransport>(new Troubled(this, new DirectoryTransport(MailDirectory)));

    [GeneratedRegex(@"https://bsp\.example\.com/console/\w+#token=(\S+)")]
    private static partial Regex Token();

    private sealed class Troubled(ConsoleApp app, DirectoryTransport directory) : IMailTransport
    {
        public Task SendAsync(MimeMessage message, OutgoingMail mail, CancellationToken ct)
        {
            if (app.Failing.TryGetValue(mail.To, out var left) && left > 0)
            {
                app.Failing[mail.To] = left - 1;
                throw left > 100 ? new MailRefused("550 no such mailbox") : new IOException("The mail server is away.");
            }

            return directory.SendAsync(message, mail, ct);
        }
    }
}

/// <summary>A browser as far as HTTP goes: it keeps the cookie, and its pages know the session's own word.</summary>
internal sealed class Browser(HttpClient http)
{
    public HttpClient Http => http;

    public string Csrf { get; set; } = "";

    public static async Task<Browser> SignedInAsync(ConsoleApp app, Person person)
    {
        var browser = new Browser(app.Client(null));
        var answer = await browser.Http.SendAsync("POST", "/v1/auth/login",
            new { email = person.Email, password = person.Password, cookie = true });
        answer.Status.ShouldBe(200, answer.Text);
        browser.Csrf = answer["csrf"].GetString()!;
        return browser;
    }

    public Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers) =>
        http.SendAsync("GET", path, null, headers);

    /// <summary>With the session's own word.</summary>
    public Task<Answer> SendAsync(string method, string path, object? body = null) =>
        http.SendAsync(method, path, body, ("Bsp-Csrf", Csrf));
}
