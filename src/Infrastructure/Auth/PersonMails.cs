using Bsp.Infrastructure.Mail;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Auth;

/// <summary>Mails with a token for one person.</summary>
internal static class PersonMails
{
    /// <summary>In the person's language, else in the organization's, else in English.</summary>
    /// <param name="userId">May not exist yet: somebody who is invited.</param>
    public static async Task PutAsync(MailQueue mails, TenantTransaction own, Guid organizationId, string kind, Guid userId, string email,
        string token, TimeSpan life, CancellationToken ct)
    {
        var (name, language) = (await own.QueryAsync("""
            SELECT o.name, coalesce(u.preferences ->> 'language', o.settings ->> 'language', 'en')
              FROM organizations o LEFT JOIN users u ON u.id = $2 WHERE o.id = $1
            """, r => (r.GetString(0), r.GetString(1)), ct, organizationId, userId)).Single();
        await mails.PutAsync(own, organizationId, kind, email, new(language, token, name, null, null), life, ct);
    }
}
