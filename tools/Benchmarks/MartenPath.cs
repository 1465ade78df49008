using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore.Marten;
using JasperFx;
using JasperFx.Events;
using Marten;
using Marten.Services;
using Npgsql;

namespace Bsp.Benchmarks;

/// <summary>
/// A campaign's command: the product's own Marten path beside a bare session of Marten that does the same work on the same database, as the
/// application's role, under row-level
/// security and announced to the fence. What the product adds are gates, claims, inline views (none here), positions and the outcome of
/// lost commits.
/// </summary>
internal sealed class MartenPath : IAsyncDisposable
{
    private const int Streams = 1_000;
    private static readonly string Reason = new('x', 60);

    private readonly OwnLog log;
    private readonly string tenant;
    private readonly Guid[] ownStreams = [.. Enumerable.Range(0, Streams).Select(_ => Uuid.New())];
    private readonly Guid[] bareStreams = [.. Enumerable.Range(0, Streams).Select(_ => Uuid.New())];
    private readonly NpgsqlDataSource app;
    private readonly DocumentStore store;

    private MartenPath(OwnLog log)
    {
        (this.log, tenant) = (log, log.Organization.ToString());
        app = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(log.Shard.ConnectionString) { MaxPoolSize = 80 }.ConnectionString);
        store = DocumentStore.For(options =>
        {
            options.Connection(log.Shard.ConnectionString + ";Maximum Pool Size=2");
            options.Configure(AutoCreate.None);
        });
    }

    public static async Task<MartenPath> CreateAsync(OwnLog log, CancellationToken ct)
    {
        var path = new MartenPath(log);
        await log.Store.AppendAsync(log.Organization,
            [.. path.ownStreams.Concat(path.bareStreams)
                .Select(s => new Application.EventStore.StreamAppend(s, Campaign.StreamType, 0, [Fact(s)]))], ct);
        return path;
    }

    /// <summary>One command by the product; 1.</summary>
    public async Task<int> OwnAsync(Random random, CancellationToken ct)
    {
        var stream = ownStreams[random.Next(Streams)];
        await log.Store.Decide<Campaign, CampaignEvent>(log.Organization, stream, _ => [Fact(stream)], null, ct);
        return 1;
    }

    /// <summary>One command by a bare session; 1.</summary>
    public async Task<int> BareAsync(Random random, CancellationToken ct)
    {
        var stream = bareStreams[random.Next(Streams)];
        while (!await TryAsync(stream, ct))
        {
            // Somebody was faster.
        }

        return 1;
    }

    public async ValueTask DisposeAsync()
    {
        store.Dispose();
        await app.DisposeAsync();
    }

    private static CampaignPaused Fact(Guid stream) => new(stream, Reason, DateTimeOffset.UtcNow);

    private async Task<bool> TryAsync(Guid id, CancellationToken ct)
    {
        await using var connection = await app.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await using (var scope =
            new NpgsqlCommand("SELECT set_config('bsp.tenants', $1, true), bsp.announce()", connection,
                transaction) { Parameters = { new() { Value = tenant } } })
        {
            await scope.ExecuteNonQueryAsync(ct);
        }

        var options = SessionOptions.ForTransaction(transaction);
        options.TenantId = tenant;
        await using var session = store.LightweightSession(options);
        var stream = await session.Events.FetchForWriting<Campaign>(id, ct);
        stream.AppendOne(Fact(id));
        try
        {
            await session.SaveChangesAsync(ct);
            await transaction.CommitAsync(ct);
            return true;
        }
        catch (ConcurrencyException)
        {
            return false;
        }
    }
}
