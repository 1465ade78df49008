using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>Audits of ledgers.</summary>
internal static class LedgerAuditsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<AuditSignal>();
        services.AddHostedService<LedgerAuditWorker>();
    }
}
