using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>
/// Switches an endpoint off, with an event that the organization's other endpoints are told of (<c>webhook.disabled</c>) and that its audit
/// trail shows. The cursor stays where it is.
/// </summary>
internal sealed partial class WebhookSwitch(AuditLog audit, TimeProvider clock, ILogger<WebhookSwitch> log)
{
    /// <param name="term">Of the owner that says so: one whose term is over switches nothing off.</param>
    /// <param name="reason">The word of what went wrong.</param>
    public async Task DisableAsync(Shard shard, Guid organizationId, Guid webhookId, long term, string reason, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(organizationId, ct);
        if (await tx.ExecuteAsync("""
            UPDATE bsp.webhook_cursors SET owner = NULL, term = term + 1, due_at = NULL, blocked = false, types = '{}', last_error = $3 WHERE webhook_id = $1 AND term = $2 AND owner IS NOT NULL
            """, ct, webhookId, term, reason) == 0)
        {
            return;
        }

        await tx.ExecuteAsync("""
            UPDATE webhooks SET status = 'inactive', status_exact = 'disabled', disabled_reason = $2, disabled_at = $3, updated_at = $3, row_version = row_version + 1 WHERE id = $1
            """, ct, webhookId, reason, clock.GetUtcNow());
        await audit.NoteAsync(tx, shard, organizationId, "webhook.disabled", "webhook", webhookId, [reason], ct, actor: "platform");
        await tx.CommitAsync(ct);
        LogDisabled(webhookId, organizationId, reason);
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "webhook {Webhook} of {Organization} is switched off: {Reason}. It stands where it is until somebody enables it.")]
    private partial void LogDisabled(Guid webhook, Guid organization, string reason);
}
