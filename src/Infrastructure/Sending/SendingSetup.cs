using Bsp.Application.Common;
using Bsp.Application.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Sending;

/// <summary>Whether anything leaves.</summary>
internal static class SendingSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<SendingSwitch>();
        services.AddSingleton<ISendingSwitch>(provider => provider.GetRequiredService<SendingSwitch>());
        services.AddHostedService(provider => provider.GetRequiredService<SendingSwitch>());
    }
}
