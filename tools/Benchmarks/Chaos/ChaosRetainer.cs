using System.Globalization;
using Bsp.Application.Common;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Objects;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Retention;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.Benchmarks.Chaos;

/// <summary>
/// A process that carries out retention and the documents' view, to be killed. Its clock is ahead by what it is told, so that the lease of
/// the one that was killed before it is over at once.
/// </summary>
internal static class ChaosRetainer
{
    public const string Verb = "chaos-retainer";
    public const string DirectoryVariable = "BSP_CHAOS_OBJECTS";
    public static readonly byte[] MasterKey = new byte[32];
    private const int Slice = 400;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <param name="minutesAhead">Of its clock.</param>
    public static async Task<int> RunAsync(string minutesAhead)
    {
        var clock = new Ahead(TimeSpan.FromMinutes(int.Parse(minutesAhead, CultureInfo.InvariantCulture)));
        await using var access = LogAccess.To(Of(ChaosWriter.ConnectionVariable));
        using var personal = new PersonalData(access.Shards, Keys());
        var documents = new PostgresDocumentStore();
        var book = new ArchiveBook(new DirectoryObjects(Of(DirectoryVariable)), personal, access.Store, clock);
        using var worker = new RetentionWorker(access.Shards,
            [new MessagesStep(access.Shards, new PostgresOldDocuments(), documents, book, clock) { SliceMessages = Slice }], new(), clock,
            NullLogger<RetentionWorker>.Instance);
        await using var readers = new LogReaders(new());
        var view = new ConversationsProjection(documents, personal);
        await Task.WhenAll(
            EverAsync(async () =>
            {
                await worker.HurryAsync(CancellationToken.None);
                await worker.WorkAsync(CancellationToken.None);
            }),
            EverAsync(async () =>
            {
                var after = await view.CheckpointAsync(access.Shard, CancellationToken.None);
                var page = await readers.Of(access.Shard).ReadAsync(after, view.EventTypes, 50, CancellationToken.None);
                if (page.UpTo > after)
                {
                    await view.ApplyAsync(new(access.Shard, page.After, page.UpTo, page.Events), CancellationToken.None);
                }
            }));
        return 0;
    }

    public static MasterKeys Keys() => new(new BspOptions
    {
        DirectoryApp = "Host=unused", Shards = [], PlatformKeySha256 = new byte[32], MasterKey = MasterKey, Meta = null!,
    });

    private static string Of(string variable) =>
        Environment.GetEnvironmentVariable(variable) ?? throw new InvalidOperationException($"{variable} is not set.");

    private static Task EverAsync(Func<Task> round) => Task.Run(async () =>
    {
        while (true)
        {
            try
            {
                await round();
            }
            catch (Exception trouble)
            {
                Console.WriteLine($"fault {trouble.GetType().Name}: {trouble.Message.ReplaceLineEndings(" ")}");
            }

            await Task.Delay(Pause);
        }
    });

    private sealed class Ahead(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + by;
    }
}
