using Bsp.Application.ApiKeys;
using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Application.Privacy;
using Bsp.Infrastructure.ApiKeys;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Health;
using Bsp.Infrastructure.Idempotency;
using Bsp.Infrastructure.Imports;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Templates;
using FluentValidation;
using MediatR;
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
        services.AddSingleton<IIdempotencyKeys, IdempotencyKeys>();
        services.AddHostedService<IdempotencySweep>();

        // Contacts, lists, imports, templates
        services.AddSingleton<IInlineView, ContactConsentView>();
        services.AddSingleton<IInlineView, TemplatesView>();
        services.AddSingleton<ImportSignal>();
        services.AddHostedService<ImportWorker>();

        // Meta
        services.AddSingleton(new GraphOptions(options.Meta.BaseUrl, Timeout: TimeSpan.FromSeconds(10)));
        services.AddSingleton<IMeta, GraphClient>();

        return services;
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
