using Bsp.Application.Contacts;
using Bsp.Application.Messages;
using Bsp.Application.Subscriptions;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Messages;

/// <inheritdoc cref="ISendReferences"/>
public sealed class SendReferences(Shards shards, Outbox outbox, ISubscriptionGate subscriptions) : ISendReferences
{
    public async Task<TemplateUse?> RequireAsync(Guid organizationId, Guid accountId, string? templateName, string? language,
        CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var found = await shard.QueryAsync(organizationId, """
            SELECT a.status, o.status, t.id, t.category, t.status FROM whatsapp_accounts a JOIN organizations o ON o.id = a.organization_id
              LEFT JOIN templates t ON t.account_id = a.id AND t.name = $3 AND t.language = $4 AND t.deleted_at IS NULL WHERE a.organization_id = $1 AND a.id = $2
            """, r => (Account: r.GetString(0), Organization: r.GetString(1), Template: r.IsDBNull(2) ? (Guid?)null : r.GetGuid(2), Category: r.IsDBNull(3) ? "" : r.GetString(3), Status: r.IsDBNull(4) ? "" : r.GetString(4)),
            ct, organizationId, accountId, Text(templateName), Text(language));
        if (found.Count == 0)
        {
            throw new Refusal("account.unknown", "There is no such account.");
        }

        var row = found[0];
        if (row.Organization != "active")
        {
            throw new Refusal("organization.suspended", "The organization is not active: it can read, but nothing is sent.");
        }

        await subscriptions.RequireMaySendAsync(organizationId, ct);
        if (row.Account != "CONNECTED")
        {
            throw new Refusal("message.account_not_connected", $"The account is {row.Account}: connect it first.");
        }

        if (templateName is null)
        {
            return null;
        }

        return row.Template is not { } template
            ? throw new Refusal("template.unknown", $"The account has no template {templateName} in {language}.")
            : row.Status != "APPROVED"
            ? throw new Refusal("message.template_not_approved", $"The template is {row.Status}; only an approved one can be sent.")
            : new(template, templateName, language!, row.Category);
    }

    public async Task<ContactIdentity> RecipientAsync(Guid organizationId, string to, CancellationToken ct)
    {
        if (OutboundBody.IsUserId(to))
        {
            return new(null, to, null);
        }

        var shard = await shards.OfAsync(organizationId, ct);
        var reading = await shard.ReadPhoneAsync(organizationId, to, ct);
        return reading.E164 is { } phone ? new(phone, null, null)
            : reading.Written is { } written && (await shard.HoldersAsync(organizationId, [written], ct)).Count > 0
            ? new(written, null, null)
            : throw new Refusal("message.recipient_invalid",
                $"to must be a phone number in E.164 (+16505551234) or a business-scoped user id: '{Domain.Common.Text.Cut(to, 60)}' {reading.Fault}.");
    }

    public async Task<string> ConsentAsync(Guid organizationId, Guid contactId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        return await shard.FirstAsync(organizationId, "SELECT consent_status FROM contacts WHERE organization_id = $1 AND id = $2", r =>
            r.GetString(0), ct, organizationId, contactId) ?? "PENDING";
    }

    public Task EnqueueAsync(Guid organizationId, Guid messageId, Guid accountId, CancellationToken ct) =>
        outbox.PutAsync([new(organizationId, messageId, accountId, null)], ct);

    private static NpgsqlParameter Text(string? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };
}
