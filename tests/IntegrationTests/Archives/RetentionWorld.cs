using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Objects;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Retention;
using Bsp.Infrastructure.Sealing;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EventStore;
using Bsp.IntegrationTests.Views;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Archives;

/// <summary>A log of random messages, the views that hold their words, an object store, and the engine in years to come.</summary>
internal sealed class RetentionWorld : IAsyncDisposable
{
    // Messages of the random log are written from 22:00 on 1 June 2026, for about four hours.
    private static readonly DateTimeOffset Middle = new(2026, 6, 1, 23, 45, 0, TimeSpan.Zero);

    private readonly ViewsContainer? container;
    private readonly string files;

    private RetentionWorld(ViewsContainer? container, ViewsDatabase database, RandomLog log, string files)
    {
        (this.container, Database, Log, this.files) = (container, database, log, files);
        Clock = new(Middle.AddDays(730));
        Views = container?.Views.Where(v => v.Name is ViewNames.Conversations or ViewNames.MessageSearch).ToList()
            ?? [new Infrastructure.Conversations.ConversationsProjection(Documents, new Plain())];
        Objects = new TroubledObjects(new DirectoryObjects(files));
        Personal = new(database.Shards, Keys());
        Store = new(database.Shards, [], LogDatabase.NewSignals(), new(), TimeProvider.System);
        Book = new(Objects, Personal, Store, Clock);
        Restores = new(database.Shards, Objects, Personal, Documents, Clock);
        Check = new(database.Shards, Objects, Book, Store);
    }

    public static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ViewsDatabase Database { get; }

    public RandomLog Log { get; }

    public SetClock Clock { get; }

    public IReadOnlyList<IProjection> Views { get; }

    public PostgresDocumentStore Documents { get; } = new();

    public PostgresOldDocuments Old { get; } = new();

    public TroubledObjects Objects { get; }

    public PersonalData Personal { get; }

    public PostgresEventStore Store { get; }

    public ArchiveBook Book { get; }

    public ArchiveRestores Restores { get; }

    public ArchiveCheck Check { get; }

    public LogReaders Readers { get; private set; } = new(new());

    public ViewsContainer Container => container ?? throw new InvalidOperationException("This world has no other stores.");

    public MessagesStep Messages => new(Database.Shards, Old, Documents, Book, Clock);

    public AiConversationsStep Ai => new(Database.Shards, Old, Documents, Book, Clock);

    /// <param name="whole">With the search index, Redis and ClickHouse.</param>
    public static async Task<RetentionWorld> NewAsync(StoresFixture fixture, int seed, int messages, bool whole = false)
    {
        var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(seed, await database.NewOrganizationAsync(), messages);
        await database.WriteAsync(log);
        var world = new RetentionWorld(whole ? new(fixture, database) : null, database, log,
            Directory.CreateTempSubdirectory("bsp-archives-").FullName);
        await world.FollowAsync();
        return world;
    }

    /// <summary>The database as it is now, in one of its own, beside the same object storage.</summary>
    public async Task<RetentionWorld> BackupAsync(StoresFixture fixture)
    {
        await Readers.DisposeAsync(); // their connections hinder the copy
        Readers = new(new());
        return new(null, await Database.CopyAsync(fixture), Log, files);
    }

    /// <summary>Every view reads the log to its end.</summary>
    public async Task FollowAsync()
    {
        foreach (var view in Views)
        {
            await FollowAsync(view);
        }
    }

    /// <summary>Every view is built anew from the log beside the old one, and takes its place.</summary>
    public async Task RebuildAsync()
    {
        foreach (var view in Views)
        {
            var (board, copy) = (new ProjectionBoard(Database.Shard), view.Beside!);
            await board.EnterAsync(view.Name, Ct);
            await board.BeginCopyAsync(view.Name, Ct);
            await copy.BeginAsync(Database.Shard, Ct);
            await FollowAsync(copy);
            (await copy.SwapAsync(Database.Shard, Ct)).ShouldBeTrue();
            await board.SwappedAsync(view.Name, await view.CheckpointAsync(Database.Shard, Ct), Ct);
        }
    }

    public async Task<int> CarryAsync(IRetentionStep step)
    {
        var gone = 0L;
        await step.CarryAsync(Database.Shard, count =>
        {
            gone += count;
            return Task.CompletedTask;
        }, Ct);
        return (int)gone;
    }

    /// <summary>Rows of a table as text.</summary>
    public Task<string> TextAsync(string table) =>
        Database.ScalarAsync<string>(
            $"SELECT coalesce(string_agg(x::text, E'\\n' ORDER BY x::text), '') FROM (SELECT * FROM {table} AS q) x");

