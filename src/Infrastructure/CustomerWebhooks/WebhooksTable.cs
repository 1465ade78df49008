using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary><c>webhooks</c> and their cursors: making, changing and looking at endpoints.</summary>
internal sealed class WebhooksTable(Shards shards, LogReaders readers, ISecrets secrets, AuditLog audit, DeliverySignal signal,
    TimeProvider clock) : IRequestHandler<CreateWebhook, Done>, IRequestHandler<PatchWebhook, Done>,
    IRequestHandler<DeleteWebhook, Done>, IRequestHandler<GetWebhook, WebhookView>, IRequestHandler<ListWebhooks, Page<WebhookView>>
{
    private const string Select = """
        SELECT w.id, w.name, w.url, w.events::text, w.status, w.status_exact, w.disabled_reason, w.disabled_at, w.retry_count, w.last_triggered, w.payload, w.api_version, w.account_ids, w.campaign_ids, w.headers,
               w.rate_per_second, w.concurrency, w.previous_secret_until, w.created_at, w.updated_at, w.row_version,
               c.delivered, c.failed, c.latency_ms, c.last_success_at, c.last_failure_at, c.last_error, c.held_keys, c.due_at, c.owner IS NOT NULL, c.epoch, c.sequence, c.woken,
               CASE WHEN c.held_keys = 0 THEN 0 ELSE (SELECT count(*) FROM bsp.webhook_held_events h WHERE h.webhook_id = w.id) END,
               c.first_failed_at
          FROM webhooks w JOIN bsp.webhook_cursors c ON c.webhook_id = w.id
        """;

    public async Task<Done> Handle(CreateWebhook command, CancellationToken cancellationToken)
    {
        var shard = await shards.OfAsync(command.OrganizationId, cancellationToken);
        var s = command.Settings;
        var from = await readers.Of(shard).EndAsync(cancellationToken);
        await using var tx = await shard.BeginAsync(command.OrganizationId, cancellationToken);
        // one after the other, so that the bound holds
        await tx.QueryAsync("SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE", r =>
            0, cancellationToken, command.OrganizationId);
        if ((await tx.QueryAsync("SELECT count(*) FROM webhooks WHERE organization_id = $1", r =>
            r.GetInt64(0), cancellationToken, command.OrganizationId))[0] >= EndpointsMax)
        {
            throw new Refusal("webhook.too_many", $"An organization has at most {EndpointsMax} webhooks: remove one.");
        }

        await RequireOwnAsync(tx, s.AccountIds, s.CampaignIds, cancellationToken);
        await tx.ExecuteAsync("""
            INSERT INTO webhooks (id, organization_id, name, url, secret, events, payload, api_version, account_ids, campaign_ids, headers, rate_per_second, concurrency, created_by_user, created_by_key)
            VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11, $12, $13, $14, $15)
            """, cancellationToken, command.Id, command.OrganizationId, s.Name.Trim(), s.Url, secrets.Seal(command.Secret), JsonSerializer.Serialize(s.Events.Distinct()), s.Payload, s.ApiVersion,
            s.AccountIds.Distinct().ToArray(), s.CampaignIds.Distinct().ToArray(), Sealed(s.Headers),
            Nullable(NpgsqlDbType.Integer, s.RatePerSecond), s.Concurrency,
            Nullable(NpgsqlDbType.Uuid, command.Creator.UserId), Nullable(NpgsqlDbType.Uuid, command.Creator.KeyId));
        await tx.ExecuteAsync(
            "INSERT INTO bsp.webhook_cursors (webhook_id, organization_id, epoch, sequence, types, catalogue, due_at) VALUES ($1, $2, $3, $4, $5, $6, $7)", cancellationToken,
            command.Id, command.OrganizationId, shard.Epoch, from, PublicEvents.StoredOf(s.Events).ToArray(), PublicEvents.Fingerprint,
            clock.GetUtcNow());
        await audit.NoteAsync(tx, shard, command.OrganizationId, "webhook.created", "webhook", command.Id, null, cancellationToken);
        await tx.CommitAsync(cancellationToken);
        return new(command.Id, 1);
    }

    public async Task<Done> Handle(PatchWebhook command, CancellationToken cancellationToken)
    {
        var shard = await shards.OfAsync(command.OrganizationId, cancellationToken);
        var p = command.Patch;
        await using var tx = await shard.BeginAsync(command.OrganizationId, cancellationToken);
        await RequireOwnAsync(tx, p.AccountIds.Value ?? [], p.CampaignIds.Value ?? [], cancellationToken);
        Optional<string> name = p.Name.IsSet ? p.Name.Value.Trim() : default(Optional<string>);
        var patch = new RowPatch("webhooks", command.Id).Set("name", name).Set("url", p.Url).Set("payload", p.Payload)
            .Set("api_version", p.ApiVersion).Set("concurrency", p.Concurrency);
        Set(patch, "events", p.Events, events => JsonSerializer.Serialize(events.Distinct()), "::jsonb");
        Set(patch, "account_ids", p.AccountIds, ids => (ids ?? []).Distinct().ToArray());
        Set(patch, "campaign_ids", p.CampaignIds, ids => (ids ?? []).Distinct().ToArray());
        Set(patch, "headers", p.Headers, headers => Sealed(headers ?? new Dictionary<string, string>()));
        Set(patch, "rate_per_second", p.RatePerSecond, rate => Nullable(NpgsqlDbType.Integer, rate));
        if (p.Status is { IsSet: true, Value: var status })
        {
            patch.Set("status", status).Set("status_exact", status == "active" ? "active" : "paused")
                .Set("disabled_reason", Nullable(NpgsqlDbType.Text, null)).Set("disabled_at", Nullable(NpgsqlDbType.TimestampTz, null));
        }

        if (p.Status is { IsSet: true, Value: "active" })
        {
            SetCreator(patch, command.Creator);
        }

        var done = await patch.RunAsync(tx, command.SeenVersion, "webhook.unknown", cancellationToken);
        if (patch.Changed.Count > 0)
        {
            await RestartAsync(tx, shard, command.Id, clock.GetUtcNow(), p.Status is { IsSet: true, Value: "active" }, cancellationToken);
            string[] named =
                [.. patch.Changed.Where(c =>
                    c is not ("status_exact" or "disabled_reason" or "disabled_at" or "created_by_user" or "created_by_key"))];
            await audit.NoteAsync(tx, shard, command.OrganizationId, "webhook.changed", "webhook", command.Id, named, cancellationToken);
        }

        await tx.CommitAsync(cancellationToken);
        signal.Raise();
        return done;
    }

    public async Task<Done> Handle(DeleteWebhook command, CancellationToken cancellationToken)
    {
        var shard = await shards.OfAsync(command.OrganizationId, cancellationToken);
        return await Deadlock.RepeatedAsync(async () =>
        {
            await using var tx = await shard.BeginAsync(command.OrganizationId, cancellationToken);
            var done = await new RowPatch("webhooks", command.Id).RunAsync(tx, command.SeenVersion, "webhook.unknown", cancellationToken);
            await tx.ExecuteAsync("DELETE FROM webhooks WHERE id = $1", cancellationToken, command.Id);
            await audit.NoteAsync(tx, shard, command.OrganizationId, "webhook.deleted", "webhook", command.Id, null, cancellationToken);
            await tx.CommitAsync(cancellationToken);
            return done;
        });
    }

    public async Task<WebhookView> Handle(GetWebhook request, CancellationToken cancellationToken)
    {
        var shard = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var found = await shard.QueryAsync(request.OrganizationId, $"{Select} WHERE w.organization_id = $1 AND w.id = $2", Row,
            cancellationToken, request.OrganizationId, request.Id);
        return found.Count == 0 ? throw Unknown()
            : (await WithWaitingAsync(shard, request.OrganizationId, found, WaitingMax, cancellationToken))[0];
    }

    public async Task<Page<WebhookView>> Handle(ListWebhooks request, CancellationToken cancellationToken)
    {
        var shard = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var found = await shard.QueryAsync(request.OrganizationId,
            $"{Select} WHERE w.organization_id = $1 AND w.id > $2 ORDER BY w.id LIMIT $3", Row,
            cancellationToken, request.OrganizationId, Keyset.After(request.Cursor), request.Limit + 1);
        return Keyset.Of(await WithWaitingAsync(shard, request.OrganizationId, found, null, cancellationToken), request.Limit, w => w.Id);
    }

    // What is switched off is not woken, so the log itself is asked whether anything waits. In a list whether, of one how much.
    private static async Task<List<WebhookView>> WithWaitingAsync(Shard shard, Guid organizationId,
        List<(WebhookView View, long Sequence)> found, int? most, CancellationToken ct)
    {
        var asked = found.Where(f => most is not null || f.View.Status != "active").ToList();
        var waiting = asked.Count == 0 ? [] : (await shard.QueryAsync(organizationId, """
            SELECT u.id, x.waiting, x.more FROM unnest($2::uuid[], $3::bigint[], $4::text[]) AS u (id, after, types)
             CROSS JOIN LATERAL bsp.webhook_waiting($1, u.after, string_to_array(u.types, ','), $5) x
            """, r => (Id: r.GetGuid(0), Count: r.GetInt32(1), More: r.GetBoolean(2)), ct, organizationId,
            asked.Select(f => f.View.Id).ToArray(), asked.Select(f => f.Sequence).ToArray(),
            asked.Select(f => string.Join(',', PublicEvents.StoredOf(f.View.Events))).ToArray(), most ?? 1)).ToDictionary(w => w.Id);
        return found.ConvertAll(f => waiting.TryGetValue(f.View.Id, out var own) ? f.View with { Metrics = f.View.Metrics with
        {
            UpToDate = f.View.Status == "active" ? f.View.Metrics.UpToDate : own is { Count: 0, More: false },
            Waiting = most is null ? null : own.Count,
            WaitingMore = most is null ? null : own.More,
        } } : f.View);
    }

    // Counted for one endpoint.
    private const int WaitingMax = 1_000;

    /// <summary>Endpoints of one organization.</summary>
    public const int EndpointsMax = 50;

    public static Refusal Unknown() => new("webhook.unknown", "There is no such webhook.");

    /// <summary>Whoever enables an endpoint stands behind it.</summary>
    public static RowPatch SetCreator(RowPatch patch, WebhookCreator creator) =>
        patch.Set("created_by_user", Nullable(NpgsqlDbType.Uuid, creator.UserId))
        .Set("created_by_key", Nullable(NpgsqlDbType.Uuid, creator.KeyId));

    /// <summary>
    /// Takes the cursor from whoever has it: the endpoint is begun afresh, as it is now, at once; or, when it is switched off, not at all.
    /// </summary>
    /// <param name="afresh">What failed so far is forgotten, and what is held is tried at once.</param>
    public static async Task RestartAsync(TenantTransaction tx, Shard shard, Guid id, DateTimeOffset now, bool afresh, CancellationToken ct)
    {
        var events =
            (await tx.QueryAsync("SELECT events::text, status FROM webhooks WHERE id = $1", r =>
                (Events: r.GetString(0), Status: r.GetString(1)), ct, id))[0];
        var active = events.Status == "active";
        await tx.ExecuteAsync($"""
            UPDATE bsp.webhook_cursors SET owner = NULL, term = term + 1, types = $2, catalogue = $3, due_at = $4{(afresh ? ", blocked = false, failures = 0, first_failed_at = NULL, last_error = NULL" : "")} WHERE webhook_id = $1
            """, ct, id, active ? PublicEvents.StoredOf(JsonSerializer.Deserialize<List<string>>(events.Events)!).ToArray() : Array.Empty<string>(), PublicEvents.Fingerprint,
            active ? now : Nullable(NpgsqlDbType.TimestampTz, null));
        if (afresh)
        {
            await tx.ExecuteAsync(
                "UPDATE bsp.webhook_held_keys SET attempts = 0, first_failed_at = $2, next_at = $2 WHERE webhook_id = $1", ct, id, now);
            await tx.ExecuteAsync("UPDATE webhooks SET retry_count = 0 WHERE id = $1", ct, id);
        }
    }

    public static NpgsqlParameter Nullable(NpgsqlDbType type, object? value) =>
        new() { NpgsqlDbType = type, Value = value ?? DBNull.Value };

    private static void Set<T>(RowPatch patch, string column, Optional<T> value, Func<T, object?> stored, string cast = "")
    {
        if (value.IsSet)
        {
            patch.Set(column, stored(value.Value), cast);
        }
    }

    private NpgsqlParameter Sealed(IReadOnlyDictionary<string, string> headers) =>
        Nullable(NpgsqlDbType.Text, headers.Count == 0 ? null : secrets.Seal(JsonSerializer.Serialize(headers)));

    private static async Task RequireOwnAsync(TenantTransaction tx, IReadOnlyList<Guid> accounts, IReadOnlyList<Guid> campaigns,
        CancellationToken ct)
    {
        foreach (var (table, code, ids) in new[] { ("whatsapp_accounts", "account", accounts), ("campaigns", "campaign", campaigns) })
        {
            var asked = ids.Distinct().ToArray();
            if (asked.Length > 0
                && (await tx.QueryAsync($"SELECT id FROM {table} WHERE id = ANY ($1)", r => r.GetGuid(0), ct, asked)).Count < asked.Length)
            {
                throw new Refusal($"{code}.unknown", $"One of {code}_ids is none of this organization's.");
            }
        }
    }

    private (WebhookView View, long Sequence) Row(NpgsqlDataReader r)
    {
        var (delivered, sequence) = (r.GetInt64(21), r.GetInt64(31));
        var metrics =
            new WebhookMetrics(delivered, r.GetInt64(22), delivered == 0 ? null
                : r.GetInt64(23) / delivered, r.TimeOrNull(24), r.TimeOrNull(25), r.TextOrNull(26), r.GetInt32(27),
            r.GetBoolean(29) ? null : r.TimeOrNull(28), new Position(r.GetInt32(30), sequence).ToToken(), r.GetInt64(32) <= sequence,
                (int)r.GetInt64(33), r.TimeOrNull(34));
        return (new(r.GetGuid(0), r.GetString(1), r.GetString(2), JsonSerializer.Deserialize<List<string>>(r.GetString(3))!, r.GetString(4),
            r.GetString(5), r.TextOrNull(6), r.TimeOrNull(7), r.GetInt32(8), r.TimeOrNull(9),
            r.GetString(10), r.GetString(11), r.GetFieldValue<Guid[]>(12), r.GetFieldValue<Guid[]>(13), HeaderNames(r.TextOrNull(14)),
            r.IsDBNull(15) ? null : r.GetInt32(15), r.GetInt32(16), r.TimeOrNull(17),
            r.GetFieldValue<DateTimeOffset>(18), r.GetFieldValue<DateTimeOffset>(19), metrics, r.GetInt64(20)), sequence);
    }

    private string[] HeaderNames(string? sealedHeaders)
    {
        try
        {
            return sealedHeaders is null ? []
                : [.. JsonSerializer.Deserialize<Dictionary<string, string>>(secrets.Open(sealedHeaders))!.Keys.Order(
                    StringComparer.OrdinalIgnoreCase)];
        }
        catch (InvalidOperationException)
        {
            return []; // sealed under a master key that this process does not have: the endpoint's own trouble, not the list's
        }
    }
}
