using Bsp.Application.Common;
using Bsp.Application.Subscriptions;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Subscriptions;

/// <summary>Subscriptions and their clock.</summary>
internal static class SubscriptionsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<SubscriptionPayments>();
        services.AddSingleton<SubscriptionDesk>();
        services.AddSingleton<ISubscriptions>(provider => provider.GetRequiredService<SubscriptionDesk>());
        services.AddSingleton<ISubscriptionTerms, SubscriptionTerms>();
        services.AddSingleton<ISubscriptionGate, SubscriptionGate>();
        services.AddSingleton<SubscriptionClock>();
        services.AddHostedService(provider => provider.GetRequiredService<SubscriptionClock>());
    }
}
