using System.Globalization;
using Bsp.Application.Ai;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Ai.Embedded;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Search;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Ai.Shadows;

/// <summary>
/// Replays days, burst by burst. Each result is a row, so a killed process's replay goes on where it was. It has no way to send: what it
/// asks is <see cref="IReplyToCustomers"/>, which cannot, and what it writes are its own rows. Decision: docs/decisions/0303.
/// </summary>
public sealed partial class AiShadowWorker(Shards shards, IEventLog log, IEventStore store, IPersonalData personal, ISecrets secrets,
    IReplyToCustomers replies, EmbeddedReader embedded, AiShadowsTable table, IMediator mediator, AiShadowSignal signal,
    TimeProvider clock, ILogger<AiShadowWorker> logger) : BackgroundService
{
    private const int PageEvents = 1_000;
    private const int EventsMax = 200_000; // of one day
    private const int LineUnitsMax = 1_000;
    private const int ErrorMax = 300;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    private sealed record Job(Guid Id, DateOnly Day, bool Planned, AiSettings Settings, int BurstsMax);

    private sealed record Item(int Ordinal, Guid ContactId, Guid[] Messages, Guid[] History, Guid? ActualMessage);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Bulk);
        while (!stoppingToken.IsCancellationRequested)
        {
            var worked = false;
            foreach (var shard in shards.All)
            {
                try
                {
                    worked |= await WorkAsync(shard, stoppingToken);
                    Loop.Worked(shard.Name);
                }
                catch (Exception e) when (StoreTrouble.Is(e) && !stoppingToken.IsCancellationRequested)
                {
                    LogRound(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
            }

            if (!worked)
            {
                await signal.WaitAsync(LookEvery, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>One replay of a shard, to its end. False: there is none.</summary>
    public async Task<bool> WorkAsync(Shard shard, CancellationToken ct)
    {
        if (await TakeAsync(shard, ct) is not var (organization, id) || id == Guid.Empty)
        {
            return false;
        }

        using var _ = new CurrentRequest { CorrelationId = $"ai-shadow/{id}", Caller = "ai-shadow" }.Enter();
        try
        {
            if (await FindAsync(shard, organization, id, ct) is { } job)
            {
                await RunAsync(shard, organization, job, ct);
            }
        }
        catch (Exception e) when (!ct.IsCancellationRequested && !StoreTrouble.Is(e))
        {
            LogFailed(e, id);
            await EndAsync(shard, organization, id, "failed", Text.Cut(e.Message, ErrorMax), ct);
        }

        return true;
    }

    private async Task RunAsync(Shard shard, Guid organizationId, Job job, CancellationToken ct)
    {
        if (!job.Planned)
        {
            await PlanAsync(shard, organizationId, job, ct);
        }

        var canned = job.Settings.AsksModel ? [] : await AiReading.CannedAsync(mediator, organizationId, ct);
        while (await NextAsync(shard, organizationId, job.Id, ct) is { } item)
        {
            await ReplayAsync(shard, organizationId, job, item, canned, ct);
            if (!await HoldAsync(shard, organizationId, job.Id, ct))
            {
                return; // cancelled
            }
        }

        await EndAsync(shard, organizationId, job.Id, "completed", null, ct);
    }

    private async Task PlanAsync(Shard shard, Guid organizationId, Job job, CancellationToken ct)
    {
        var (from, until) = (job.Day.ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc),
            job.Day.AddDays(1).ToDateTime(TimeOnly.MinValue, DateTimeKind.Utc));
        await using var look = shard.App.CreateCommand("SELECT bsp.log_sequence_at($1)");
        look.Parameters.Add(new() { Value = from.AddMinutes(-5) });
        var after = new Position(shard.Epoch, (long)(await look.ExecuteScalarAsync(ct))!);
        var (plan, read, more) = (new AiShadowPlan(job.Settings), 0, true);
        while (more && read < EventsMax && !plan.IsFull(job.BurstsMax * 2))
        {
            var slice = await log.ReadAsync(organizationId, new(Types: AiShadowPlan.Types), after, PageEvents, ct);
            foreach (var stored in slice.Events.Where(e => e.Timestamp >= from && e.Timestamp < until))
            {
                plan.Take(stored);
            }

            more = slice.More && !slice.Events.Any(e => e.Timestamp >= until.AddMinutes(5));
            (after, read) = (slice.UpTo, read + slice.Events.Count);
        }

        var bursts = plan.End(job.BurstsMax);
        await using var tx = await shard.BeginAsync(organizationId, ct);
        await tx.ExecuteAsync("DELETE FROM bsp.ai_shadow_items WHERE shadow_id = $1", ct, job.Id);
        foreach (var (burst, i) in bursts.Select((b, i) => (b, i)))
        {
            await tx.ExecuteAsync("""
                INSERT INTO bsp.ai_shadow_items (shadow_id, ordinal, organization_id, conversation_id, contact_id, at,
                  messages, history, actual, actual_reason, actual_message)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                """, ct, job.Id, i + 1, organizationId, burst.ConversationId, burst.ContactId, burst.At.UtcDateTime, burst.Messages,
                burst.History, burst.Actual, Nullable(NpgsqlDbType.Text, burst.Reason), Nullable(NpgsqlDbType.Uuid, burst.ActualMessage));
        }

        await tx.ExecuteAsync(
            "UPDATE bsp.ai_shadows SET status = 'running', bursts = $2, truncated = $3 WHERE id = $1 AND status = 'planning'", ct, job.Id,
            bursts.Count, more || bursts.Count == job.BurstsMax);
        await tx.CommitAsync(ct);
    }

    private async Task ReplayAsync(Shard shard, Guid organizationId, Job job, Item item, IReadOnlyList<CannedText> canned,
        CancellationToken ct)
    {
        var lines = await LinesAsync(organizationId, [.. item.History, .. item.Messages], ct);
        var burst = item.Messages.Where(lines.ContainsKey).Select(id => lines[id]).ToList();
        ReplyDecision? decision = null;
        if (burst.Count > 0)
        {
            var readings = burst.ConvertAll(l => embedded.Read(new(l.Line.Text, null)));
            var (intent, confidence) = readings.Find(r =>
                r.Intent is not (Intents.Other or Intents.Greeting or Intents.Thanks)) is { } wanted
                ? (wanted.Intent, wanted.Confidence) : (readings[^1].Intent, readings[^1].Confidence);
            var question = new Question([.. item.History.Where(lines.ContainsKey).Select(id => lines[id].Line)],
                burst.ConvertAll(l => l.Line), null, readings[^1].Language, intent, confidence, canned);
            decision = AiAnswering.WithoutModel(job.Settings, readings.ConvertAll(r => r.Intent), readings[^1].Sentiment == "negative",
                question) is { } reason ? ReplyDecision.Handover(reason, intent, confidence)
                : await replies.DecideAsync(organizationId, job.Settings, question, ct);
        }

        await KeepAsync(shard, organizationId, job.Id, item, decision, ct);
    }

    private async Task KeepAsync(Shard shard, Guid organizationId, Guid id, Item item, ReplyDecision? decision, CancellationToken ct)
    {
        var actual = item.ActualMessage is { } message && decision?.Text is not null
            ? (await table.ActualAsync(organizationId, [message], ct)).GetValueOrDefault(message) : null;
        var text = decision?.Text is { } said
            ? (await personal.SealAsync(organizationId, [(item.ContactId, said)], ct))[0] : null;
        await shard.QueryAsync(organizationId, """
            UPDATE bsp.ai_shadow_items SET action = $3, reason = $4, intent = $5, distance = $6, input_tokens = $7,
              output_tokens = $8, cost = $9,
              latency_ms = $10, key_id = $11, data = $12, done_at = $13 WHERE shadow_id = $1 AND ordinal = $2 AND done_at IS NULL
            """, _ => 0, ct, id, item.Ordinal, Nullable(NpgsqlDbType.Text, decision?.Action.ToString().ToLowerInvariant()),
            Nullable(NpgsqlDbType.Text, decision?.Reason), Nullable(NpgsqlDbType.Text, decision?.Intent),
            Nullable(NpgsqlDbType.Real, actual is null ? null : (float)Distance(actual, decision!.Text!)),
            Nullable(NpgsqlDbType.Integer, decision?.Use?.InputTokens), Nullable(NpgsqlDbType.Integer, decision?.Use?.OutputTokens),
            Nullable(NpgsqlDbType.Numeric, decision?.Use?.Cost), Nullable(NpgsqlDbType.Integer, decision?.Use?.LatencyMs),
            Nullable(NpgsqlDbType.Uuid, text?.KeyId), Nullable(NpgsqlDbType.Text, text?.Data), clock.GetUtcNow().UtcDateTime);
    }

    /// <summary>1 less the share of words that both have: 0 the same words, 1 none in common.</summary>
    internal static double Distance(string left, string right)
    {
        var (a, b) = (FoldedText.Words(left).Select(w => w.Text).ToHashSet(), FoldedText.Words(right).Select(w => w.Text).ToHashSet());
        var all = a.Union(b).Count();
        return all == 0 ? 0 : 1 - ((double)a.Intersect(b).Count() / all);
    }

    private async Task<Dictionary<Guid, (Guid Id, Line Line)>> LinesAsync(Guid organizationId, IReadOnlyList<Guid> messages,
        CancellationToken ct)
    {
        var streams = (await store.LoadManyAsync(organizationId, [.. messages.Distinct()], ct, archivedToo: true))
            .Where(s => s.Events is [{ Body: MessageReceived or MessageQueued }, ..]).ToList();
        var contents = await personal.OpenAsync(organizationId, [.. streams.Select(s => s.Events[0].Body is MessageReceived r ? r.Content
            : ((MessageQueued)s.Events[0].Body!).Content)], ct);
        return streams.Zip(contents)
            .Select(p => (p.First, Text: AiReading.TextOf(MessageDocumentFold.Fold(null, p.First.Events[0], 1, p.Second))))
            .Where(p => p.Text is not null).ToDictionary(p => p.First.StreamId, p => (p.First.StreamId,
                new Line(p.First.Events[0].Body is MessageReceived, Text.Cut(p.Text!, LineUnitsMax), p.First.Events[0].Timestamp)));
    }

    private async Task<(Guid Organization, Guid Id)?> TakeAsync(Shard shard, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT organization_id, id FROM bsp.take_ai_shadow($1, $2)");
        command.Parameters.Add(new() { Value = clock.GetUtcNow().UtcDateTime });
        command.Parameters.Add(new() { Value = (clock.GetUtcNow() + Lease).UtcDateTime });
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? (reader.GetGuid(0), reader.GetGuid(1)) : null;
    }

    private async Task<Job?> FindAsync(Shard shard, Guid organizationId, Guid id, CancellationToken ct) =>
        await shard.FirstAsync(organizationId, "SELECT day, status, settings::text, api_key, bursts_max FROM bsp.ai_shadows WHERE id = $1",
            r => new Job(id, r.GetFieldValue<DateOnly>(0), r.GetString(1) != "planning",
                AiSettings.Read(r.GetString(2)) with { ApiKey = r.IsDBNull(3) ? null : new(secrets.Open(r.GetString(3))) }, r.GetInt32(4)),
            ct, id);

    private static Task<Item?> NextAsync(Shard shard, Guid organizationId, Guid id, CancellationToken ct) =>
        shard.FirstAsync(organizationId, """
        SELECT ordinal, contact_id, messages, history, actual_message FROM bsp.ai_shadow_items
         WHERE shadow_id = $1 AND done_at IS NULL ORDER BY ordinal LIMIT 1
        """, r => new Item(r.GetInt32(0), r.GetGuid(1), r.GetFieldValue<Guid[]>(2), r.GetFieldValue<Guid[]>(3), r.GuidOrNull(4)), ct, id);

    // False: it is over, because somebody cancelled it.
    private async Task<bool> HoldAsync(Shard shard, Guid organizationId, Guid id, CancellationToken ct) =>
        (await shard.QueryAsync(organizationId,
            "UPDATE bsp.ai_shadows SET leased_until = $2 WHERE id = $1 AND status IN ('planning', 'running') RETURNING 1",
            r => r.GetInt32(0), ct, id, (clock.GetUtcNow() + Lease).UtcDateTime)).Count > 0;

    private Task EndAsync(Shard shard, Guid organizationId, Guid id, string status, string? error, CancellationToken ct) =>
        shard.QueryAsync(organizationId, """
            UPDATE bsp.ai_shadows SET status = $2, error = $3, api_key = NULL, leased_until = NULL, completed_at = $4,
              done = (SELECT count(*) FROM bsp.ai_shadow_items WHERE shadow_id = $1 AND done_at IS NOT NULL)
             WHERE id = $1 AND status IN ('planning', 'running')
            """, _ => 0, ct, id, status, Nullable(NpgsqlDbType.Text, error), clock.GetUtcNow().UtcDateTime);

    private static NpgsqlParameter Nullable(NpgsqlDbType type, object? value) =>
        new() { NpgsqlDbType = type, Value = value ?? DBNull.Value };

    [LoggerMessage(Level = LogLevel.Warning, Message = "ai: replays of shard {Shard} could not be looked at; trying again")]
    private partial void LogRound(Exception e, string shard);

    [LoggerMessage(Level = LogLevel.Error, Message = "ai: the replay {ShadowId} failed")]
    private partial void LogFailed(Exception e, Guid shadowId);
}
