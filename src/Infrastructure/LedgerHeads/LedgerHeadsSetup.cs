using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.LedgerHeads;

/// <summary>Signed heads of ledgers, and proofs under them.</summary>
internal static class LedgerHeadsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<HeadSigner>();
        services.AddSingleton<HeadTeller>();
        services.AddHostedService<LedgerDaySweep>();
    }
}
