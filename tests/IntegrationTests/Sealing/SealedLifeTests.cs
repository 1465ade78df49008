using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Schema;
using Bsp.Infrastructure.Sealing;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.Contacts;
using Bsp.IntegrationTests.Views;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.IntegrationTests.Sealing;

/// <summary>What is rightly done to a log after its days were sealed leaves them valid: erasures, archives, rotations, rebuilds.</summary>
public sealed class SealedLifeTests(StoresFixture stores) : IAsyncLifetime
{
    private static readonly byte[] Master = new byte[32];
    private static readonly byte[] NextMaster = [.. Enumerable.Repeat((byte)9, 32)];

    private readonly ContactsDatabase database = new(stores);
    private readonly LogReaders readers = new(new());
    private int days;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => database.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        await readers.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task An_erased_person_is_gone_from_days_that_stay_valid()
    {
        var organization = await database.NewOrganizationAsync();
        var (gone, stays) = (await OptedOutAsync(organization, "+4915155577001"), await OptedOutAsync(organization, "+4915155577002"));
        await SealAsync();

        await database.OrderErasureAsync(organization, gone);
        await database.CarryErasureAsync(organization, gone);

        (await database.Log.AdminQueryAsync("SELECT contact_id FROM bsp.contact_keys WHERE organization_id = $1", r =>
            r.GetGuid(0), organization)).ShouldBe([stays]);
        (await AuditAsync()).Findings.ShouldBeEmpty();
        await SealAsync();
        var after = await AuditAsync();
        after.Findings.ShouldBeEmpty();
        (after.Days, after.Unsealed).ShouldBe((2, 0)); // the order itself is an event, and sealed
    }

    [Fact]
    public async Task Put_away_and_fetched_back_streams_leave_sealed_days_valid()
    {
        var organization = await database.NewOrganizationAsync();
        var contact = await OptedOutAsync(organization, "+4915155577003");
        await SealAsync();
        var version =
            await database.Log.ScalarAsync<long>("SELECT version FROM mt_streams WHERE tenant_id = $1 AND id = $2", $"{organization}",
                contact);

        (await database.Store.ArchiveAsync(organization, [(contact, version)], Ct)).ShouldBe(1);
        (await AuditAsync()).Findings.ShouldBeEmpty();
        await database.Store.RestoreAsync(organization, [contact], Ct);
        (await AuditAsync()).Findings.ShouldBeEmpty();
        await new ChangeContactConsentHandler(database.Consents, database.Shards)
            .Handle(new(organization, contact, new("OPTED_IN", "api", "form 2")), Ct);
        await SealAsync();

        (await AuditAsync()).ShouldSatisfyAllConditions(r => r.Findings.ShouldBeEmpty(), r => r.Days.ShouldBe(2));
    }

    [Fact]
    public async Task A_new_master_key_under_which_everything_was_wrapped_anew_leaves_sealed_days_valid()
    {
        var organization = await database.NewOrganizationAsync();
        await OptedOutAsync(organization, "+4915155577004");
        await SealAsync();

        await new KeyRotation(database.Shards, Keys(NextMaster, Master), _ => { }).RunAsync(Ct);
        await OptedOutAsync(organization, "+4915155577005", NextMaster, Master);
        await SealAsync(NextMaster, Master);

        (await AuditAsync(NextMaster, Master)).ShouldSatisfyAllConditions(r => r.Findings.ShouldBeEmpty(), r => r.Days.ShouldBe(2));
        (await AuditAsync(NextMaster)).Findings.ShouldBeEmpty(); // the old key may be thrown away
    }

    [Fact]
    public async Task Views_built_anew_and_a_schema_brought_up_again_leave_sealed_days_valid()
    {
        await using var views = await ViewsDatabase.NewAsync(stores);
        var written = new RandomLog(41, await views.NewOrganizationAsync(), 30);
        await views.WriteAsync(written);
        var projection = new CampaignCountersProjection();
        await views.RunAsync(projection, written);
        await SealAsync(views.Shards, Master);
        (await AuditAsync(views.Shards, Master))
            .ShouldSatisfyAllConditions(r => r.Findings.ShouldBeEmpty(), r => r.Events.ShouldBe(written.Events.Count));

        await views.RebuildAsync(projection, written);
        await new Migrator(NullLogger<Migrator>.Instance).MigrateAsync(views.Admin.ConnectionString, "only-for-tests", Ct);

        (await AuditAsync(views.Shards, Master)).Findings.ShouldBeEmpty();
    }

    /// <summary>Below every number that we give, where no day would begin to look.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(-7)]
    public async Task An_event_put_before_the_first_one_is_named(long sequence)
    {
        var organization = await database.NewOrganizationAsync();
        var contact = await OptedOutAsync(organization, "+4915155577006");
        await SealAsync();
        await database.Log.AdminQueryAsync("""
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id) VALUES ($1, gen_random_uuid(), $2, 99, '{}', 'contact_consent_changed', $3)
            """, _ => 0, sequence, contact, $"{organization}");

        var first = (await AuditAsync()).Findings[0];

        (first.Kind, first.Sequence, first.Tenant).ShouldBe(("event.added", sequence, $"{organization}"));
    }

    private async Task<Guid> OptedOutAsync(Guid organization, string phone, byte[]? master = null, params byte[][] older)
    {
        if (master is null)
        {
            return await database.CreateAsync(organization, phone, null, new("OPTED_OUT", "api", "said so"));
        }

        using var personal = new PersonalData(database.Shards, Keys(master, older));
        var consents =
            new ContactConsents(database.Shards, database.Store, personal, database.Cache, database.Suppressions, TimeProvider.System);
        var contact = await database.CreateAsync(organization, phone);
        await consents.ChangeAsync(organization, contact, null, new("OPTED_OUT", "api", "said so"), Ct);
        return contact;
    }

    private Task SealAsync() => SealAsync(database.Shards, Master);

    private Task SealAsync(byte[] master, params byte[][] older) => SealAsync(database.Shards, master, older);

    // Another day is over, and so is the grace after it, whatever the hour.
    private async Task SealAsync(Shards shards, byte[] master, params byte[][] older)
    {
        days++;
        using var signer = new LogSigner(Keys(master, older));
        (await new LogSealer(shards, readers, signer, new Later(days), NullLogger<LogSealer>.Instance).SweepAsync(shards.All[0], Ct))
            .ShouldBeGreaterThan(0);
    }

    private Task<LogAuditReport> AuditAsync() => AuditAsync(database.Shards, Master);

    private Task<LogAuditReport> AuditAsync(byte[] master, params byte[][] older) => AuditAsync(database.Shards, master, older);

    private async Task<LogAuditReport> AuditAsync(Shards shards, byte[] master, params byte[][] older)
    {
        using var signer = new LogSigner(Keys(master, older));
        return await new LogAudit(shards, readers, signer, new Later(days), null, _ => { }).RunAsync(Ct);
    }

    private static MasterKeys Keys(byte[] master, params byte[][] older) => new(new()
    {
        DirectoryApp = "Host=unused", Shards = [], PlatformKeySha256 = new byte[32], MasterKey = master, OldMasterKeys = older,
            Meta = null!,
    });

    private sealed class Later(int days) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddDays(days).AddHours(1);
    }
}
