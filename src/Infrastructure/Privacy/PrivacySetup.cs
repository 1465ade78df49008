using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Privacy;

/// <summary>Secrets at rest, personal data in events, signed cursors.</summary>
internal static class PrivacySetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<MasterKeys>();
        services.AddSingleton<ISecrets>(provider => provider.GetRequiredService<MasterKeys>());
        services.AddSingleton<ICursors>(provider => provider.GetRequiredService<MasterKeys>());
        services.AddSingleton<PersonalData>();
        services.AddSingleton<IPersonalData>(provider => provider.GetRequiredService<PersonalData>());
        services.AddSingleton<IContactKeys>(provider => provider.GetRequiredService<PersonalData>());
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<PersonalData>().Memory);
    }
}
