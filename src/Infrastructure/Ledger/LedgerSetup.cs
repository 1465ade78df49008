using Bsp.Application.Common;
using Bsp.Application.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Ledger;

/// <summary>Wallets: the chain of entries, its heads, holds and charges, and the clock that closes months.</summary>
internal static class LedgerSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<LedgerMonths>();
        services.AddSingleton<LedgerWriter>();
        services.AddSingleton<IWallets, Wallets>();
        services.AddSingleton<IChargedDays, ChargedDays>();
        services.AddHostedService<LedgerClock>();
    }
}
