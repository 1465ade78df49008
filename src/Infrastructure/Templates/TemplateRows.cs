using Bsp.Application.Meta;
using Bsp.Application.Privacy;
using Bsp.Application.Templates;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Templates;

/// <summary>Between the table <c>templates</c> and what the application shows.</summary>
internal static class TemplateRows
{
    public const string Columns = """
        t.id, t.organization_id, t.account_id, t.name, t.meta_template_id, t.category, t.language, t.components, t.variables, t.status, t.status_exact, t.rejection_reason, t.quality,
        t.submitted_at, t.approved_at, t.created_at, t.updated_at, t.version
        """;

    public static TemplateView Read(NpgsqlDataReader row) => new(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), row.GetString(3), row.TextOrNull(4), row.GetString(5), row.GetString(6),
        row.Json(7), row.IsDBNull(8) ? null : row.Json(8), row.GetString(9), row.GetString(10), row.TextOrNull(11), row.GetString(12),
        row.TimeOrNull(13), row.TimeOrNull(14), row.GetFieldValue<DateTimeOffset>(15), row.GetFieldValue<DateTimeOffset>(16), row.GetInt64(17));

    public static async Task<TemplateView> FindAsync(Shard shard, Guid organizationId, Guid templateId, CancellationToken ct) =>
        await shard.FirstAsync(organizationId, $"SELECT {Columns} FROM templates t WHERE t.id = $1 AND t.deleted_at IS NULL", Read, ct, templateId) ?? throw Unknown();

    /// <summary>The number that speaks for an account, with the account's own token or else the organization's.</summary>
    /// <exception cref="Refusal"><c>account.unknown</c>, <c>account.no_token</c></exception>
    public static async Task<MetaNumber> NumberAsync(Shard shard, ISecrets secrets, Guid organizationId, Guid accountId, CancellationToken ct)
    {
        var found = await shard.QueryAsync(organizationId, """
            SELECT a.phone_number_id, a.meta_waba_id, coalesce(a.credentials ->> 'access_token', o.meta_access_token) FROM whatsapp_accounts a JOIN organizations o ON o.id = a.organization_id WHERE a.id = $1
            """, row => (row.GetString(0), row.GetString(1), row.TextOrNull(2)), ct, accountId);
        return found switch
        {
            [] => throw new Refusal("account.unknown", "There is no such account."),
            [(_, _, null), ..] => throw new Refusal("account.no_token", "The account has no access token, so Meta cannot be asked."),
            [var (phoneNumberId, wabaId, token), ..] => new(phoneNumberId, wabaId, secrets.Open(token!)),
        };
    }

    public static Refusal Unknown() => new("template.unknown", "There is no such template.");
}
