using System.Reflection;
using Bsp.Application.Common;
using Bsp.Infrastructure.Accounts;
using Bsp.Infrastructure.Ai;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ApiKeys;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Auth;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.Charging;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.CustomerWebhooks;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Health;
using Bsp.Infrastructure.Homes;
using Bsp.Infrastructure.Idempotency;
using Bsp.Infrastructure.Imports;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.LedgerAudits;
using Bsp.Infrastructure.LedgerHeads;
using Bsp.Infrastructure.Mail;
using Bsp.Infrastructure.Media;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Moves;
using Bsp.Infrastructure.Objects;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Reconciliations;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Replicas;
using Bsp.Infrastructure.Retention;
using Bsp.Infrastructure.Sealing;
using Bsp.Infrastructure.Search;
using Bsp.Infrastructure.Sending;
using Bsp.Infrastructure.Streams;
using Bsp.Infrastructure.Subscriptions;
using Bsp.Infrastructure.Templates;
using Bsp.Infrastructure.Webhooks;
using FluentValidation;
using MediatR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure;

/// <summary>
/// Everything behind the HTTP layer. A feature registers what it needs in its own <c>&lt;Feature&gt;Setup.cs</c>; handlers, validators,
/// inline views and projections are found by
/// themselves.
/// </summary>
public static class Composition
{
    /// <summary>
    /// All features, in the order of their names: none may depend on the order. A test names a setup that is missing here.
    /// </summary>
    internal static readonly IReadOnlyList<Action<IServiceCollection, BspOptions>> Features =
    [
        AccountsSetup.Add,
        AiSetup.Add,
        AnalyticsSetup.Add,
        ApiKeysSetup.Add,
        AuditSetup.Add,
        AuthSetup.Add,
        CampaignsSetup.Add,
        ChargingSetup.Add,
        ClickHouseSetup.Add,
        ContactsSetup.Add,
        ConversationsSetup.Add,
        CustomerWebhooksSetup.Add,
        DocumentsSetup.Add,
        EventStoreSetup.Add,
        HealthSetup.Add,
        HomesSetup.Add,
        IdempotencySetup.Add,
        ImportsSetup.Add,
        LedgerAuditsSetup.Add,
        LedgerHeadsSetup.Add,
        LedgerSetup.Add,
        MailSetup.Add,
        MediaSetup.Add,
        MessagesSetup.Add,
        MetaSetup.Add,
        MovesSetup.Add,
        ObjectsSetup.Add,
        PlansSetup.Add,
        PrivacySetup.Add,
        ProjectionsSetup.Add,
        ReconciliationsSetup.Add,
        RedisSetup.Add,
        ReplicasSetup.Add,
        RetentionSetup.Add,
        SealingSetup.Add,
        SearchSetup.Add,
        SendingSetup.Add,
        StreamsSetup.Add,
        SubscriptionsSetup.Add,
        TemplatesSetup.Add,
        WebhooksSetup.Add,
    ];

    public static IServiceCollection AddBsp(this IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(provider => DataSources.Open(options, provider.GetRequiredService<ILoggerFactory>()));
        AddRequests(services);
        foreach (var add in Features)
        {
            add(services, options);
        }

        services.AddViews(typeof(Composition).Assembly, options);
        return services.SuperviseLoops(); // last: it takes all that is registered
    }

    // MediatR 5 by hand: every handler and validator of Application and Infrastructure.
    private static void AddRequests(IServiceCollection services)
    {
        Rules.NameFieldsAsOnTheWire();
        services.AddTransient<ServiceFactory>(provider => provider.GetService!);
        services.AddTransient<IMediator, Mediator>();
        services.AddTransient(typeof(IPipelineBehavior<,>), typeof(ValidationBehavior<,>));
        services.AddTransient(typeof(IPipelineBehavior<,>), typeof(SkipDoneWorkBehavior<,>));
        var types = new[] { typeof(ICommand).Assembly, typeof(Composition).Assembly }.SelectMany(assembly => assembly.GetTypes())
            .Where(type => type is { IsAbstract: false, IsGenericTypeDefinition: false });
        foreach (var (type, contract) in types.SelectMany(type => type.GetInterfaces().Where(i => i.IsGenericType).Select(i => (type, i))))
        {
            var definition = contract.GetGenericTypeDefinition();
            if (definition == typeof(IRequestHandler<,>) || definition == typeof(IValidator<>))
            {
                services.AddTransient(contract, type);
            }
        }
    }
}
