using System.Text;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Imports;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Media;
using Bsp.Infrastructure.Objects;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Imports;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using Bsp.Infrastructure.Templates;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Contacts;

/// <summary>A migrated database with organizations, and the handlers of this feature on it.</summary>
public sealed class ContactsDatabase(StoresFixture stores) : IAsyncLifetime
{
    private readonly LogDatabase log = new(stores);
    private readonly MasterKeys masters =
        new(new BspOptions { DirectoryApp = "Host=unused", Shards = [], PlatformKeySha256 = new byte[32], MasterKey = new byte[32],
            Meta = null! });
    private PostgresEventStore? store;

    public LogDatabase Log => log;

    public Shards Shards => log.Shards;

    public IEventStore Store => store!;

    public ISecrets Secrets => masters;

    public ImportSignal Signal { get; } = new();

    public UploadSpool Spool { get; } = new(new());

    public ErasureSignal ErasureSignal { get; } = new();

    public RedisConnection Redis { get; private set; } = null!;

    public ContactCache Cache { get; private set; } = null!;

    public PersonalData Personal { get; private set; } = null!;

    public ContactConsents Consents { get; private set; } = null!;

    public Suppressions Suppressions { get; private set; } = null!;

    public AuditLog Audit { get; private set; } = null!;

    public ContactMerger Merger { get; private set; } = null!;

    public IDocumentViews Views { get; private set; } = null!;

    public PostgresDocumentStore Documents { get; } = new();

    public async ValueTask InitializeAsync()
    {
        await log.InitializeAsync();
        store = log.NewStore(null, new ContactConsentView(), new ContactIdentityView(), new TemplatesView(), new AuditTrailView(Shards));
        Redis = new(stores.Stores.Redis);
        Cache = new(Redis, NullLogger<ContactCache>.Instance);
        Personal = new(Shards, masters);
        (Suppressions, Audit) = (new(masters), new(store, TimeProvider.System));
        Consents = new(Shards, Store, Personal, Cache, Suppressions, TimeProvider.System);
        Merger = new(Shards, Store, Cache, TimeProvider.System);
        Views = new PostgresDocumentViews(Shards);
    }

    public async ValueTask DisposeAsync()
    {
        await store!.DisposeAsync();
        Signal.Dispose();
        ErasureSignal.Dispose();
        Personal.Dispose();
        Suppressions.Dispose();
        await Redis.DisposeAsync();
        await log.DisposeAsync();
    }

    public async Task<Guid> NewOrganizationAsync()
    {
        var id = await log.NewOrganizationAsync();
        await log.AdminQueryAsync("INSERT INTO organizations (id, name, slug) VALUES ($1, 'Test', $2) RETURNING id", row =>
            row.GetGuid(0), id, $"org-{id}");
        return id;
    }

    /// <summary>A number of the organization on the WABA, its token as <paramref name="sealedToken"/>.</summary>
    public Task<Guid> NewAccountAsync(Guid organizationId, string waba, string sealedToken = "sealed") => log.ScalarAsync<Guid>("""
        INSERT INTO whatsapp_accounts (id, organization_id, phone_number_id, phone_number, display_name, meta_waba_id, status, credentials)
        VALUES ($1, $2, $3, '+15550000000', 'Test', $4, 'CONNECTED', jsonb_build_object('access_token', $5::text)) RETURNING id
        """, Uuid.New(), organizationId, $"{Random.Shared.NextInt64(1_000_000_000)}", waba, sealedToken);

    public async Task<Guid> CreateAsync(Guid organizationId, string phone, Func<ContactFields, ContactFields>? with = null,
        Consent? consent = null)
    {
        var fields = ContactFields.Empty with { PhoneNumber = phone };
        return (await new CreateContactHandler(Shards, Consents, Suppressions, Audit)
            .Handle(new(organizationId, with?.Invoke(fields) ?? fields, consent), CancellationToken.None)).Id;
    }

    public Task<ContactView> GetAsync(Guid organizationId, Guid id) =>
        new GetContactHandler(Shards).Handle(new(organizationId, id), CancellationToken.None);

