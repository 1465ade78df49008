using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>What all sessions of a process share.</summary>
internal sealed class SessionParts(IEventLog log, PublicEventReader events, OutboundHttp http, IPersonalData personal, TimeProvider clock)
    : IDisposable
{
    /// <summary>Deliveries of this process that are under way, at most.</summary>
    public const int InFlightMax = 4_096;

    private const int ReadsAtOnceMax = 3;

    /// <summary>Deliveries that people of one organization ask for and wait for, at once.</summary>
    public const int AskedAtOnceMax = 4;

    private static readonly IReadOnlyDictionary<Guid, Guid> None = new Dictionary<Guid, Guid>();

    private readonly Meter meter = new("Bsp.CustomerWebhooks");
    [Bounded("organizations that have something sent at this moment")]
    private readonly ConcurrentDictionary<Guid, int> asked = new();
    private Counter<long>? attempts;
    private Histogram<double>? lag;

    public IEventLog Log => log;

    public PublicEventReader Events => events;

    public TimeProvider Clock => clock;

    public HostBreakers Hosts { get; } = new(clock);

    public RunningSessions Running { get; } = new();

    /// <summary>Room for deliveries under way.</summary>
    public SemaphoreSlim Room { get; } = new(InFlightMax, InFlightMax);

    /// <summary>Reads of the log at once: its connections are callers', too.</summary>
    public SemaphoreSlim Reads { get; } = new(ReadsAtOnceMax, ReadsAtOnceMax);

    public Meter Meter => meter;

    /// <summary>Posts one event and says what came of it.</summary>
    public async Task<(Attempt Attempt, DeliveryRow Row)> DeliverAsync(Endpoint endpoint, PublicEvent told, int epoch, int attempt,
        string cause, CancellationToken ct)
    {
        var body = PublicJson.Body(told, endpoint.Thin, epoch);
        var result = await http.PostAsync(endpoint.Url, body, told.Id, endpoint.Keys, endpoint.Headers, ct, endpoint.OrganizationId);
        var at = clock.GetUtcNow();
        Count(result.Outcome, result.Delivered && cause == "live" ? at - told.Stored.Timestamp : null);
        var (answer, isSealed) = await SealedAsync(endpoint.OrganizationId, told.ContactId, result.Answer, ct);
        return (result,
            new(endpoint.Id, Uuid.New(at), endpoint.OrganizationId, told.Stored.Id, told.Type, epoch, told.Stored.Sequence, attempt, cause,
                result.Outcome, result.Status, result.LatencyMs, answer, isSealed, null, at));
    }

    /// <summary>Whether an endpoint is told of an event: its types, its accounts, its campaigns.</summary>
    public static bool Concerns(Endpoint endpoint, PublicEvent told, IReadOnlyDictionary<Guid, Guid>? accounts = null) =>
        PublicEvents.Matches(endpoint.Events, told.Type)
        && (endpoint.AccountIds.Count == 0
            || ((told.AccountId ?? ((accounts ?? None).TryGetValue(told.Key, out var account) ? account : null)) is { } own
                && endpoint.AccountIds.Contains(own)))
        && (endpoint.CampaignIds.Count == 0 || (told.CampaignId is { } campaign && endpoint.CampaignIds.Contains(campaign)));

    /// <summary>
    /// A person of the organization asks for a delivery; give it back with <see cref="Leave"/>. False: too many are under way.
    /// </summary>
    public bool TryEnter(Guid organizationId)
    {
        if (asked.AddOrUpdate(organizationId, 1, (_, n) => n + 1) <= AskedAtOnceMax)
        {
            return true;
        }

        Leave(organizationId);
        return false;
    }

    public void Leave(Guid organizationId)
    {
        if (asked.AddOrUpdate(organizationId, 0, (_, n) => n - 1) <= 0)
        {
            asked.TryRemove(new(organizationId, 0));
        }
    }

    public void Dispose()
    {
        meter.Dispose();
        Room.Dispose();
        Reads.Dispose();
    }

    // Receivers echo what they were sent: an answer about a person is sealed with that person's key, and goes when the key goes.
    private async Task<(string? Answer, bool Sealed)> SealedAsync(Guid organizationId, Guid? contact, string? answer, CancellationToken ct)
    {
        if (answer is null || contact is not { } person)
        {
            return (answer, false);
        }

        try
        {
            return (JsonSerializer.Serialize((await personal.SealAsync(organizationId, [(person, answer)], ct))[0], EventTypes.Json), true);
        }
        catch (Refusal)
        {
            return (null, false); // the person was erased
        }
        catch (Exception away) when (away is Npgsql.NpgsqlException or StoreUnavailable)
        {
            return (null, false); // what came of the delivery matters more than the answer's words
        }
    }

    private void Count(string outcome, TimeSpan? after)
    {
        attempts ??= meter.CreateCounter<long>("bsp_webhook_deliveries",
            description: "Attempts to tell organizations' endpoints, by what came of them.");
        attempts.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
        if (after is { } time)
        {
            lag ??= meter.CreateHistogram<double>("bsp_webhook_lag_seconds",
                description: "From the event's append to the receiver's answer, of first attempts.");
            lag.Record(time.TotalSeconds);
        }
    }
}
