using System.Diagnostics;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Objects;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Retention;
using Bsp.LocalStores;
using Bsp.LocalStores.Common;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.Benchmarks;

/// <summary>
/// Messages past their time: archived, read back, taken out of the log and out of the views, which follow the log meanwhile; what an
/// archive takes beside its JSON; what the process keeps in memory; bringing a conversation back. <c>BSP_BENCH_MESSAGES</c>: default
/// 1,000,000.
/// </summary>
internal static class RetentionBench
{
    private const int FilledAtOnce = 100_000;
    private const int Restored = 7;

    private static long Messages { get; } = Environment.GetEnvironmentVariable("BSP_BENCH_MESSAGES") is not { } text ? 1_000_000
        : long.TryParse(text, out var value) && value >= 1_000 && value % RetentionData.MessagesOfOne == 0 ? value
        : throw new Obstacle($"BSP_BENCH_MESSAGES is '{text}': it must be a number of at least 1,000, in tens.");

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        await using var stores = await Installation.StoresAsync(StoreKinds.Postgres, ct);
        await using var log = await OwnLog.CreateAsync(stores.Postgres, ct);
        var directory = Directory.CreateTempSubdirectory("bsp-bench-archives-");
        try
        {
            await MeasureAsync(report, log, new DirectoryObjects(directory.FullName), ct);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task MeasureAsync(Report report, OwnLog log, IObjectStore objects, CancellationToken ct)
    {
        Report.Say($"{Messages:N0} messages, {RetentionData.MessagesOfOne} a conversation; {Environment.ProcessorCount} cores");
        var account = Uuid.New();
        for (var from = 0L; from < Messages; from += FilledAtOnce)
        {
            await RetentionData.FillAsync(log.Admin, log.Organization, account, from, Math.Min(Messages, from + FilledAtOnce), ct);
        }

        await RetentionData.EndAsync(log.Admin, Messages, ViewNames.Conversations, ct);
        var masters = new MasterKeys(new BspOptions { DirectoryApp = "", Shards = [], PlatformKeySha256 = [], MasterKey = new byte[32],
            Meta = new() { BaseUrl = new("http://localhost") } });
        using var personal = new PersonalData(log.Shards, masters);
        var (old, documents) = (new PostgresOldDocuments(), new PostgresDocumentStore());
        var book = new ArchiveBook(objects, personal, log.Store, TimeProvider.System);
        var step = new MessagesStep(log.Shards, old, documents, book, TimeProvider.System);
        var reading = await ReadAsync(old, log, ct);

        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await using var readers = new LogReaders(new());
        var following = FollowAsync(new ConversationsProjection(documents, personal), log, readers, enough.Token);
        var (memory, clock) = (new List<double>(), Stopwatch.StartNew());
        await step.CarryAsync(log.Shard, gone =>
        {
            if (gone > 0)
            {
                memory.Add(GC.GetTotalMemory(forceFullCollection: false) / 1048576.0);
            }

            return Task.CompletedTask;
        }, ct);
        var archived = clock.Elapsed;
        while (await RetentionData.ScalarAsync<bool>(log.Admin, "SELECT EXISTS (SELECT FROM documents.messages)", ct))
        {
            if (following.IsCompleted)
            {
                await following;
                throw new Obstacle("The view ended before all was gone.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), ct);
        }

        var gone = clock.Elapsed;
        await enough.CancelAsync();
        await following;
        report.Add(new("messages archived and taken out of the log", Messages / archived.TotalSeconds, "messages/s",
            Messages / reading.TotalSeconds, "reading their documents, one connection"));
        report.Add(new("… and gone from the views", Messages / gone.TotalSeconds, "messages/s"));
        report.Add(new("… managed memory in the last tenth, median", Median(memory.TakeLast(Math.Max(1, memory.Count / 10))), "MB",
            Median(memory.Take(Math.Max(1, memory.Count / 10))), "the same in the first tenth"));
        await SizeAsync(report, log, ct);
        await RestoreAsync(report, log, objects, personal, documents, ct);
    }

    private static async Task<TimeSpan> ReadAsync(IOldDocuments old, OwnLog log, CancellationToken ct)
    {
        var clock = Stopwatch.StartNew();
        (DateTimeOffset, DocumentId)? place = null;
        for (var count = -1; count != 0;)
        {
            var page = await old.MessagesAsync(log.Shard, log.Organization, DateTimeOffset.UtcNow.AddDays(-730), place, 2_000, ct);
            count = page.Count;
            place = count == 0 ? place : (page[^1].CreatedAt, page[^1].Id);
        }

        return clock.Elapsed;
    }

    private static async Task SizeAsync(Report report, OwnLog log, CancellationToken ct)
    {
        var bytes = await RetentionData.ScalarAsync<decimal>(log.Admin, "SELECT sum(bytes) FROM bsp.archives", ct);
        var json = await RetentionData.ScalarAsync<decimal>(log.Admin, "SELECT sum(json_bytes) FROM bsp.archives", ct);
        report.Add(new("size of an archive", (double)(100 * bytes / json), "% of its JSON"));
        report.Add(new("… a message", (double)(bytes / Messages), "bytes", (double)(json / Messages), "as JSON"));
    }

    private static async Task RestoreAsync(Report report, OwnLog log, IObjectStore objects, PersonalData personal,
        PostgresDocumentStore documents, CancellationToken ct)
    {
        var restores = new ArchiveRestores(log.Shards, objects, personal, documents, TimeProvider.System);
        var times = new List<double>();
        for (var i = 0; i < Restored; i++)
        {
            var place = Messages / RetentionData.MessagesOfOne * i / Restored;
            var conversation = await RetentionData.ScalarAsync<Guid>(log.Admin,
                $"SELECT conversation_id FROM bsp.archive_parts OFFSET {place} LIMIT 1", ct);
            var clock = Stopwatch.StartNew();
            var back = await restores.RestoreAsync(log.Organization, conversation, 1, ct);
            times.Add(clock.Elapsed.TotalMilliseconds);
            if (back.Messages != RetentionData.MessagesOfOne)
            {
                throw new Obstacle($"{back.Messages} messages came back of {RetentionData.MessagesOfOne}.");
            }
        }

        report.Add(new($"bringing back a conversation of {RetentionData.MessagesOfOne} messages, median", Median(times), "ms"));
    }

    private static async Task FollowAsync(ConversationsProjection view, OwnLog log, LogReaders readers, CancellationToken ct)
    {
        try
        {
            while (true)
            {
                var after = await view.CheckpointAsync(log.Shard, ct);
                var page = await readers.Of(log.Shard).ReadAsync(after, view.EventTypes, 100, ct);
                if (page.UpTo == after)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(50), ct);
                    continue;
                }

                await view.ApplyAsync(new(log.Shard, page.After, page.UpTo, page.Events), ct);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // all of it is gone
        }
    }

    private static double Median(IEnumerable<double> values) =>
        values.Order().ToList() is { Count: > 0 } sorted ? sorted[sorted.Count / 2] : 0;
}
