using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Projections;

/// <summary>
/// The projections of one shard in this process. Each is run by the one process that holds its advisory lock; the locks live on one
/// dedicated connection, so a process
/// that dies, or loses that connection, loses them all and others take over within about a second.
/// </summary>
/// <remarks>
/// Idle, it makes one round trip a second on that connection: orders, and how far the log is final, in case a NOTIFY was lost or a
/// transaction that held readers back was rolled back.
/// </remarks>
internal sealed partial class ShardRunner(IReadOnlyList<IProjection> projections, Shard shard, LogReader reader, LogSignal signal,
    Func<IProjection, ProjectionProgress> progress, TimeProvider clock, ILogger log)
{
    private const int LockClass = 0x5072_6F6A; // "Proj"
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AgainWithin = TimeSpan.FromSeconds(10);

    private readonly LogTail tail =
        new(reader, projections.Any(p => p.EventTypes is null) ? null : projections.SelectMany(p => p.EventTypes!).ToHashSet(),
            signal, clock);
    private TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long end = -1;
    [Application.Common.Bounded("one a projection")]
    private readonly Dictionary<string, long> ended = []; // when a run of it last ended here
    [Application.Common.Bounded("one a projection")]
    private readonly Dictionary<string, (IProjection Projection, int Key)> byName =
        projections.ToDictionary(p => p.Name, p => (p, KeyOf(p.Name)));

    /// <summary>Final end of the log at the last look; 0: not looked yet.</summary>
    public long End => Math.Max(0, Interlocked.Read(ref end));

    public Shard Shard => shard;

    public Task RunAsync(CancellationToken ct) => Task.WhenAll(AgainAsync(LeadAsync, ct), AgainAsync(ListenAsync, ct));

    // One life of the lock connection: takes what is free, runs it, and lets everything go when the connection is lost.
    private async Task LeadAsync(CancellationToken ct)
    {
        await using var connection = await OpenAsync("bsp projections", ct);
        using var lease = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var runs = new Dictionary<string, (HeldProjection Run, Task Task)>();
        try
        {
            while (true)
            {
                foreach (var name in await TakeAsync(connection, [.. byName.Keys.Where(name => !runs.ContainsKey(name))], ct))
                {
                    var (projection, _) = byName[name];
                    var run = new HeldProjection(projection, shard, tail, reader, signal, progress(projection), clock, log);
                    runs[name] = (run, Task.Run(() => run.RunAsync(lease.Token), lease.Token));
                    LogTaken(name, shard.Name);
                }

                var orders = Volatile.Read(ref asked).Task;
                foreach (var (name, request) in await LookAsync(connection, ct))
                {
                    if (runs.TryGetValue(name, out var held))
                    {
                        held.Run.Ask(request);
                    }
                }

                await DropEndedAsync(connection, runs, ct);
                Loop.Worked(shard.Name);
                if (await Task.WhenAny(orders, Task.Delay(LookEvery, clock, ct)) == orders)
                {
                    Interlocked.Exchange(ref asked, new(TaskCreationOptions.RunContinuationsAsynchronously));
                }

                ct.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            await lease.CancelAsync();
            await Task.WhenAll(runs.Values.Select(held => held.Task))
                .ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    // A run that ended by itself (another runner moved its view, or a defect) gives its lock back and is begun afresh.
    private async Task DropEndedAsync(NpgsqlConnection connection, Dictionary<string, (HeldProjection Run, Task Task)> runs,
        CancellationToken ct)
    {
        foreach (var (name, held) in runs.Where(pair => pair.Value.Task.IsCompleted).ToList())
        {
            var why = held.Task.Exception?.InnerException;
            LogEnded(name, shard.Name, why);
            await ShowEndedAsync(byName[name].Projection, why, ct);
            await using var unlock = new NpgsqlCommand("SELECT pg_advisory_unlock($1, $2)", connection);
            unlock.Parameters.Add(new() { Value = LockClass });
            unlock.Parameters.Add(new() { Value = byName[name].Key });
            await unlock.ExecuteNonQueryAsync(ct);
            runs.Remove(name);
        }
    }

    // A run that ends is trouble until one has worked again. That another runner has moved the view happens at a takeover; time and again,
    // it is trouble too.
    private async Task ShowEndedAsync(IProjection projection, Exception? why, CancellationToken ct)
    {
        var last = ended.GetValueOrDefault(projection.Name);
        ended[projection.Name] = clock.GetTimestamp();
        if (why is null or CheckpointMoved && (last == 0 || clock.GetElapsedTime(last) > AgainWithin))
        {
            return;
        }

        var text = $"It ended and is begun afresh: {why?.Message ?? "without an error"}";
        progress(projection).Ended = text;
        try
        {
            await new ProjectionBoard(shard).ReportAsync(projection.Name, ProjectionState.Waiting, text, 0, 0, null, ct);
        }
        catch (Exception failed) when (StoreTrouble.Is(failed) && !ct.IsCancellationRequested)
        {
            LogLost(shard.Name, failed); // the metrics and this process's health say it all the same
        }
    }

    private async Task ListenAsync(CancellationToken ct)
    {
        await using var connection = await OpenAsync("bsp listen", ct);
        connection.Notification += (_, heard) =>
        {
            if (heard.Channel == ProjectionBoard.Channel)
            {
                Volatile.Read(ref asked).TrySetResult();
            }
            else if (heard.Channel == LogSignal.NewsChannel)
            {
                signal.Heard(heard.Payload);
            }
            else if (!signal.IsOwn(heard.Payload))
            {
                signal.Wake();
            }
        };
        const string Channels = $"LISTEN {LogSignal.Channel}; LISTEN {LogSignal.NewsChannel}; LISTEN {ProjectionBoard.Channel}";
        await using (var listen = new NpgsqlCommand(Channels, connection))
        {
            await listen.ExecuteNonQueryAsync(ct);
        }

        while (true)
        {
            await connection.WaitAsync(ct);
        }
    }

    private async Task AgainAsync(Func<CancellationToken, Task> life, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await life(ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                // Whatever it was, the other shards and the requests go on; it is tried again and shows in the log until it works.
                LogLost(shard.Name, error);
                Loop.Failed(error, shard.Name);
                await Task.WhenAny(Task.Delay(LookEvery, clock, ct));
            }
        }
    }

    private async Task<NpgsqlConnection> OpenAsync(string application, CancellationToken ct)
    {
        var text = new NpgsqlConnectionStringBuilder(shard.ConnectionString)
        {
            Pooling = false,
            ApplicationName = application,
            KeepAlive = 10,         // seconds; a connection that is gone without a word is noticed
            CommandTimeout = 10,
        };
        var connection = new NpgsqlConnection(text.ConnectionString);
        try
        {
            await connection.OpenAsync(ct);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private async Task<List<string>> TakeAsync(NpgsqlConnection connection, string[] free, CancellationToken ct)
    {
        var taken = new List<string>();
        if (free.Length == 0)
        {
            return taken;
        }

        await using var command =
            new NpgsqlCommand("SELECT q.name FROM unnest($1, $2) AS q (name, key) WHERE pg_try_advisory_lock($3, q.key)", connection);
        command.Parameters.Add(new() { Value = free });
        command.Parameters.Add(new() { Value = free.Select(name => byName[name].Key).ToArray() });
        command.Parameters.Add(new() { Value = LockClass });
        await using var found = await command.ExecuteReaderAsync(ct);
        while (await found.ReadAsync(ct))
        {
            taken.Add(found.GetString(0));
        }

        return taken;
    }

    // Orders, and whether more of the log is final than at the last look: both in one round trip, which also tells at once that the
    // connection, and with it the locks, are gone.
    private async Task<List<(string Name, ProjectionRequest Request)>> LookAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var requests = new List<(string, ProjectionRequest)>();
        await using (var look =
            new NpgsqlBatch(connection) { BatchCommands =
                { new("SELECT name, request FROM bsp.projections WHERE request IS NOT NULL"), new("SELECT bsp.fence()") } })
        await using (var found = await look.ExecuteReaderAsync(ct))
        {
            while (await found.ReadAsync(ct))
            {
                requests.Add((found.GetString(0), Enum.Parse<ProjectionRequest>(found.GetString(1), ignoreCase: true)));
            }

            await found.NextResultAsync(ct);
            await found.ReadAsync(ct);
            Moved(found.GetInt64(0));
        }

        if (reader.WatchesGaps)
        {
            Moved(await reader.EndAsync(ct));
        }

        return requests;
    }

    private void Moved(long final)
    {
        if (Interlocked.Exchange(ref end, final) != final)
        {
            signal.Wake();
        }
    }

    // FNV-1a: the same in every process and build.
    private static int KeyOf(string name)
    {
        var hash = 2166136261u;
        foreach (var letter in name)
        {
            hash = (hash ^ letter) * 16777619u;
        }

        return unchecked((int)hash);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "projection {Projection} on {Shard} runs here")]
    private partial void LogTaken(string projection, string shard);

    [LoggerMessage(Level = LogLevel.Error, Message = "projection {Projection} on {Shard} ended and is begun afresh")]
    private partial void LogEnded(string projection, string shard, Exception? error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "shard {Shard}: the projections' connection was lost")]
    private partial void LogLost(string shard, Exception error);
}