    public async Task<Dictionary<string, string>> ContentAsync()
    {
        var all = new Dictionary<string, string>();
        // The random log's customers have a new number in each message, and no event says so: which one is shown is that of what is kept;
        // and the index of names keeps what only a message that is gone had until it is built anew (docs/retention.md).
        foreach (var table in (string[])["documents.messages", "documents.ai_conversations", "bsp.message_search",
            "(SELECT _id, position, status, last_message_at, expires_at, doc #- '{contact,phone_number}' FROM documents.conversations)"])
        {
            all[table] = await TextAsync(table);
        }

        return all;
    }

    public Task<long> CountAsync(string from) => Database.ScalarAsync<long>($"SELECT count(*) FROM {from}");

    public async Task SealAsync()
    {
        using var signer = new LogSigner(Keys());
        await new LogSealer(Database.Shards, Readers, signer, TimeProvider.System, NullLogger<LogSealer>.Instance)
            .SweepAsync(Database.Shard, Ct);
    }

    public async Task<LogAuditReport> AuditAsync()
    {
        using var signer = new LogSigner(Keys());
        return await new LogAudit(Database.Shards, Readers, signer, TimeProvider.System, null, _ => { }).RunAsync(Ct);
    }

    public async Task<List<CheckedArchive>> CheckedAsync()
    {
        var all = new List<CheckedArchive>();
        await foreach (var archive in Check.ListAsync(Log.OrganizationId, Ct))
        {
            all.Add(await Check.CheckAsync(archive, Ct));
        }

        return all;
    }

    public async ValueTask DisposeAsync()
    {
        await Readers.DisposeAsync();
        await Store.DisposeAsync();
        Personal.Dispose();
        if (container is not null)
        {
            await container.DisposeAsync();
        }

        await Database.DisposeAsync();
        if (Directory.Exists(files))
        {
            Directory.Delete(files, recursive: true);
        }
    }

    private async Task FollowAsync(IProjection view)
    {
        while (true)
        {
            var after = await view.CheckpointAsync(Database.Shard, Ct);
            var page = await Readers.Of(Database.Shard).ReadAsync(after, view.EventTypes, 300, Ct);
            if (page.UpTo == after)
            {
                return;
            }

            await view.ApplyAsync(new(Database.Shard, page.After, page.UpTo, page.Events), Ct);
        }
    }

    private static MasterKeys Keys() => new(new()
    {
        DirectoryApp = "Host=unused", Shards = [], PlatformKeySha256 = new byte[32], MasterKey = new byte[32], Meta = null!,
    });
}

/// <summary>A clock that stands.</summary>
internal sealed class SetClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}

/// <summary>An object store that fails when it is told to.</summary>
internal sealed class TroubledObjects(IObjectStore inner) : IObjectStore
{
    private int calls;

    /// <summary>The call that fails, from 1; 0: none.</summary>
    public int FailsAt { get; set; }

    /// <summary>The failing call does its work before it fails, as when the process dies right after it.</summary>
    public bool Late { get; set; }

    /// <summary>What it keeps is one byte shorter than what it was given.</summary>
    public bool Cuts { get; set; }

    public int Calls => calls;

    public void Begin(int failsAt, bool late) => (calls, FailsAt, Late) = (0, failsAt, late);

    public Task PutAsync(string key, Stream content, CancellationToken ct) => CallAsync(async () =>
    {
        if (!Cuts)
        {
            await inner.PutAsync(key, content, ct);
            return 0;
        }

        content.Position = 0;
        using var whole = new MemoryStream();
        await content.CopyToAsync(whole, ct);
        whole.SetLength(whole.Length - 1);
        await inner.PutAsync(key, whole, ct);
        return 0;
    });

    public Task<Stream?> OpenAsync(string key, long offset, CancellationToken ct) => CallAsync(() => inner.OpenAsync(key, offset, ct));

    public Task DeleteAsync(string key, CancellationToken ct) => CallAsync(async () =>
    {
        await inner.DeleteAsync(key, ct);
        return 0;
    });

    public IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken ct) => inner.ListAsync(prefix, ct);

    private async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        var fails = ++calls == FailsAt;
        if (fails && !Late)
        {
            throw new StoreUnavailable("objects", new IOException("No space left on device"));
        }

        var answer = await call();
        return fails ? throw new StoreUnavailable("objects", new IOException("The connection was cut")) : answer;
    }
}
