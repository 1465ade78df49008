using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Objects;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Retention;
using Bsp.Infrastructure.Sealing;
using Bsp.LocalStores;
using Bsp.LocalStores.Common;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>What a run came to.</summary>
/// <param name="Written">Events that were appended meanwhile.</param>
/// <param name="Faults">Every promise that was broken; empty: none.</param>
internal sealed record ChaosRetentionResult(int Seed, long Messages, long Archives, long Written, int Deaths, TimeSpan Rest,
    IReadOnlyList<string> Faults)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"""
        seed {Seed}: {Messages} messages in {Archives} archives, {Written} events written meanwhile, {Deaths} deaths; done after
        {Rest.TotalSeconds:0} s more; {(Faults.Count == 0 ? "no fault"
            : $"{Faults.Count} FAULTS (./bench chaos-retention --seed {Seed} runs it again): {string.Join("; ", Faults.Take(10))}")}
        """);
}

/// <summary>
/// A process that archives and deletes is killed (-9) again and again while others write. Afterwards each message is in exactly one
/// archive, every archive is as it was kept, nothing is left of those that were not finished, and the sealed days of the log hold.
/// </summary>
internal static class ChaosRetention
{
    private const int Messages = 12_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);

    /// <param name="seed">Decides when it is killed.</param>
    public static async Task<ChaosRetentionResult> RunAsync(Stores stores, int seed, int messages, TimeSpan duration, CancellationToken ct)
    {
        var admin = new NpgsqlConnectionStringBuilder(await stores.CreateDatabaseAsync($"retention_{Uuid.New():N}", ct))
        {
            PersistSecurityInfo = true, Pooling = false,
        }.ConnectionString;
        var organization = Uuid.New();
        await LogAccess.PrepareAsync(admin, [organization], ct);
        await RetentionData.FillAsync(admin, organization, Uuid.New(), 0, messages, ct);
        await RetentionData.EndAsync(admin, messages, ViewNames.Conversations, ct);
        var directory = Directory.CreateTempSubdirectory("bsp-chaos-archives-");
        try
        {
            await using var run = new Run(admin, organization, directory.FullName, seed, messages);
            return await run.GoAsync(duration, ct);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <summary>With as many messages as the verb takes.</summary>
    public static Task<ChaosRetentionResult> RunAsync(Stores stores, int seed, TimeSpan duration, CancellationToken ct) =>
        RunAsync(stores, seed, Messages, duration, ct);

    private sealed class Run : IAsyncDisposable
    {
        private readonly string admin;
        private readonly string directory;
        private readonly Guid organization;
        private readonly int seed;
        private readonly long messages;
        private readonly Random random;
        private readonly LogAccess access;
        private readonly LogReaders readers = new(new());
        private readonly LogSigner signer = new(ChaosRetainer.Keys());
        private readonly PersonalData personal;
        private readonly ConcurrentBag<string> faults = [];
        private (Process Process, Task Listening)? retainer;
        private int deaths;

        public Run(string admin, Guid organization, string directory, int seed, long messages)
        {
            (this.admin, this.organization, this.directory, this.seed, this.messages) = (admin, organization, directory, seed, messages);
            random = new(seed);
            access = LogAccess.To(admin);
            personal = new(access.Shards, ChaosRetainer.Keys());
        }

        public async Task<ChaosRetentionResult> GoAsync(TimeSpan duration, CancellationToken ct)
        {
            var sealer = new LogSealer(access.Shards, readers, signer, TimeProvider.System, NullLogger<LogSealer>.Instance);
            await sealer.SweepAsync(access.Shard, ct);
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var writing = WriteAsync(enough.Token);
            for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < duration || deaths == 0;)
            {
                retainer ??= Start();
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(700, 2_500)), ct);
                await KillAsync();
            }

            var resting = Stopwatch.GetTimestamp();
            retainer = Start();
            if (!await Until.TrueAsync(async token =>
                await NumberAsync("SELECT count(*) FROM documents.messages", token) == 0, Patience, ct))
            {
                faults.Add($"in {Patience.TotalSeconds:0} s it did not end");
            }

            var rest = Stopwatch.GetElapsedTime(resting);
            await KillAsync();
            await enough.CancelAsync();
            var written = await writing;
            await JudgeAsync(ct);
            var archives = await NumberAsync("SELECT count(*) FROM bsp.archives WHERE state = 'kept'", ct);
            return new(seed, messages, archives, written, deaths, rest, [.. faults.Distinct()]);
        }

        public async ValueTask DisposeAsync()
        {
            await KillAsync();
            signer.Dispose();
            personal.Dispose();
            await readers.DisposeAsync();
            await access.DisposeAsync();
        }

        private async Task JudgeAsync(CancellationToken ct)
        {
            var book = new ArchiveBook(new DirectoryObjects(directory), personal, access.Store, TimeProvider.System);
            var check = new ArchiveCheck(access.Shards, new DirectoryObjects(directory), book, access.Store);
            var seen = new HashSet<string>();
            await foreach (var archive in check.ListAsync(organization, ct))
            {
                if ((await check.CheckAsync(archive, ct)).Fault is { } fault)
                {
                    faults.Add($"archive {archive.Id}: {fault}");
                    continue;
                }

                await book.ReadAsync(organization, archive.ObjectKey, (_, document) =>
                {
                    using var json = System.Text.Json.JsonDocument.Parse(document.Json);
                    if (document.Kind == 'M' && !seen.Add(json.RootElement.GetProperty("uuid").GetString()!))
                    {
                        faults.Add($"a message is in two archives: {json.RootElement.GetProperty("uuid")}");
                    }
                }, ct);
            }

            Expect("messages in archives", messages, seen.Count);
            Expect("contents taken out", messages, await NumberAsync("SELECT count(*) FROM bsp.retired_contents", ct));
            Expect("conversations that are left", 0, await NumberAsync("SELECT count(*) FROM documents.conversations", ct));
            Expect("objects that are nobody's and older than a minute's lease", 0, (await StrayAsync(check, ct)).Count);
            var report = await new LogAudit(access.Shards, readers, signer, TimeProvider.System, null, _ => { }).RunAsync(ct);
            foreach (var finding in report.Findings)
            {
                faults.Add($"the log's audit: {finding}");
            }
        }

        // What the last one that was killed had begun is removed by the next round.
        private async Task<IReadOnlyList<string>> StrayAsync(ArchiveCheck check, CancellationToken ct)
        {
            var writing = new HashSet<string>();
            await using var connection = new NpgsqlConnection(admin);
            await connection.OpenAsync(ct);
            await using var command = new NpgsqlCommand("SELECT object_key FROM bsp.archives WHERE state = 'writing'", connection);
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                writing.Add(reader.GetString(0));
            }

            return [.. (await check.StrayAsync(organization, ct))
                .Where(key => !writing.Any(own => key.StartsWith(own, StringComparison.Ordinal)))];
        }

        private void Expect(string what, long expected, long found)
        {
            if (expected != found)
            {
                faults.Add($"{what}: {found} instead of {expected}");
            }
        }

        private async Task<long> WriteAsync(CancellationToken ct)
        {
            for (var written = 0L; ; written++)
            {
                try
                {
                    await access.Store.AppendAsync(organization, [LogAccess.Append(Uuid.New(), 0, $"w{written}", 1)], ct);
                    await Task.Delay(TimeSpan.FromMilliseconds(2), ct);
                }
                catch (OperationCanceledException) when (ct.IsCancellationRequested)
                {
                    return written;
                }
            }
        }

        private (Process, Task) Start()
        {
            // its clock is ahead of the one before: that one's lease is over
            var start = new ProcessStartInfo("dotnet", [typeof(ChaosRetention).Assembly.Location, ChaosRetainer.Verb,
                (2 * deaths).ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true };
            start.Environment[ChaosWriter.ConnectionVariable] = admin;
            start.Environment[ChaosRetainer.DirectoryVariable] = directory;
            var process = Process.Start(start)!;
            return (process, Task.Run(async () =>
            {
                while (await process.StandardOutput.ReadLineAsync() is { } line)
                {
                    if (line.StartsWith("fault ", StringComparison.Ordinal))
                    {
                        faults.Add(line);
                    }
                }
            }));
        }

        private async Task KillAsync()
        {
            if (retainer is not var (process, listening))
            {
                return;
            }

            process.Kill();
            await process.WaitForExitAsync();
            await listening;
            process.Dispose();
            retainer = null;
            deaths++;
        }

        private Task<long> NumberAsync(string sql, CancellationToken ct) => RetentionData.ScalarAsync<long>(admin, sql, ct);
    }
}
