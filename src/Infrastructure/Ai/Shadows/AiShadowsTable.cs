using System.Globalization;
using Bsp.Application.Ai;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Plans;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Domain.Plans;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Ai.Shadows;

/// <summary><c>bsp.ai_shadows</c> and their items: asked for, shown, cancelled.</summary>
public sealed class AiShadowsTable(Shards shards, AiSettingsTable settings, IEntitlements entitlements, ISecrets secrets,
    IPersonalData personal, IEventStore store, AiShadowSignal signal, TimeProvider clock)
    : IRequestHandler<CreateAiShadow, Done>, IRequestHandler<CancelAiShadow, Done>, IRequestHandler<GetAiShadow, AiShadowView>,
    IRequestHandler<ListAiShadows, Page<AiShadowView>>, IRequestHandler<ListAiShadowItems, Page<AiShadowItem>>
{
    private const int KeptMax = 100; // of an organization

    // What a machine did; what people did is nothing that a shadow could have done the same.
    private const string ByMachine = "i.actual IN ('reply', 'handover', 'silent')";

    private const string Select = $"""
        SELECT s.id, s.day, s.status, s.settings::text, s.bursts_max, s.bursts, s.truncated, s.error, s.created_at, s.completed_at,
          x.done, x.same, x.different, x.distance, x.input, x.output, x.cost, x.latency,
          ARRAY(SELECT concat_ws(' ', i.actual, i.action, count(*)) FROM bsp.ai_shadow_items i
                 WHERE i.shadow_id = s.id AND i.action IS NOT NULL GROUP BY i.actual, i.action ORDER BY 1), s.organization_id
          FROM bsp.ai_shadows s CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE i.done_at IS NOT NULL)::int AS done,
                   count(*) FILTER (WHERE {ByMachine} AND i.action = i.actual)::int AS same,
                   count(*) FILTER (WHERE {ByMachine} AND i.action <> i.actual)::int AS different, avg(i.distance)::float8 AS distance,
                   coalesce(sum(i.input_tokens), 0)::bigint AS input, coalesce(sum(i.output_tokens), 0)::bigint AS output,
                   coalesce(sum(i.cost), 0) AS cost, avg(i.latency_ms)::int AS latency
              FROM bsp.ai_shadow_items i WHERE i.shadow_id = s.id) x
        """;

    public async Task<Done> Handle(CreateAiShadow command, CancellationToken ct)
    {
        await entitlements.RequireAsync(command.OrganizationId, PlanFeatures.Ai, ct);
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        var before = (await settings.LoadAsync(shard, command.OrganizationId, ct))?.Settings ?? new AiSettings();
        var after = Shadowed(before, command);
        AiSettingsRules.Require(analysis: true, autoReply: true, after);
        var id = CurrentRequest.NewId();
        await using var tx = await shard.BeginAsync(command.OrganizationId, ct);
        await tx.ExecuteAsync("SELECT pg_advisory_xact_lock($1, hashtext($2))", ct, 0x4169_5368, $"{command.OrganizationId}"); // "AiSh"
        var known = await tx.QueryAsync("SELECT status IN ('planning', 'running') FROM bsp.ai_shadows WHERE organization_id = $1",
            r => r.GetBoolean(0), ct, command.OrganizationId);
        if (known.Contains(true))
        {
            throw new Refusal("ai_shadow.open", "Another replay is under way: wait for it, or cancel it.");
        }

        if (known.Count >= KeptMax)
        {
            await tx.ExecuteAsync("""
                DELETE FROM bsp.ai_shadows
                 WHERE id = (SELECT id FROM bsp.ai_shadows WHERE organization_id = $1 ORDER BY id LIMIT 1)
                """, ct, command.OrganizationId);
        }

        await tx.ExecuteAsync("""
            INSERT INTO bsp.ai_shadows (id, organization_id, day, status, settings, api_key, bursts_max, created_at)
            VALUES ($1, $2, $3, 'planning', $4::jsonb, $5, $6, $7)
            """, ct, id, command.OrganizationId, command.Day, after.Write(),
            Text(after.ApiKey is { } key ? secrets.Seal(key.Value) : null), command.BurstsMax, clock.GetUtcNow().UtcDateTime);
        await tx.CommitAsync(ct);
        signal.Raise();
        return new(id, 1);
    }

    public async Task<Done> Handle(CancelAiShadow command, CancellationToken ct)
    {
        await using var tx = await (await shards.OfAsync(command.OrganizationId, ct)).BeginAsync(command.OrganizationId, ct);
        if ((await tx.QueryAsync("SELECT 1 FROM bsp.ai_shadows WHERE id = $1 FOR UPDATE", _ => 1, ct, command.ShadowId)).Count == 0)
        {
            throw Unknown();
        }

        await tx.ExecuteAsync("""
            UPDATE bsp.ai_shadows SET status = 'cancelled', api_key = NULL, completed_at = $2
             WHERE id = $1 AND status IN ('planning', 'running')
            """, ct, command.ShadowId, clock.GetUtcNow().UtcDateTime);
        await tx.CommitAsync(ct);
        return new(command.ShadowId, 1);
    }

    public async Task<AiShadowView> Handle(GetAiShadow query, CancellationToken ct) =>
        await (await shards.OfAsync(query.OrganizationId, ct)).FirstAsync(query.OrganizationId,
            $"{Select} WHERE s.id = $1 AND (s.organization_id = $2) IS TRUE", Row, ct, query.ShadowId, query.OrganizationId)
        ?? throw Unknown();

    public async Task<Page<AiShadowView>> Handle(ListAiShadows query, CancellationToken ct) => Keyset.Of(
        await (await shards.OfAsync(query.OrganizationId, ct)).QueryAsync(query.OrganizationId,
            $"{Select} WHERE s.organization_id = $1 AND s.id > $2 ORDER BY s.id LIMIT $3", Row, ct, query.OrganizationId,
            Keyset.After(query.Cursor), query.Limit + 1), query.Limit, s => s.Id);

    public async Task<Page<AiShadowItem>> Handle(ListAiShadowItems query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        if ((await shard.QueryAsync(query.OrganizationId, "SELECT 1 FROM bsp.ai_shadows WHERE id = $1", _ => 1, ct, query.ShadowId)).Count
            == 0)
        {
            throw Unknown();
        }

        var after = query.Cursor is null ? 0
            : int.TryParse(query.Cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal) ? ordinal
            : throw new Refusal("cursor.invalid", "This cursor is not one of ours. Start again without it.");
        var rows = await shard.QueryAsync(query.OrganizationId, $"""
            SELECT ordinal, conversation_id, at, messages, actual, actual_reason, actual_message, action, reason, intent, distance, cost,
                   latency_ms, key_id, data FROM bsp.ai_shadow_items i
             WHERE shadow_id = $1 AND ordinal > $2 AND (NOT $3 OR ({ByMachine} AND action <> actual)) ORDER BY ordinal LIMIT $4
            """, r => (Item: Item(r), Content: r.IsDBNull(13) ? null : new Sealed(r.GetGuid(13), r.GetString(14))), ct, query.ShadowId,
            after, query.Different, query.Limit + 1);
        var page = rows.Take(query.Limit).ToList();
        var texts = await personal.OpenAsync(query.OrganizationId, [.. page.Select(p => p.Content).OfType<Sealed>()], ct);
        var opened = page.Select(p => p.Content).OfType<Sealed>().Zip(texts).ToDictionary(p => p.First.Data, p => p.Second);
        var actual = await ActualAsync(query.OrganizationId, [.. page.Select(p => p.Item.ActualMessageId).OfType<Guid>().Distinct()], ct);
        return new([.. page.Select(p => p.Item with
        {
            ShadowReply = p.Content is { } content ? opened.GetValueOrDefault(content.Data) : null,
            ActualReply = p.Item.ActualMessageId is { } message ? actual.GetValueOrDefault(message) : null,
        })], rows.Count > query.Limit ? page[^1].Item.Ordinal.ToString(CultureInfo.InvariantCulture) : null);
    }

    /// <summary>Texts of answers that were given, as the log has them.</summary>
    internal async Task<Dictionary<Guid, string?>> ActualAsync(Guid organizationId, IReadOnlyList<Guid> messages, CancellationToken ct)
    {
        var streams = messages.Count == 0 ? [] : await store.LoadManyAsync(organizationId, messages, ct, archivedToo: true);
        var queued = streams.Where(s => s.Events is [{ Body: MessageQueued }, ..]).ToList();
        var contents = await personal.OpenAsync(organizationId, [.. queued.Select(s => ((MessageQueued)s.Events[0].Body!).Content)], ct);
        return queued.Zip(contents).ToDictionary(p => p.First.StreamId, p =>
            AiReading.TextOf(MessageDocumentFold.Fold(null, p.First.Events[0], 1, p.Second)));
    }

    private static Refusal Unknown() => new("ai_shadow.unknown", "There is no such replay.");

    private static AiSettings Shadowed(AiSettings before, CreateAiShadow command)
    {
        var provider = command.Provider ?? before.Provider;
        var endpoint = command.Endpoint ?? (provider == before.Provider ? before.Endpoint : null);
        var own = provider == before.Provider && endpoint == before.Endpoint;
        return before with
        {
            Provider = provider, Endpoint = endpoint, Model = command.Model ?? (provider == before.Provider ? before.Model : null),
            Prompt = command.Prompt ?? before.Prompt, Facts = command.Facts ?? before.Facts,
            ApiKey = command.ApiKey is { } key ? new(key) : own ? before.ApiKey : null,
        };
    }

    private static AiShadowView Row(NpgsqlDataReader r)
    {
        var of = AiSettings.Read(r.GetString(3));
        return new(r.GetGuid(0), r.GetFieldValue<DateOnly>(1), r.GetString(2), of.Provider, of.Model, of.Prompt, r.GetInt32(4),
            r.GetInt32(5), r.GetInt32(10), r.GetBoolean(6), r.GetInt32(11), r.GetInt32(12),
            [.. r.GetFieldValue<string[]>(18).Select(c => c.Split(' ')).Select(c => new ShadowCount(c[0], c[1],
                int.Parse(c[2], CultureInfo.InvariantCulture)))], r.IsDBNull(13) ? null : r.GetDouble(13), r.GetInt64(14), r.GetInt64(15),
            r.GetDecimal(16), of.Currency, r.IsDBNull(17) ? null : r.GetInt32(17), r.TextOrNull(7), r.GetFieldValue<DateTimeOffset>(8),
            r.TimeOrNull(9), r.GetGuid(19));
    }

    private static AiShadowItem Item(NpgsqlDataReader r) => new(r.GetInt32(0), r.GetGuid(1), r.GetFieldValue<DateTimeOffset>(2),
        r.GetFieldValue<Guid[]>(3), r.GetString(4), r.TextOrNull(5), r.GuidOrNull(6), null, r.TextOrNull(7), r.TextOrNull(8),
        r.TextOrNull(9), null, r.IsDBNull(10) ? null : Math.Round(r.GetFloat(10), 4), r.IsDBNull(11) ? null : r.GetDecimal(11),
        r.IsDBNull(12) ? null : r.GetInt32(12));

    private static NpgsqlParameter Text(string? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };
}

/// <summary>There is a day to be replayed.</summary>
public sealed class AiShadowSignal : WorkSignal;
