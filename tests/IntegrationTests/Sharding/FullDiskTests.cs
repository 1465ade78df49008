using Bsp.Benchmarks.Chaos;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.LocalStores;
using Npgsql;

namespace Bsp.IntegrationTests.Sharding;

/// <summary>
/// An application whose PostgreSQL lies, data and log, on a file system that can be full; on an ordinary one where nobody may mount any,
/// and then the test says so.
/// </summary>
public sealed class FullDiskApp(StoresFixture stores) : OwnPostgresApp(stores)
{
    private const int Megabytes = 700;

    /// <summary>Null: this account may not mount one.</summary>
    internal SmallDisk? Disk { get; private set; }

    protected override string Directory => Disk?.Path ?? base.Directory;

    public override async ValueTask InitializeAsync()
    {
        Disk = await SmallDisk.TryMountAsync(Megabytes, CancellationToken.None);
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (Disk is not null)
        {
            await Disk.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }
}

public sealed class FullDiskTests(FullDiskApp app) : IClassFixture<FullDiskApp>
{
    private const int RefusedMin = 10;
    private const int CallsMax = 30_000;
    private const int People = 40;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_fits_is_kept_what_does_not_is_refused_with_when_to_come_again_and_with_room_all_goes_on_once()
    {
        if (app.Disk is not { } disk)
        {
            Assert.Skip("This account may not mount a small file system (tmpfs): run the tests as root.");
            return;
        }

        using var tenant = await Tenant.NewAsync(app.Address, app.Meta, 20);
        await tenant.ImportAsync(Tenant.PlainNumbers(People));
        var ended = app.Own.AnyEndedAsync(Ct);
        var campaign = await tenant.LaunchAsync();
        await tenant.SentAsync(campaign, 5);
        disk.Fill();

        var (kept, refused) = (new Dictionary<string, Guid>(), new List<string>());
        for (var n = 0; refused.Count < RefusedMin && n < CallsMax; n++)
        {
            var key = $"full-{n}";
            var answer = await AddAsync(tenant, key);
            if (answer.Status == 201)
            {
                kept[key] = answer["id"].GetGuid();
                continue;
            }

            answer.ShouldBeProblem(503, "store.unavailable").Header("Retry-After").ShouldNotBeNull(answer.Text);
            refused.Add(key);
        }

        refused.Count.ShouldBe(RefusedMin, $"the disk is full, and {kept.Count} fitted all the same");
        disk.Free();
        await AliveAsync(ended);
        foreach (var key in refused)
        {
            // 409: the lease of the first call, whose end could not be written down, is not over yet
            var answer = await Patience.UntilAsync(() => AddAsync(tenant, key), a => a.Status is not (503 or 409), "there is room again");
            answer.Status.ShouldBe(201, answer.Text);
            kept[key] = answer["id"].GetGuid();
        }

        var there = (await tenant.AllAsync("/v1/contacts")).Select(c => c.GetProperty("id").GetGuid()).ToList();
        there.Count.ShouldBe(People + kept.Count, "each once, whatever became of the first call");
        kept.Values.Except(there).ShouldBeEmpty("what was acknowledged is there");
        await tenant.CompletedAsync(campaign);
        var members = await tenant.EndedAsync(campaign);
        members.Count.ShouldBe(People);
        members.Select(m => app.Meta.State.CountOfCallback($"{m.MessageId}")).ShouldAllBe(calls => calls.Equals(ValueTuple.Create(1, 1)));
        await Patience.UntilAsync(() => app.Anonymous.SendAsync("GET", "/health/ready"), r =>
            r["status"].GetString() == "ok", "everything is well");
    }

    // PostgreSQL refuses what its tables have no room for and goes on; when its own log has none, it stops, and somebody starts it again.
    private async Task AliveAsync(Task<string> ended) => await Patience.UntilAsync(async () =>
    {
        if (ended.IsCompleted)
        {
            await app.Own.StartAgainAsync(StoreKinds.Postgres, Ct);
            ended = app.Own.AnyEndedAsync(Ct);
        }

        try
        {
            await using var connection = new NpgsqlConnection(app.AdminConnectionString + ";Pooling=false");
            await connection.OpenAsync(Ct);
            await using var command = new NpgsqlCommand("CREATE TEMP TABLE room AS SELECT 1", connection);
            await command.ExecuteNonQueryAsync(Ct);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }, alive => alive, "PostgreSQL answers again");

    // Under a key of its own, so that the call may be made again; words that cannot be compressed.
    private static Task<Answer> AddAsync(Tenant tenant, string key)
    {
        var number = int.Parse(key[5..], System.Globalization.CultureInfo.InvariantCulture);
        var random = new Random(number);
        var words = new byte[300];
        var fields = Enumerable.Range(0, 15).ToDictionary(i => $"field{i}", _ =>
        {
            random.NextBytes(words);
            return Convert.ToBase64String(words);
        });
        return tenant.Api.SendAsync("POST", "/v1/contacts", new { phone_number = $"+49151{number:D8}", custom_fields = fields },
            ("Idempotency-Key", key));
    }
}