    public async Task<List<ContactView>> FindAsync(Guid organizationId, string? q = null, string? phone = null, string? tag = null,
        string? consent = null) =>
        [.. (await new ListContactsHandler(Shards, Cache)
            .Handle(new(organizationId, q, phone, tag, consent, 200, null), CancellationToken.None)).Data];

    public Task<Guid> StageAsync(Guid organizationId, string csv, char delimiter = ',') =>
        StageAsync(organizationId, Encoding.UTF8.GetBytes(csv), delimiter);

    public async Task<Guid> StageAsync(Guid organizationId, byte[] csv, char delimiter = ',')
    {
        using var stream = new MemoryStream(csv);
        return (await new ImportContactsHandler(Shards, Signal, Spool, Audit)
            .Handle(new(organizationId, stream, "form", "page 7", delimiter), CancellationToken.None)).Id;
    }

    public ImportWorker Worker() =>
        new(Shards, Store, Signal, new(masters), Cache, Suppressions, TimeProvider.System, NullLogger<ImportWorker>.Instance);

    public Task<Guid> MergeAsync(Guid organizationId, Guid contact, Guid with) =>
        Merger.MergeAsync(organizationId, contact, with, "api", CancellationToken.None);

    public async Task<List<EnsuredContact>> EnsureAsync(Guid organizationId, params ContactIdentity[] identities) =>
        [.. await new EnsureContactsHandler(Shards, Merger, Cache, Suppressions)
            .Handle(new(organizationId, identities), CancellationToken.None)];

    /// <param name="saidAt">By Meta's clock; null: now.</param>
    public Task<Guid?> MoveAsync(Guid organizationId, ContactIdentity before, ContactIdentity after, string proof,
        DateTimeOffset? saidAt = null) =>
        new ChangeContactIdentityHandler(Shards, store!, Personal, Merger, Cache, Suppressions, TimeProvider.System)
        .Handle(new(organizationId, before, after, "user_changed_number", proof, saidAt ?? DateTimeOffset.UtcNow), CancellationToken.None);

    public ErasureOrders Orders(IPersonalData? personal = null) =>
        new(store!, new(Store, Views, personal ?? Personal), masters, Suppressions, TimeProvider.System);

    public Task<ContactErasure> OrderErasureAsync(Guid organizationId, Guid contact, IPersonalData? personal = null) =>
        new EraseContactHandler(Shards, Orders(personal), Personal, Cache, new(new(Redis), NullLogger<ContactLocks>.Instance),
            ErasureSignal).Handle(new(organizationId, contact), CancellationToken.None);

    /// <summary>Null: all is gone.</summary>
    public Task<string?> CarryErasureAsync(Guid organizationId, Guid contact) =>
        new Erasure(Store, Orders(), Documents, Views, Personal, masters, Cache, new(Shards), new(masters),
            new MediaErasure(Shards, new(Shards, new DirectoryObjects(Path.GetTempPath()), Personal, TimeProvider.System)))
        .CarryAsync(Shards.All[0], organizationId, contact, CancellationToken.None);

    public async Task<List<TimelineEntry>> TimelineAsync(Guid organizationId, Guid contact, int limit = 200)
    {
        var (all, cursor) = (new List<TimelineEntry>(), (string?)null);
        do
        {
            var page = await new GetContactTimelineHandler(Shards, new(Store, Personal, Views), Views)
                .Handle(new(organizationId, contact, limit, cursor), CancellationToken.None);
            all.AddRange(page.Data);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return all;
    }

    /// <summary>Stages, carries and shows.</summary>
    public async Task<ImportView> ImportAsync(Guid organizationId, string csv)
    {
        var id = await StageAsync(organizationId, csv);
        while (await Worker().WorkAsync(CancellationToken.None))
        {
        }

        return await ImportAsync(organizationId, id);
    }

    public Task<ImportView> ImportAsync(Guid organizationId, Guid id) =>
        new GetImportHandler(Shards).Handle(new(organizationId, id), CancellationToken.None);

    public async Task<IReadOnlyList<RejectedRow>> RejectedAsync(Guid organizationId, Guid id) =>
        (await new ListRejectedRowsHandler(Shards).Handle(new(organizationId, id, 0, 5000), CancellationToken.None)).Rows;

    public static JsonElement Json(string json) => JsonSerializer.Deserialize<JsonElement>(json);
}
