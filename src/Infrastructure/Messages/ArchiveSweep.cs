using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// Puts message streams away when they have ended and nothing was heard of them for a while
/// (<see cref="EventStoreSettings.ArchiveAfterDays"/>; 0: never). It walks the log once, at that
/// distance behind its end: a stream's last event is met when it is old enough, whatever came before. Decision: docs/decisions/0077.
/// </summary>
public sealed partial class ArchiveSweep(Shards shards, LogReaders readers, PostgresEventStore store, EventStoreSettings settings,
    TimeProvider clock, ILogger<ArchiveSweep> log) : ShardSweep(shards, clock, TimeSpan.FromMinutes(2))
{
    private const int PageEvents = 2_000;

    // What is left after so many pages waits for the next round, so that a backlog does not load the database for hours.
    private const int PagesMax = 500;
    private const int LockKey = 0x4172_6368; // "Arch": one sweep a shard at a time, whatever the number of processes
    private static readonly IReadOnlyCollection<string> Types = EventTypes.NamesOf<MessageEvent>();

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        settings.ArchiveAfterDays > 0 ? base.ExecuteAsync(stoppingToken) : Task.CompletedTask;

    /// <summary>One round over one shard; how many streams it archived. 0 also when another process is at it.</summary>
    public override async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        var before = Clock.GetUtcNow().AddDays(-settings.ArchiveAfterDays);
        await using var connection = await shard.App.OpenConnectionAsync(ct);
        await using var held = await connection.BeginTransactionAsync(ct);
        if (!await ScalarAsync<bool>(connection, "SELECT pg_try_advisory_xact_lock($1)", ct, (long)LockKey))
        {
            return 0;
        }

        var at = await ScalarAsync<long>(connection, "SELECT coalesce((SELECT sequence FROM bsp.archive_progress), 0)", ct);
        var (gone, more) = (0, true);
        for (var page = 0; page < PagesMax && more; page++)
        {
            (at, more, var put) = await PageAsync(shard, at, before, ct);
            gone += put;
        }

        await ScalarAsync<long>(connection,
            "INSERT INTO bsp.archive_progress (sequence) VALUES ($1) ON CONFLICT (one) DO UPDATE SET sequence = $1, moved_at = now() RETURNING sequence", ct, at);
        await held.CommitAsync(ct);
        if (gone > 0)
        {
            LogGone(gone, shard.Name);
        }

        return gone;
    }

    // Killed between archiving and noting how far: it looks at the page again and finds nothing to do.
    private async Task<(long At, bool More, int Gone)> PageAsync(Shard shard, long at, DateTimeOffset before, CancellationToken ct)
    {
        var page = await readers.Of(shard).ReadAsync(at, Types, PageEvents, ct);
        var old = page.Events.TakeWhile(stored => stored.Timestamp < before).ToList();
        var gone = 0;
        foreach (var own in old.Where(stored => stored.OrganizationId != Guid.Empty).GroupBy(stored => stored.OrganizationId))
        {
            var streams = await store.LoadManyAsync(own.Key, [.. own.Select(stored => stored.StreamId).Distinct()], ct);
            var ended = streams.Where(s => s.Version > 0 && s.Unreadable is null && s.Events[^1].Timestamp < before
                && s.Fold<Message, MessageEvent>().HasEnded).Select(s => (s.StreamId, s.Version)).ToList();
            gone += ended.Count == 0 ? 0 : await store.ArchiveAsync(own.Key, ended, ct);
        }

        return old.Count < page.Events.Count ? (old.Count == 0 ? at : old[^1].Sequence, false, gone)
            : (page.UpTo, page.UpTo > page.After, gone);
    }

    private static async Task<T> ScalarAsync<T>(NpgsqlConnection connection, string sql, CancellationToken ct, params object[] arguments)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        return (T)(await command.ExecuteScalarAsync(ct))!;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "archive: {Count} ended message streams of shard {Shard} were archived")]
    private partial void LogGone(int count, string shard);

    [LoggerMessage(Level = LogLevel.Warning, Message = "archive: shard {Shard} could not be swept; trying again in an hour")]
    protected override partial void LogFailed(Exception e, string shard);
}
