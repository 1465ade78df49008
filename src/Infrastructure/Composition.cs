using Bsp.Application.ApiKeys;
using Bsp.Application.Auth;
using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Meta;
using Bsp.Application.Presence;
using Bsp.Application.Privacy;
using Bsp.Application.Templates;
using Bsp.Application.Webhooks;
using Bsp.Infrastructure.Accounts;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ApiKeys;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Auth;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.CustomerWebhooks;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Health;
using Bsp.Infrastructure.Idempotency;
using Bsp.Infrastructure.Imports;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Queue;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sealing;
using Bsp.Infrastructure.Templates;
using Bsp.Infrastructure.Webhooks;
using FluentValidation;
using MediatR;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure;

/// <summary>Everything behind the HTTP layer. One section a part; add lines to the section they belong to.</summary>
public static class Composition
{
    public static IServiceCollection AddBsp(this IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(TimeProvider.System);
        AddRequests(services);

        // PostgreSQL: directory and shards
        services.AddSingleton(provider => DataSources.Open(options, provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton<IStoreHealth, PostgresHealth>();

        // Privacy: secrets at rest, personal data in events, signed cursors
        services.AddSingleton<MasterKeys>();
        services.AddSingleton<ISecrets>(provider => provider.GetRequiredService<MasterKeys>());
        services.AddSingleton<ICursors>(provider => provider.GetRequiredService<MasterKeys>());
        services.AddSingleton<PersonalData>();
        services.AddSingleton<IPersonalData>(provider => provider.GetRequiredService<PersonalData>());

        // HTTP: who calls, and once only
        services.AddSingleton<KeyDirectory>();
        services.AddSingleton<IKeyDirectory>(provider => provider.GetRequiredService<KeyDirectory>());
        services.AddHostedService(provider => provider.GetRequiredService<KeyDirectory>());
        services.AddSingleton<IAccountScope, AccountScope>();
        services.AddSingleton<BodyMacs>();
        services.AddSingleton<IdempotencyKeys>();
        services.AddSingleton<IIdempotencyKeys>(provider => provider.GetRequiredService<IdempotencyKeys>());
        services.AddHostedService<IdempotencySweep>();

        // People: signing in, presence, administrative acts
        services.AddSingleton(new Passwords());
        services.AddSingleton<LoginGate>();
        services.AddHostedService<LoginSweep>();
        services.AddSingleton<SessionDirectory>();
        services.AddSingleton<ISessions>(provider => provider.GetRequiredService<SessionDirectory>());
        services.AddSingleton<Sessions>();
        services.AddSingleton<IPresence, Redis.Presence>();
        services.AddSingleton<AuditLog>();
        services.AddSingleton<IInlineView, AuditTrailView>();
        services.AddSingleton<LogSigner>();
        services.AddSingleton<LogKeyRing>();
        services.AddHostedService<LogSealer>();

        // Contacts, lists, imports, templates
        services.AddSingleton<IInlineView, ContactConsentView>();
        services.AddSingleton<IInlineView, ContactIdentityView>();
        services.AddSingleton<ContactCache>();
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
        services.AddSingleton<ImportTraces>();
        services.AddSingleton<IInlineView, TemplatesView>();
        services.AddTransient<IPipelineBehavior<GetTemplate, TemplateView>, CachedTemplate>();
        services.AddSingleton<ImportSignal>();
        services.AddSingleton(new UploadSpool(options.Uploads));
        services.AddHostedService<ImportWorker>();
        services.AddHostedService<ImportSweep>();

        // Meta
        services.AddSingleton(new GraphOptions(options.Meta.BaseUrl, options.Meta.Timeout));
        services.AddSingleton<IMeta, GraphClient>();
        services.AddSingleton<NumberClaims>();
        services.AddSingleton<NumberProofs>();
        services.AddHostedService(provider => provider.GetRequiredService<NumberProofs>());

        AddEvents(services);
        AddRedis(services, options);
        AddSending(services, options);
        AddWebhooks(services);
        AddCustomerWebhooks(services, options);
        AddViews(services, options);
        AddMemories(services);
        return services.SuperviseLoops(); // last: it takes all that is registered
    }

    // Whatever is kept for longer than a request, with its bound: shown in /metrics. A test finds what is missing here.
    private static void AddMemories(IServiceCollection services)
    {
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<NumberDirectory>().Memory);
        services.AddSingleton<IBoundedMemory>(provider => ((OrganizationApps)provider.GetRequiredService<IOrganizationApps>()).Memory);
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<KeyDirectory>().Memory);
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<SessionDirectory>().Memory);
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<PersonalData>().Memory);
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<RecentMessages>().Memory);
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<SendingNumbers>().Memory);
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<BodyRoom>());
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<UploadSpool>());
    }

    // The log and what is written in its own transactions.
    private static void AddEvents(IServiceCollection services)
    {
        services.AddEventStore();
        services.AddSingleton<IEventStore, ForgettingEventStore>();
        services.AddSingleton<IViewWaiter, ViewWaiter>();
        services.AddSingleton<IProjections, Projections.Projections>();
        services.AddSingleton<IInlineView, CampaignsView>();
        services.AddSingleton<IInlineView>(new SendQueueView(SendQueueView.TimeToLiveStandard));
    }

    // What the log is turned into, outside the append's transaction.
    private static void AddViews(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<IProjection, CampaignCountersProjection>();
        services.AddSingleton<IProjection, CampaignProgressProjection>();
        services.AddSingleton<IProjection, ContactCountersProjection>();
        services.AddSingleton<IProjection, AccountCountersProjection>();
        services.AddSingleton<IProjection, ConversationsProjection>();
        services.AddDocuments(options.Mongo);
        services.AddSingleton(new ClickHouseClient(options.ClickHouse));
        services.AddSingleton(provider => new ClickHouseSchema(provider.GetRequiredService<ClickHouseClient>(), provider.GetRequiredService<IConfiguration>()["Bsp:ClickHouse:KafkaBrokers"]));
        services.AddSingleton<DailyStats>();
        if (options.ClickHouse is not null)
        {
            services.AddSingleton<IProjection, MessageAnalyticsProjection>();
            services.AddSingleton<IStoreHealth, ClickHouseHealth>();
            services.AddHostedService(provider => provider.GetRequiredService<DailyStats>());
        }
    }

    private static void AddRedis(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(new RedisConnection(options.Redis ?? RedisConnection.Standard));
        services.AddSingleton<RateLimit>();
        services.AddSingleton<Locks>();
        services.AddSingleton<WebhookMarks>();
        services.AddSingleton<CopySeal>();
        services.AddSingleton<RowCaches>();
        services.AddSingleton<IStoreHealth, RedisHealth>();
        services.AddSingleton(provider => new MessageQueue(provider.GetRequiredService<RedisConnection>(), provider.GetRequiredService<TimeProvider>(), lockDuration: SendWorker.LockDuration));
    }

    private static void AddSending(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<Instance>();
        services.AddHostedService(provider => provider.GetRequiredService<Instance>());
        services.AddSingleton(new SenderOptions(options.UnknownDeadline));
        services.AddSingleton<SendingNumbers>();
        services.AddSingleton<Outbox>();
        services.AddSingleton<RecentMessages>();
        services.AddSingleton<SendConsequences>();
        services.AddSingleton<MergedRecipients>();
        services.AddSingleton<IProjection, SendReactor>();
        services.AddSingleton<Sender>();
        services.AddSingleton<AnsweredNumbers>();
        services.AddSingleton<AnsweredContacts>();
        services.AddSingleton<IWamids, Wamids>();
        services.AddSingleton<ISendReferences, SendReferences>();
        services.AddSingleton<ICampaignReferences, CampaignReferences>();
        services.AddHostedService<SendWorker>();
        services.AddHostedService<SendSweeper>();
        services.AddHostedService<ArchiveSweep>();
        services.AddHostedService<CampaignDriver>();
        services.AddSingleton<IConversationReferences, ConversationReferences>();
        services.AddSingleton<ConversationParties>();
    }

    private static void AddWebhooks(IServiceCollection services)
    {
        services.AddSingleton(new JournalOptions(RetentionDays: 7));
        services.AddSingleton<WebhookSignal>();
        services.AddSingleton<BodyRoom>();
        services.AddSingleton<NumberDirectory>();
        services.AddSingleton<IOrganizationApps, OrganizationApps>();
        services.AddSingleton<OtherFields>();
        services.AddSingleton<Journal>();
        services.AddSingleton<IWebhookJournal>(provider => provider.GetRequiredService<Journal>());
        services.AddHostedService(provider => provider.GetRequiredService<Journal>());
        services.AddHostedService<JournalPartitions>();
        services.AddSingleton<ParkedStatuses>();
        services.AddHostedService(provider => provider.GetRequiredService<ParkedStatuses>());
        services.AddSingleton<ISetAsideWebhooks, SetAsideWebhooks>();
        services.AddSingleton<SetAsideBoard>();
        services.AddSingleton<IStoreHealth>(provider => provider.GetRequiredService<SetAsideBoard>());
        services.AddHostedService<WebhookReader>();
    }

    // What organizations' own systems are told.
    private static void AddCustomerWebhooks(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(new OutboundRules(options.WebhookNetworks));
        services.AddSingleton<OutboundHttp>();
        services.AddSingleton<PublicEventReader>();
        services.AddSingleton<IPublicEvents>(provider => provider.GetRequiredService<PublicEventReader>());
        services.AddSingleton<DeliverySignal>();
        services.AddSingleton<WebhookClaims>();
        services.AddSingleton<WebhookSwitch>();
        services.AddSingleton<SessionParts>();
        services.AddSingleton<IProjection, WebhookWaker>();
        services.AddHostedService<WebhookSweep>();
        services.AddHostedService<DeliveryWorker>();
    }

    // MediatR 5 by hand: every handler and validator of Application and Infrastructure.
    private static void AddRequests(IServiceCollection services)
    {
        Rules.NameFieldsAsOnTheWire();
        services.AddTransient<ServiceFactory>(provider => provider.GetService!);
        services.AddTransient<IMediator, Mediator>();
        services.AddTransient(typeof(IPipelineBehavior<,>), typeof(ValidationBehavior<,>));
        services.AddTransient(typeof(IPipelineBehavior<,>), typeof(SkipDoneWorkBehavior<,>));
        var types = new[] { typeof(ICommand).Assembly, typeof(Composition).Assembly }.SelectMany(a => a.GetTypes()).Where(t => t is { IsAbstract: false, IsGenericTypeDefinition: false }).ToList();
        foreach (var (type, contract) in types.SelectMany(t => t.GetInterfaces().Where(i => i.IsGenericType).Select(i => (t, i))))
        {
            var definition = contract.GetGenericTypeDefinition();
            if (definition == typeof(IRequestHandler<,>) || definition == typeof(IValidator<>))
            {
                services.AddTransient(contract, type);
            }
        }
    }
}
