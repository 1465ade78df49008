using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Contacts;

/// <summary>People who are written to: their consent, who is who, their erasure.</summary>
internal static class ContactsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<ContactConsents>();
        services.AddSingleton<Suppressions>();
        services.AddSingleton<ContactHistory>();
        services.AddSingleton<ContactLocks>();
        services.AddSingleton<ContactMerger>();
        services.AddSingleton<DeletedContacts>();
        services.AddSingleton<Erasure>();
        services.AddSingleton<ErasureOrders>();
        services.AddSingleton<ErasureSignal>();
        services.AddHostedService<ErasureWorker>();
        services.AddSingleton<SpellingTwins>();
        services.AddHostedService<SpellingWorker>();
        services.AddSingleton<JournalTraces>();
        services.AddSingleton<Bsp.Application.Messages.IRawWebhooks, RawWebhooks>();
        services.AddSingleton<ImportTraces>();
    }
}
