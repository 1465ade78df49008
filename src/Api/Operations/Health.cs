using Bsp.Api.Common;
using Bsp.Application.Common;
using Carter;

namespace Bsp.Api.Operations;

/// <param name="Status"><c>ok</c>, or for readiness <c>degraded</c> (something is down, and others are served) or <c>down</c>:
/// nobody can be served.</param>
/// <param name="Stores">Store → <c>ok</c> or what is wrong.</param>
public sealed record HealthResponse(string Status, IReadOnlyDictionary<string, string> Stores);

public sealed class Health : ICarterModule
{
    private static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(2);

    // Anybody may ask: so often at most the stores are asked, however many do.
    private static readonly TimeSpan CheckEvery = TimeSpan.FromMilliseconds(250);

    private readonly Lock gate = new();
    private Task<HealthResponse>? latest;
    private long latestAt;

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapGet("/health/live", () => new HealthResponse("ok", new Dictionary<string, string>())).Describe("The process runs.")
            .Produces<HealthResponse>();
        app.MapGet("/health/ready", ReadyAsync)
            .Describe("Each store by name; 200 while some shard of PostgreSQL answers, so that one that is down takes no process out.")
            .Produces<HealthResponse>().Produces<HealthResponse>(503);
    }

    private async Task<IResult> ReadyAsync(IEnumerable<IStoreHealth> stores, TimeProvider clock, CancellationToken ct)
    {
        Task<HealthResponse> check;
        lock (gate)
        {
            if (latest is null || (latest.IsCompleted && clock.GetElapsedTime(latestAt) > CheckEvery))
            {
                (latest, latestAt) = (Task.Run(() => CheckAllAsync(stores), CancellationToken.None), clock.GetTimestamp());
            }

            check = latest;
        }

        var health = await check.WaitAsync(ct);
        return TypedResults.Json(health, statusCode: health.Status == "down" ? 503 : 200);
    }

    // For all who wait for it, hence under nobody's token, and with the connections of nobody's rush.
    private static async Task<HealthResponse> CheckAllAsync(IEnumerable<IStoreHealth> stores)
    {
        Work.Is(WorkKind.Background);
        var checks = await Task.WhenAll(stores.Select(async store => (store.Name, Fault: await CheckAsync(store, CancellationToken.None))));
        var up = !stores.Any(store => store.StopsServing);
        var status = checks.All(c => c.Fault is null) ? "ok" : up ? "degraded" : "down";
        return new HealthResponse(status, checks.ToDictionary(c => c.Name, c => c.Fault ?? "ok"));
    }

    private static async Task<string?> CheckAsync(IStoreHealth store, CancellationToken ct)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(CheckTimeout);
        try
        {
            return await store.CheckAsync(timeout.Token);
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            return fault is OperationCanceledException ? $"no answer within {CheckTimeout.TotalSeconds} s." : "the check itself failed.";
        }
    }
}
