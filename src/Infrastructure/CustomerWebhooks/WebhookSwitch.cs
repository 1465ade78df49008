using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Mail;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>
/// Switches an endpoint off, with an event that the organization's other endpoints are told of (<c>webhook.disabled</c>) and that its audit
/// trail shows, and mails to its administrators. The cursor stays where it is.
/// </summary>
internal sealed partial class WebhookSwitch(AuditLog audit, MailQueue mails, TimeProvider clock, ILogger<WebhookSwitch> log)
{
    private const int ToldMax = 10; // administrators
    private static readonly TimeSpan ToldWithin = TimeSpan.FromDays(2);

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
        await TellAsync(tx, organizationId, webhookId, reason, ct);
        await audit.NoteAsync(tx, shard, organizationId, "webhook.disabled", "webhook", webhookId, [reason], ct, actor: "platform");
        await tx.CommitAsync(ct);
        LogDisabled(webhookId, organizationId, reason);
    }

    // Beyond the hour's mails nobody is told twice: the event and the trail have it anyway.
    private async Task TellAsync(TenantTransaction tx, Guid organizationId, Guid webhookId, string reason, CancellationToken ct)
    {
        if (!mails.IsConfigured)
        {
            return;
        }

        var told = await tx.QueryAsync("""
            SELECT u.email, coalesce(u.preferences ->> 'language', 'en'), o.name, w.name
              FROM users u JOIN organizations o ON o.id = u.organization_id JOIN webhooks w ON w.id = $2
             WHERE u.organization_id = $1 AND u.role = 'admin' AND u.status = 'active' ORDER BY u.id LIMIT $3
            """, r => (To: r.GetString(0), Language: r.GetString(1), Organization: r.GetString(2), Webhook: r.TextOrNull(3)), ct,
            organizationId, webhookId, ToldMax);
        var left = told.Count == 0 ? 0 : await mails.LeftAsync(tx, organizationId, clock.GetUtcNow(), ct);
        foreach (var admin in told.Take(left))
        {
            await mails.PutAsync(tx, organizationId, MailKinds.WebhookDisabled, admin.To,
                new(admin.Language, null, admin.Organization, admin.Webhook ?? webhookId.ToString(), reason), ToldWithin, ct);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "webhook {Webhook} of {Organization} is switched off: {Reason}. It stands where it is until somebody enables it.")]
    private partial void LogDisabled(Guid webhook, Guid organization, string reason);
}
