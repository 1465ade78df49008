using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Bsp.Infrastructure.Mail;

/// <summary>Mails to the people of organizations.</summary>
internal static class MailSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<MailSignal>();
        services.AddSingleton<MailQueue>();
        if (options.Mail is not { } mail)
        {
            return; // nothing waits: nothing is put there
        }

        services.AddSingleton(mail);
        services.TryAddSingleton<IMailTransport>(mail.Smtp is { } server ? new SmtpTransport(server)
            : new DirectoryTransport(mail.Directory!));
        services.AddSingleton<MailSender>();
        services.AddHostedService(provider => provider.GetRequiredService<MailSender>());
    }
}
