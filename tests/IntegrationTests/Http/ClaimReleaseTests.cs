using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Idempotency;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.EventStore;
using Bsp.IntegrationTests.Views;
using Npgsql;

namespace Bsp.IntegrationTests.Http;

/// <summary>Claims of requests that lost their PostgreSQL (decision 0121).</summary>
public sealed class ClaimReleaseTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_claim_that_could_not_be_given_back_is_free_as_soon_as_PostgreSQL_is_there_and_keeps_its_resource()
    {
        await using var world = await World.NewAsync(database);
        var first = (await world.Keys.ClaimAsync(world.Request, Ct)).Claim!;
        world.Postgres.Stop();
        await world.Keys.ReleaseAsync(world.Request.OrganizationId, first, refused: false);
        // it could not
        (await database.ScalarAsync<bool>("SELECT leased_until > now() FROM bsp.idempotency_keys WHERE claim_id = $1", first.ClaimId))
            .ShouldBeTrue();

        using var over = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var late = world.Keys.ReleaseLateAsync(over.Token);
        world.Postgres.Start();
        var second =
            (await Patience.UntilAsync(world.TryClaimAsync, attempt =>
                attempt?.State == ClaimState.Claimed, "it can be claimed again"))!.Claim!;
        (second.ClaimId, second.ResourceId, second.Attempt).ShouldBe((first.ClaimId, first.ResourceId, first.Attempt + 1));
        await over.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(late);
    }

    [Fact]
    public async Task An_attempt_that_lost_its_lease_neither_gives_back_nor_renews_what_another_attempt_holds()
    {
        await using var world = await World.NewAsync(database);
        var organization = world.Request.OrganizationId;
        var first = (await world.Keys.ClaimAsync(world.Request, Ct)).Claim!;
        await world.Keys.ReleaseAsync(organization, first, refused: false);
        var second = (await world.Keys.ClaimAsync(world.Request, Ct)).Claim!;

        await world.Keys.ReleaseAsync(organization, first, refused: true);
        await world.Keys.ReleaseAsync(organization, first, refused: false);
        (await world.Keys.ClaimAsync(world.Request, Ct)).State.ShouldBe(ClaimState.InFlight);
        await database.AdminQueryAsync("UPDATE bsp.idempotency_keys SET leased_until = now() - interval '1 s' WHERE claim_id = $1", _ =>
            0, first.ClaimId);
        await world.Keys.RenewAsync(organization, first, Ct);
        (await world.Keys.ClaimAsync(world.Request, Ct)).Claim!.Attempt.ShouldBe(second.Attempt + 1);
    }

    private sealed class World(NpgsqlDataSource source, Shards shards, StoppableProxy postgres, ClaimRequest request) : IAsyncDisposable
    {
        public StoppableProxy Postgres => postgres;

        public ClaimRequest Request => request;

        public IdempotencyKeys Keys { get; } =
            new(shards, new(
                new(new BspOptions { DirectoryApp = "", Shards = [], PlatformKeySha256 = [], MasterKey = new byte[32], Meta = null! })),
                TimeProvider.System);

        /// <summary>Null: the connection is one of those that broke.</summary>
        public async Task<ClaimAttempt?> TryClaimAsync()
        {
            try
            {
                return await Keys.ClaimAsync(request, Ct);
            }
            catch (Exception broken) when (broken is NpgsqlException or StoreUnavailable)
            {
                return null;
            }
        }

        public static async Task<World> NewAsync(LogDatabase database)
        {
            var text = new NpgsqlConnectionStringBuilder(database.Shard.ConnectionString);
            var proxy = new StoppableProxy(new Uri($"tcp://{text.Host}:{text.Port}"));
            (text.Port, text.Timeout) = (proxy.Port, 30);
            var source = NpgsqlDataSource.Create(text.ConnectionString);
            return new(source, new Shards(source, [new Shard("A-Z", 1, source) { ConnectionString = text.ConnectionString }]), proxy,
                new(await database.NewOrganizationAsync(), "somebody", "POST /v1/things", $"{Uuid.New()}", "00"));
        }

        public async ValueTask DisposeAsync()
        {
            postgres.Dispose();
            await source.DisposeAsync();
        }
    }
}
