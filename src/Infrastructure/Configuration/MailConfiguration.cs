using System.Net.Mail;
using Bsp.Application.Common;
using Bsp.Domain.Users;
using Microsoft.Extensions.Configuration;

namespace Bsp.Infrastructure.Configuration;

/// <summary>How mails go out, <c>Bsp:Mail:*</c> and <c>Bsp:PublicUrl</c>; and who must have a second factor.</summary>
internal static class MailConfiguration
{
    private const string Smtp = "Bsp:Mail:Smtp";
    private const string StandardFrom = "no-reply@localhost.localdomain";

    /// <returns>Null: neither a server nor a directory is named.</returns>
    public static MailOptions? Read(IConfiguration configuration, List<string> faults)
    {
        var directory = configuration["Bsp:Mail:Directory"] is { Length: > 0 } given ? Path.GetFullPath(given) : null;
        var smtp = configuration[$"{Smtp}:Host"] is { Length: > 0 } host ? Server(configuration, host, faults) : null;
        if (directory is null && smtp is null)
        {
            return null;
        }

        if (directory is not null && smtp is not null)
        {
            faults.Add($"Bsp:Mail:Directory and {Smtp}:Host are both given: leave one of them out.");
        }

        var from = configuration["Bsp:Mail:From"] ?? (smtp is null ? StandardFrom : "");
        if (!MailAddress.TryCreate(from, out _))
        {
            faults.Add("Bsp:Mail:From must be the address that mails come from, such as no-reply@example.com.");
        }

        if (!Uri.TryCreate(configuration["Bsp:PublicUrl"], UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")
            || url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            faults.Add("Bsp:PublicUrl must be the address at which people reach this installation, such as https://bsp.example.com: "
                + "links in mails begin so.");
            url = new Uri("http://localhost");
        }

        return new(url, from, configuration["Bsp:Mail:FromName"] ?? "Bsp", directory, smtp);
    }

    /// <summary>Roles, separated by commas.</summary>
    public static IReadOnlyList<string> SecondFactorRoles(IConfiguration configuration, List<string> faults)
    {
        var named = configuration["Bsp:Login:SecondFactorRoles"]?
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
        if (named.FirstOrDefault(role => !Roles.All.Contains(role)) is { } unknown)
        {
            faults.Add($"Bsp:Login:SecondFactorRoles must be some of {string.Join(", ", Roles.All)}, separated by commas; "
                + $"'{unknown}' is none.");
        }

        return named;
    }

    private static SmtpOptions Server(IConfiguration configuration, string host, List<string> faults)
    {
        var (user, password) = (configuration[$"{Smtp}:User"], configuration[$"{Smtp}:Password"]);
        if (string.IsNullOrEmpty(user) != string.IsNullOrEmpty(password))
        {
            faults.Add($"{Smtp}:User and {Smtp}:Password are given together, or neither.");
        }

        var security = SmtpSecurity.StartTls;
        if (configuration[$"{Smtp}:Security"] is { } word && !Enum.TryParse(word, ignoreCase: true, out security))
        {
            faults.Add($"{Smtp}:Security must be one of starttls, tls, none.");
        }

        if (security == SmtpSecurity.None && !string.IsNullOrEmpty(password) && host is not ("localhost" or "127.0.0.1" or "::1"))
        {
            faults.Add($"{Smtp}:Security is none: a password would go to {host} in clear.");
        }

        var port = security == SmtpSecurity.Tls ? 465 : 587;
        if (configuration[$"{Smtp}:Port"] is { } text && (!int.TryParse(text, out port) || port is < 1 or > 65_535))
        {
            faults.Add($"{Smtp}:Port must be a whole number from 1 to 65535.");
        }

        return new(host, port, security, string.IsNullOrEmpty(user) ? null : user, string.IsNullOrEmpty(password) ? null : password);
    }
}
