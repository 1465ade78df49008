using Bsp.Application.Meta;
using Bsp.Application.Privacy;
using Bsp.Application.Templates;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Templates;

/// <summary>
/// Accounts, <c>bsp.template_names</c> and <c>templates</c>, as the use cases of templates ask for them: one statement each.
/// </summary>
public sealed class TemplateReferences(Shards shards, ISecrets secrets) : ITemplateReferences
{
    public async Task<MetaNumber> NumberAsync(Guid organizationId, Guid accountId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var found = await shard.QueryAsync(organizationId, """
            SELECT a.phone_number_id, a.meta_waba_id, coalesce(a.credentials ->> 'access_token', o.meta_access_token)
              FROM whatsapp_accounts a JOIN organizations o ON o.id = a.organization_id WHERE a.id = $1
            """, row => (row.GetString(0), row.GetString(1), row.TextOrNull(2)), ct, accountId);
        return found switch
        {
            [] => throw new Refusal("account.unknown", "There is no such account."),
            [(_, _, null), ..] => throw new Refusal("account.no_token", "The account has no access token, so Meta cannot be asked."),
            [var (phoneNumberId, wabaId, token), ..] => new(phoneNumberId, wabaId, secrets.Open(token!)),
        };
    }

    public async Task TakeNameAsync(Guid organizationId, Guid accountId, string name, string language, Guid templateId,
        CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var accounts =
            await shard.QueryAsync(organizationId, "SELECT id FROM whatsapp_accounts WHERE id = $1", row => row.GetGuid(0), ct, accountId);
        if (accounts.Count == 0)
        {
            throw new Refusal("account.unknown", "There is no such account.");
        }

        var holder = await shard.QueryAsync(organizationId, """
            INSERT INTO bsp.template_names AS n (account_id, name, language, template_id, organization_id) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (account_id, name, language) DO UPDATE SET template_id = $4, taken_at = now()
              WHERE n.template_id = $4 OR (n.taken_at < now() - interval '1 minute' AND NOT EXISTS (SELECT FROM templates t WHERE t.id = n.template_id))
            RETURNING template_id
            """, row => row.GetGuid(0), ct, accountId, name, language, templateId, organizationId);
        if (holder.Count == 0)
        {
            throw new Refusal("template.name_taken", $"This number already has a template '{name}' in {language}.");
        }
    }

    public async Task<IReadOnlyList<TemplateOfAccount>> OfAccountAsync(Guid organizationId, Guid accountId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        return await shard.QueryAsync(organizationId, """
            SELECT t.id, t.name, t.language, t.meta_template_id FROM templates t
             WHERE t.organization_id = $1 AND t.account_id = $2 AND t.deleted_at IS NULL
            """, r => new TemplateOfAccount(r.GetGuid(0), r.GetString(1), r.GetString(2), r.TextOrNull(3)), ct, organizationId, accountId);
    }

    public async Task<Guid?> FindAsync(Guid organizationId, TemplateKey key, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var found = await shard.QueryAsync(organizationId, """
            SELECT t.id FROM templates t WHERE t.meta_template_id = $1
            UNION ALL
            (SELECT t.id FROM templates t JOIN whatsapp_accounts a ON a.id = t.account_id
             WHERE t.organization_id = $2 AND t.name = $3 AND t.language = $4 AND a.meta_waba_id = $5 AND t.meta_template_id IS NULL AND t.deleted_at IS NULL
             ORDER BY t.id LIMIT 1)
            LIMIT 1
            """, row => row.GetGuid(0), ct, Text(key.MetaTemplateId), organizationId, Text(key.Name), Text(key.Language), key.WabaId);
        return found is [var id, ..] ? id : null;
    }

    private static NpgsqlParameter Text(string? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };
}
