using System.Text.Json;
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
    private sealed record Row(string Account, string Organization, Guid? Template, string Category, string Status, string Language,
        JsonElement Components);

    public async Task<FoundTemplate?> RequireAsync(Guid organizationId, Guid accountId, TemplateWanted? wanted, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var found = await shard.QueryAsync(organizationId, """
            SELECT a.status, o.status, t.id, t.category, t.status, t.language, t.components
              FROM whatsapp_accounts a JOIN organizations o ON o.id = a.organization_id
              LEFT JOIN templates t ON t.account_id = a.id AND t.name = $3 AND t.language = ANY ($4) AND t.deleted_at IS NULL
             WHERE a.organization_id = $1 AND a.id = $2
            """, Read, ct, organizationId, accountId, Text(wanted?.Name), wanted?.Languages.ToArray() ?? []);
        if (found.Count == 0)
        {
            throw new Refusal("account.unknown", "There is no such account.");
        }

        if (found[0].Organization != "active")
        {
            throw new Refusal("organization.suspended", "The organization is not active: it can read, but nothing is sent.");
        }

        await subscriptions.RequireMaySendAsync(organizationId, ct);
        if (found[0].Account != "CONNECTED")
        {
            throw new Refusal("message.account_not_connected", $"The account is {found[0].Account}: connect it first.");
        }

        return wanted is null ? null : Chosen(wanted, [.. found.Where(f => f.Template is not null)]);
    }

    // The first language in the wanted order that is approved.
    private static FoundTemplate Chosen(TemplateWanted wanted, IReadOnlyList<Row> variants)
    {
        var inOrder = wanted.Languages.Select(code => variants.FirstOrDefault(v => v.Language == code)).OfType<Row>().ToList();
        var languages = string.Join(", ", wanted.Languages);
        return inOrder.Find(v => v.Status == "APPROVED") is { } approved
            ? new(new(approved.Template!.Value, wanted.Name, approved.Language, approved.Category), approved.Components)
            : inOrder.Count == 0 ? throw new Refusal("template.unknown", $"The account has no template {wanted.Name} in {languages}.")
            : throw new Refusal("message.template_not_approved",
                $"The template is {inOrder[0].Status} in {inOrder[0].Language}; only an approved one can be sent.");
    }

    private static Row Read(NpgsqlDataReader r) => new(r.GetString(0), r.GetString(1), r.IsDBNull(2) ? null : r.GetGuid(2),
        r.TextOrNull(3) ?? "", r.TextOrNull(4) ?? "", r.TextOrNull(5) ?? "", r.IsDBNull(6) ? default : r.Json(6));

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
