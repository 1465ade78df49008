using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Mail;

/// <summary>Tells the sender of this process that a mail waits.</summary>
public sealed class MailSignal : WorkSignal;

/// <summary>Mails that are to go out: a row each, in the transaction of what they tell. docs/decisions/0362.</summary>
public sealed class MailQueue(ISecrets secrets, MailSignal signal, BspOptions options, TimeProvider clock)
{
    /// <summary>Mails of one organization an hour: more than a thousand people need, less than a spammer wants.</summary>
    public const int OfOrganizationMax = 500;

    private static readonly TimeSpan Window = TimeSpan.FromHours(1);

    /// <summary>Mails can go out.</summary>
    public bool IsConfigured => options.Mail is not null;

    /// <exception cref="Refusal"><c>mail.not_configured</c></exception>
    public void RequireConfigured()
    {
        if (!IsConfigured)
        {
            throw new Refusal("mail.not_configured",
                "No mail goes out of this installation: its operator sets Bsp:Mail:Smtp, or Bsp:Mail:Directory to try things.");
        }
    }

    /// <param name="own">On the organization's shard.</param>
    /// <param name="life">After this the mail tells nothing that is still true, and is given up.</param>
    /// <exception cref="Refusal"><c>mail.not_configured</c>, <c>mail.too_many</c></exception>
    internal async Task PutAsync(TenantTransaction own, Guid organizationId, string kind, string to, MailNote note, TimeSpan life,
        CancellationToken ct)
    {
        RequireConfigured();
        var now = clock.GetUtcNow();
        if (await LeftAsync(own, organizationId, now, ct) <= 0)
        {
            throw new Refusal("mail.too_many", $"More than {OfOrganizationMax} mails of this organization went out within an hour.");
        }

        await own.ExecuteAsync("""
            INSERT INTO bsp.mails (id, organization_id, kind, recipient, content, due_at, expires_at, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $6)
            """, ct, Uuid.New(now), organizationId, kind, to, secrets.Seal(JsonSerializer.Serialize(note)), now.UtcDateTime,
            (now + life).UtcDateTime);
        own.OnCommitted(() =>
        {
            signal.Raise();
            return Task.CompletedTask;
        });
    }

    /// <summary>How many more may go out this hour.</summary>
    internal async Task<int> LeftAsync(TenantTransaction own, Guid organizationId, DateTimeOffset now, CancellationToken ct) =>
        OfOrganizationMax - (await own.QueryAsync("""
            SELECT count(*)::int FROM (SELECT 1 FROM bsp.mails WHERE organization_id = $1 AND id > $2 LIMIT $3) AS recent
            """, r => r.GetInt32(0), ct, organizationId, Uuid.New(now - Window), OfOrganizationMax)).Single();
}
