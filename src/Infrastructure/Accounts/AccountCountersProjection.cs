using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Accounts;

/// <summary>
/// Fills <c>whatsapp_accounts.daily_sent_count|limit_reset_date</c>: messages sent in the running window of 24 hours, which begins with the first message after the last one ended.
/// The count stands until the next message, so past <c>limit_reset_date</c> it reads as 0.
/// </summary>
public sealed class AccountCountersProjection : PostgresProjection
{
    private static readonly TimeSpan Window = TimeSpan.FromHours(24);

    public override string Name => "account_counters.v1";

    public override IReadOnlyCollection<string>? EventTypes { get; } = ["message_sent"];

    /// <summary>The window after one more message. A late status of an earlier window counts no more.</summary>
    public static (int Count, DateTimeOffset? ResetAt) Count(int count, DateTimeOffset? resetAt, DateTimeOffset sentAt) =>
        resetAt is null || sentAt >= resetAt ? (1, sentAt + Window)
        : sentAt < resetAt - Window ? (count, resetAt)
        : (count + 1, resetAt);

    public override int PageEventsMax => 5_000;

    protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var sent = page.Events.Select(e => e.Body).OfType<MessageSent>().ToLookup(e => e.Ref.AccountId, e => e.At);
        var rows = await tx.QueryAsync("SELECT id, daily_sent_count, limit_reset_date FROM whatsapp_accounts WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE",
            r => (Id: r.GetGuid(0), Window: (Count: r.GetInt32(1), ResetAt: r.IsDBNull(2) ? (DateTimeOffset?)null : r.GetFieldValue<DateTimeOffset>(2))), ct, sent.Select(s => s.Key).ToArray());
        var after = rows.Select(row => (row.Id, Window: sent[row.Id].Aggregate(row.Window, (w, at) => Count(w.Count, w.ResetAt, at)))).ToList();
        await tx.ExecuteAsync("""
            UPDATE whatsapp_accounts a SET daily_sent_count = d.count, limit_reset_date = d.reset FROM unnest($1::uuid[], $2::int[], $3::timestamptz[]) AS d (id, count, reset) WHERE a.id = d.id
            """, ct, after.Select(a => a.Id).ToArray(), after.Select(a => a.Window.Count).ToArray(), after.Select(a => a.Window.ResetAt!.Value.UtcDateTime).ToArray());
    }

    protected override Task EmptyAsync(TenantTransaction tx, CancellationToken ct) =>
        tx.ExecuteAsync("UPDATE whatsapp_accounts SET daily_sent_count = 0, limit_reset_date = NULL WHERE limit_reset_date IS NOT NULL", ct);
}
