using Bsp.Application.Common;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.LedgerAudits.Shown;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>Audits of ledgers.</summary>
internal static class LedgerAuditsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<AuditSignal>();
        services.AddSingleton(provider => new ShownCosts(provider.GetRequiredService<IDocumentStore>(),
            provider.GetRequiredService<IDocumentDigests>(), provider.GetRequiredService<ClickHouseClient>(),
            provider.GetRequiredService<ClickHouseSchema>(), provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService<LedgerAuditWorker>();
    }
}
