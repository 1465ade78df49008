using Bsp.Application.Common;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.Privacy;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using NpgsqlTypes;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>Rotating, enabling and rewinding endpoints.</summary>
internal sealed class WebhookActs(Shards shards, ISecrets secrets, AuditLog audit, DeliverySignal signal, TimeProvider clock)
    : IRequestHandler<RotateWebhookSecret, Done>, IRequestHandler<EnableWebhook, Done>,
    IRequestHandler<RecoverWebhook, Done>
{
    // Numbers follow time as closely as writers do: a transaction may be open for a while between the two.
    private static readonly TimeSpan Overlap = TimeSpan.FromMinutes(1);

    public Task<Done> Handle(RotateWebhookSecret request, CancellationToken cancellationToken) =>
        ActAsync(request, "webhook.secret_rotated", async (tx, shard) =>
    {
        var now = clock.GetUtcNow();
        var before =
            await tx.QueryAsync("SELECT secret FROM webhooks WHERE id = $1 FOR UPDATE", r => r.GetString(0), cancellationToken, request.Id);
        var keeps = request.OverlapHours > 0 && before.Count > 0;
        var done = await new RowPatch("webhooks", request.Id).Set("secret", secrets.Seal(request.Secret))
            .Set("previous_secret", WebhooksTable.Nullable(NpgsqlDbType.Text, keeps ? before[0] : null))
            .Set("previous_secret_until",
                WebhooksTable.Nullable(NpgsqlDbType.TimestampTz, keeps ? now.AddHours(request.OverlapHours) : null))
                .RunAsync(tx, null, "webhook.unknown", cancellationToken);
        await WebhooksTable.RestartAsync(tx, shard, request.Id, now, afresh: false, cancellationToken);
        return done;
    }, cancellationToken);

    public Task<Done> Handle(EnableWebhook request, CancellationToken cancellationToken) =>
        ActAsync(request, "webhook.enabled", async (tx, shard) =>
    {
        var patch = new RowPatch("webhooks", request.Id).Set("status", "active").Set("status_exact", "active")
            .Set("disabled_reason", WebhooksTable.Nullable(NpgsqlDbType.Text, null))
            .Set("disabled_at", WebhooksTable.Nullable(NpgsqlDbType.TimestampTz, null));
        var done = await WebhooksTable.SetCreator(patch, request.Creator).RunAsync(tx, null, "webhook.unknown", cancellationToken);
        await WebhooksTable.RestartAsync(tx, shard, request.Id, clock.GetUtcNow(), afresh: true, cancellationToken);
        return done;
    }, cancellationToken);

    public Task<Done> Handle(RecoverWebhook request, CancellationToken cancellationToken) =>
        ActAsync(request, "webhook.recovered", async (tx, shard) =>
    {
        var done = await new RowPatch("webhooks", request.Id).RunAsync(tx, null, "webhook.unknown", cancellationToken);
        var sequence =
            (await tx.QueryAsync("SELECT bsp.log_sequence_at($1)", r => r.GetInt64(0), cancellationToken, request.Since - Overlap))[0];
        await WebhooksTable.RestartAsync(tx, shard, request.Id, clock.GetUtcNow(), afresh: true, cancellationToken);
        await tx.ExecuteAsync("UPDATE bsp.webhook_cursors SET sequence = least(sequence, $2), held_keys = 0 WHERE webhook_id = $1",
            cancellationToken, request.Id, sequence);

        // What is held lies behind the new cursor, or is read again in its place.
        await tx.ExecuteAsync("DELETE FROM bsp.webhook_held_events WHERE webhook_id = $1 AND sequence > $2", cancellationToken, request.Id,
            sequence);
        await tx.ExecuteAsync("""
            DELETE FROM bsp.webhook_held_keys k WHERE k.webhook_id = $1 AND NOT EXISTS (SELECT 1 FROM bsp.webhook_held_events e WHERE e.webhook_id = k.webhook_id AND e.key = k.key OFFSET 0)
            """, cancellationToken, request.Id);
        await tx.ExecuteAsync(
            "UPDATE bsp.webhook_cursors SET held_keys = (SELECT count(*) FROM bsp.webhook_held_keys k WHERE k.webhook_id = $1) WHERE webhook_id = $1", cancellationToken, request.Id);
        return done;
    }, cancellationToken);

    private async Task<Done> ActAsync(ICommandOn command, string act, Func<TenantTransaction, Shard, Task<Done>> work, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        var done = await Deadlock.RepeatedAsync(async () =>
        {
            await using var tx = await shard.BeginAsync(command.OrganizationId, ct);
            var result = await work(tx, shard);
            await audit.NoteAsync(tx, shard, command.OrganizationId, act, "webhook", command.Id, null, ct);
            await tx.CommitAsync(ct);
            return result;
        });
        signal.Raise();
        return done;
    }
}
