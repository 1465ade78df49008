using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Accounts;

/// <summary>
/// Fills <c>whatsapp_accounts.daily_sent_count|limit_reset_date</c>: messages sent in the running window of 24 hours, which begins with the
/// first message after the last one ended.
/// The count stands until the next message, so past <c>limit_reset_date</c> it reads as 0.
/// </summary>
public sealed class AccountCountersProjection : PostgresProjection
{
    private static readonly TimeSpan Window = TimeSpan.FromHours(24);

    private static readonly string[] Types = ["message_sent"];

    public override string Name => ViewNames.AccountCounters;

    public override IReadOnlyCollection<string>? EventTypes => Types;

    public override IProjectionCopy? Beside { get; } = new Copy();

    /// <summary>The window after one more message. A late status of an earlier window counts no more.</summary>
    public static (int Count, DateTimeOffset? ResetAt) Count(int count, DateTimeOffset? resetAt, DateTimeOffset sentAt) =>
        resetAt is null || sentAt >= resetAt ? (1, sentAt + Window)
        : sentAt < resetAt - Window ? (count, resetAt)
        : (count + 1, resetAt);

    public override int PageEventsMax => 5_000;

    protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var after = await AfterAsync(tx, page,
            "SELECT id, daily_sent_count, limit_reset_date FROM whatsapp_accounts WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE",
            known: true, ct);
        await tx.ExecuteAsync("""
            UPDATE whatsapp_accounts a SET daily_sent_count = d.count, limit_reset_date = d.reset FROM unnest($1::uuid[], $2::int[], $3::timestamptz[]) AS d (id, count, reset) WHERE a.id = d.id
            """, ct, after.Select(a => a.Id).ToArray(), after.Select(a => a.Count).ToArray(), after.Select(a => a.ResetAt).ToArray());
    }

    // Windows after the page, of the accounts found or, of those not found (unless only known ones are wanted), from nothing.
    private static async Task<List<(Guid Id, Guid OrganizationId, int Count, DateTime ResetAt)>> AfterAsync(TenantTransaction tx,
        EventPage page, string found, bool known, CancellationToken ct)
    {
        var sent = page.Events.Where(e => e.Body is MessageSent).GroupBy(e => ((MessageSent)e.Body!).Ref.AccountId).OrderBy(g => g.Key)
            .ToList();
        var rows = (await tx.QueryAsync(found, r =>
            (Id: r.GetGuid(0),
                Window: (Count: r.GetInt32(1), ResetAt: r.IsDBNull(2) ? (DateTimeOffset?)null : r.GetFieldValue<DateTimeOffset>(2))), ct,
                sent.Select(s => s.Key).ToArray()))
            .ToDictionary(r => r.Id, r => r.Window);
        return [.. sent.Where(s => !known || rows.ContainsKey(s.Key)).Select(s =>
        {
            var (count, resetAt) =
                s.Aggregate(rows.GetValueOrDefault(s.Key), (w, e) => Count(w.Count, w.ResetAt, ((MessageSent)e.Body!).At));
            return (s.Key, s.First().OrganizationId, count, resetAt!.Value.UtcDateTime);
        })];
    }

    private sealed class Copy() : PostgresCopy(ViewNames.AccountCounters)
    {
        public override IReadOnlyCollection<string>? EventTypes => Types;

        public override int PageEventsMax => 5_000;

        protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
        {
            var after = await AfterAsync(tx, page,
                "SELECT id, daily_sent_count, limit_reset_date FROM bsp.account_counters_next WHERE id = ANY ($1)", known: false, ct);
            await tx.ExecuteAsync("""
                INSERT INTO bsp.account_counters_next (id, organization_id, daily_sent_count, limit_reset_date) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::timestamptz[])
                ON CONFLICT (id) DO UPDATE SET daily_sent_count = excluded.daily_sent_count, limit_reset_date = excluded.limit_reset_date
                """, ct, after.Select(a => a.Id).ToArray(), after.Select(a => a.OrganizationId).ToArray(), after.Select(a => a.Count).ToArray(), after.Select(a => a.ResetAt).ToArray());
        }

        protected override Task EmptyAsync(TenantTransaction tx, CancellationToken ct) =>
            tx.ExecuteAsync("TRUNCATE bsp.account_counters_next", ct);

        protected override Task SwapAsync(TenantTransaction tx, CancellationToken ct) => tx.ExecuteAsync("""
            UPDATE whatsapp_accounts a SET daily_sent_count = d.count, limit_reset_date = d.reset
              FROM (SELECT k.id, coalesce(n.daily_sent_count, 0) AS count, n.limit_reset_date AS reset FROM whatsapp_accounts k LEFT JOIN bsp.account_counters_next n ON n.id = k.id ORDER BY k.id) d
             WHERE a.id = d.id AND (a.daily_sent_count, a.limit_reset_date) IS DISTINCT FROM (d.count, d.reset)
            """, ct);
    }
}
