using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Domain.Subscriptions;
using Bsp.Domain.Templates;
using JasperFx;
using JasperFx.Events;
using JasperFx.Events.Projections;
using JasperFx.MultiTenancy;
using Marten;
using Weasel.Core;

namespace Bsp.Infrastructure.EventStore.Marten;

/// <summary>
/// The log as Marten 9 is told of it, once for the product, its tests and its benchmarks: names, bodies, earlier versions, tenancy,
/// metadata and schema. Also the one place that
/// says which aggregates Marten reads and writes; every other stream is carried by the lanes. Decision: docs/decisions/0195.
/// </summary>
public static class LogRegistry
{
    // What people decide. What machines fill by the million (message, conversation, contact) stays with the lanes.
    private static readonly IReadOnlyList<Carried> Aggregates =
        [Of<Campaign, CampaignEvent>(), Of<Template, TemplateEvent>(), Of<LedgerHead, LedgerEvent>(),
            Of<Subscription, SubscriptionEvent>()];

    /// <summary>True when Marten reads and writes the streams of this aggregate.</summary>
    public static bool Carries(Type state) => Aggregates.Any(carried => carried.State == state);

    /// <summary>Configures a store.</summary>
    /// <param name="create">None at work; <c>CreateOrUpdate</c> for the owner who migrates.</param>
    /// <param name="mode">Changing the append mode replaces a database function, and processes of the former mode fail: it was fixed
    /// once.</param>
    public static StoreOptions Configure(this StoreOptions options, AutoCreate create,
        EventAppendMode mode = EventAppendMode.QuickWithServerTimestamps)
    {
        options.DisableNpgsqlLogging = true;
        options.AutoCreateSchemaObjects = create;
        options.UseSystemTextJsonForSerialization(EnumStorage.AsString, Casing.SnakeCase, Bodies);
        options.Events.TenancyStyle = TenancyStyle.Conjoined;
        options.Events.StreamIdentity = StreamIdentity.AsGuid;
        options.Events.AppendMode = mode;
        options.Events.MetadataConfig.EnableAll();
        options.Events.MetadataConfig.UserNameEnabled = true;
        options.Policies.AllDocumentsAreMultiTenanted();
        options.ConfigurePolly(_ => { }); // a statement that failed has ended our transaction: to repeat it there can only fail
        AddEvents(options);
        foreach (var carried in Aggregates)
        {
            carried.Register(options);
        }

        return options;
    }

    private static Carried Of<TState, TEvent>() where TState : class, IAggregate<TState, TEvent> where TEvent : class =>
        new(typeof(TState), options => options.Projections.Add(new AggregateFold<TState, TEvent>(), ProjectionLifecycle.Live));

    private static void Bodies(JsonSerializerOptions json)
    {
        json.DefaultIgnoreCondition = EventTypes.Json.DefaultIgnoreCondition;
        json.Encoder = EventTypes.Json.Encoder;
    }

    private static void AddEvents(StoreOptions options)
    {
        foreach (var record in EventTypes.All.Values)
        {
            if (typeof(ISuperseded).IsAssignableFrom(record))
            {
                typeof(LogRegistry).GetMethod(nameof(Upcast), BindingFlags.NonPublic | BindingFlags.Static)!
                    .MakeGenericMethod(record, EventCatalogue.Latest(record)).Invoke(null, [options]);
            }
            else
            {
                options.Events.AddEventType(record);
            }
        }
    }

    private static void Upcast<TOld, TNew>(StoreOptions options) where TOld : class, ISuperseded where TNew : class =>
        options.Events.Upcast<TOld, TNew>(EventCatalogue.StoredName(typeof(TOld)), old => (TNew)EventCatalogue.Newest(old));

    private sealed record Carried(Type State, Action<StoreOptions> Register);
}
