using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>The log of attempts, and attempts that a person asks for.</summary>
internal sealed class DeliveriesTable(Shards shards, WebhookClaims claims, SessionParts parts, IPersonalData personal)
    : IRequestHandler<ListDeliveries, Page<DeliveryView>>, IRequestHandler<Redeliver, DeliveryView>,
    IRequestHandler<TestWebhook, DeliveryView>
{
    // Looked through for one page: bounds the time of a search that finds little.
    private const int LookedThroughMax = 5_000;
    private const string Columns =
        "id, webhook_id, event_id, event_type, attempt, cause, outcome, status, latency_ms, answer, answer_sealed, next_at, at, epoch, sequence";

    public async Task<Page<DeliveryView>> Handle(ListDeliveries request, CancellationToken cancellationToken)
    {
        var shard = await shards.OfAsync(request.OrganizationId, cancellationToken);
        if ((await shard.QueryAsync(request.OrganizationId, "SELECT 1 FROM webhooks WHERE organization_id = $1 AND id = $2", r =>
            0, cancellationToken, request.OrganizationId, request.WebhookId)).Count == 0)
        {
            throw WebhooksTable.Unknown();
        }

        var f = request.Filter;
        var before = request.Cursor is null ? Upper(f.Until) : Guid.Parse(request.Cursor);
        var rows = await shard.QueryAsync(request.OrganizationId, $"""
            SELECT {Columns}, (($4::bool IS NULL OR (outcome = 'delivered') = $4) AND ($5::text IS NULL OR outcome = $5) AND ($6::text IS NULL OR event_type = $6) AND ($7::uuid IS NULL OR event_id = $7))
              FROM (SELECT d.* FROM bsp.webhook_deliveries d WHERE d.webhook_id = $1 AND d.id < $2 AND d.id >= $8 ORDER BY d.id DESC LIMIT $3) d ORDER BY id DESC
            """, r => (Row: Row(r), Meant: r.GetBoolean(15)), cancellationToken, request.WebhookId, before, IsSearch(f) ? LookedThroughMax : request.Limit + 1,
            WebhooksTable.Nullable(NpgsqlDbType.Boolean, f.Succeeded), WebhooksTable.Nullable(NpgsqlDbType.Text, f.Outcome),
            WebhooksTable.Nullable(NpgsqlDbType.Text, f.EventType),
            WebhooksTable.Nullable(NpgsqlDbType.Uuid, PublicEvent.TryId(f.EventId)), Lower(f.Since));
        var found = rows.Where(r => r.Meant).Select(r => r.Row).Take(request.Limit + 1).ToList();
        var views = await OpenedAsync(request.OrganizationId, [.. found.Take(request.Limit)], cancellationToken);
        var looked = rows.Count == LookedThroughMax ? rows[^1].Row.Id : (Guid?)null;
        return new(views, found.Count > request.Limit ? views[^1].Id.ToString() : looked?.ToString());
    }

    public async Task<DeliveryView> Handle(Redeliver request, CancellationToken cancellationToken)
    {
        var shard = await shards.OfAsync(request.OrganizationId, cancellationToken);

        // By the endpoints of the organization (at most 50): the log of attempts is kept by endpoint.
        var found = await shard.FirstAsync(request.OrganizationId, $"""
            SELECT d.* FROM (SELECT w.id FROM webhooks w WHERE w.organization_id = $1) w
             CROSS JOIN LATERAL (SELECT {Columns} FROM bsp.webhook_deliveries d WHERE d.webhook_id = w.id AND d.id = $2 OFFSET 0) d
            """, Row, cancellationToken, request.OrganizationId, request.DeliveryId) ?? throw new Refusal("delivery.unknown", "There is no such delivery: deliveries are kept for 30 days.");
        var endpoint = await claims.FindAsync(shard, request.OrganizationId, found.WebhookId, cancellationToken)
            ?? throw new Refusal("delivery.unknown", "There is no such delivery.");
        if (found.Sequence == 0)
        {
            return await SendAsync(shard, endpoint, TestEvent(endpoint), "test", cancellationToken);
        }

        var slice = await parts.Log.ReadAsync(request.OrganizationId, LogFilter.All, new Position(found.Epoch, found.Sequence - 1), 1,
            cancellationToken);
        var told = slice.Events is [var stored] && stored.Sequence == found.Sequence
            ? await parts.Events.OfAsync(request.OrganizationId, [stored], cancellationToken) : [];
        return told is [var one] ? await SendAsync(shard, endpoint, one, "redelivery", cancellationToken)
            : throw new Refusal("delivery.gone", "Its event is told no more.");
    }

    public async Task<DeliveryView> Handle(TestWebhook request, CancellationToken cancellationToken)
    {
        var shard = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var endpoint = await claims.FindAsync(shard, request.OrganizationId, request.WebhookId, cancellationToken)
            ?? throw WebhooksTable.Unknown();
        return await SendAsync(shard, endpoint, TestEvent(endpoint), "test", cancellationToken);
    }

    private PublicEvent TestEvent(Endpoint endpoint)
    {
        var now = parts.Clock.GetUtcNow();
        var stored =
            new StoredEvent(0, Uuid.New(now), endpoint.OrganizationId, endpoint.Id, 0, PublicEvents.Test.Name, null, now,
                EventMetadata.None);
        return new(stored, PublicEvents.Test.Name, endpoint.Id, null, null, null,
            new WebhookTestData(endpoint.Id, now, "This is a test. Nothing happened."));
    }

    private async Task<DeliveryView> SendAsync(Shard shard, Endpoint endpoint, PublicEvent told, string cause, CancellationToken ct)
    {
        if (!parts.TryEnter(endpoint.OrganizationId))
        {
            throw new Refusal("webhook.busy",
                $"{SessionParts.AskedAtOnceMax} deliveries that somebody asked for are under way already: wait for one of them.");
        }

        try
        {
            var (_, row) = await parts.DeliverAsync(endpoint, told, shard.Epoch, 1, cause, ct);
            await using var tx = await shard.BeginAsync(endpoint.OrganizationId, ct);
            await using var batch = new NpgsqlBatch(tx.Connection);
            DeliveryBook.AddAttempts(batch, [row]);
            await batch.ExecuteNonQueryAsync(ct);
            await tx.CommitAsync(ct);
            return (await OpenedAsync(endpoint.OrganizationId, [row], ct))[0];
        }
        finally
        {
            parts.Leave(endpoint.OrganizationId);
        }
    }

    private async Task<List<DeliveryView>> OpenedAsync(Guid organizationId, IReadOnlyList<DeliveryRow> rows, CancellationToken ct)
    {
        var sealedOnes = rows.Where(r => r.Sealed && r.Answer is not null)
            .Select(r => JsonSerializer.Deserialize<Sealed>(r.Answer!, EventTypes.Json)!).ToList();
        var opened = new Queue<string?>(sealedOnes.Count == 0 ? [] : await personal.OpenAsync(organizationId, sealedOnes, ct));
        return [.. rows.Select(r =>
            new DeliveryView(r.Id, r.WebhookId, PublicEvent.IdOf(r.EventId), r.EventType, r.Attempt, r.Cause, r.Outcome, r.Status,
                r.LatencyMs,
            r.Sealed && r.Answer is not null ? opened.Dequeue() : r.Answer, r.NextAt, r.At))];
    }

    private static DeliveryRow Row(NpgsqlDataReader r) =>
        new(r.GetGuid(1), r.GetGuid(0), default, r.GetGuid(2), r.GetString(3), r.GetInt32(13), r.GetInt64(14), r.GetInt32(4),
            r.GetString(5), r.GetString(6),
        r.IsDBNull(7) ? null
        : r.GetInt32(7), r.GetInt32(8), r.TextOrNull(9), r.GetBoolean(10), r.TimeOrNull(11), r.GetFieldValue<DateTimeOffset>(12));

    private static bool IsSearch(DeliveryFilter f) =>
        f.Succeeded is not null || f.Outcome is not null || f.EventType is not null || f.EventId is not null;

    private static Guid Upper(DateTimeOffset? at) => at is { } time ? Of(time) : new Guid(Enumerable.Repeat((byte)0xff, 16).ToArray());

    private static Guid Lower(DateTimeOffset? at) => at is { } time ? Of(time) : Guid.Empty;

    // The least id of a moment.
    private static Guid Of(DateTimeOffset at)
    {
        Span<byte> id = stackalloc byte[16];
        id.Clear();
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(id, Math.Max(0, at.ToUnixTimeMilliseconds()) << 16);
        return new(id, bigEndian: true);
    }
}
