using Bsp.Application.Accounts;
using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Accounts;

/// <summary>Connected numbers and the proof that they are the organization's.</summary>
internal static class AccountsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<NumberClaims>();
        services.AddSingleton<IAccountNumbers, AccountNumbers>();
        services.AddSingleton<ISignups, SignupsTable>();
        services.AddTransient<SignupProcess>();
        services.AddSingleton<SignupWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<SignupWorker>());
        services.AddHostedService<AccountNoticesSweep>();
        services.AddSingleton<NumberProofs>();
        services.AddHostedService(provider => provider.GetRequiredService<NumberProofs>());
    }
}
