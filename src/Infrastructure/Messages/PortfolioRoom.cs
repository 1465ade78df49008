using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Messages;

/// <summary>What was asked for room under the messaging limit.</summary>
/// <param name="Granted">One for each user, in order.</param>
/// <param name="NextAt">When there is room again at the earliest; null: there is some, or none within the day.</param>
public sealed record Room(IReadOnlyList<bool> Granted, DateTimeOffset? NextAt);

/// <summary>
/// The messaging limit as Meta counts it: unique users outside the customer-service window in a moving day, of all numbers of a portfolio
/// together. Places are taken before a message is queued (campaigns) or begun (single ones), in one statement under the portfolio's row,
/// prolonged when it leaves later, and given back when nothing came of it. Decision: docs/decisions/0320.
/// </summary>
public sealed class PortfolioRoom(SenderOptions options)
{
    /// <summary>
    /// A place is taken for so much more than a day: whoever begins within half of it needs not ask again, and has the other half until
    /// Meta has it.
    /// </summary>
    public static readonly TimeSpan Margin = TimeSpan.FromMinutes(2);

    // A day that a trial has shortened has a shorter margin.
    private TimeSpan Leeway => options.Day < TimeSpan.FromHours(1) ? options.Day / 2 : Margin;

    /// <summary>Whether a place that was taken then holds for whoever leaves now.</summary>
    public bool Holds(DateTimeOffset takenAt, DateTimeOffset now) => now - takenAt < Leeway / 2;

    /// <summary>Whether anything is counted for the number.</summary>
    public static bool IsLimited(SendingNumber number) => number.MessagingLimit != MessagingLimits.Unlimited;

    /// <summary>A place for each user that has none, as far as there is room; in their order.</summary>
    /// <param name="users">Whom, and by which message.</param>
    public async Task<Room> TakeAsync(TenantTransaction transaction, Guid organizationId, SendingNumber number,
        IReadOnlyList<(Guid ContactId, Guid MessageId)> users, DateTimeOffset now, CancellationToken ct) =>
        users.Count == 0 || !IsLimited(number) ? new([.. users.Select(_ => true)], null)
        : (await transaction.QueryAsync("SELECT granted, next_at FROM bsp.take_reach($1, $2, $3, $4, $5, $6, $7, $8)",
            r => new Room(r.GetFieldValue<bool[]>(0), r.IsDBNull(1) ? null : r.GetFieldValue<DateTimeOffset>(1)), ct, organizationId,
            number.Portfolio, number.MessagingLimit, users.Select(u => u.ContactId).ToArray(), users.Select(u => u.MessageId).ToArray(),
            now.UtcDateTime, options.Day + Leeway, (now + options.Day).UtcDateTime))[0];

    /// <summary>How many more users there is room for, and when there is some again.</summary>
    public async Task<(int Free, DateTimeOffset? NextAt)> RoomAsync(TenantTransaction transaction, Guid organizationId,
        SendingNumber number, DateTimeOffset now, CancellationToken ct) =>
        !IsLimited(number) ? (int.MaxValue, null)
        : (await transaction.QueryAsync("SELECT room, next_at FROM bsp.reach_room($1, $2, $3, $4, $5)",
            r => (r.GetInt32(0), r.IsDBNull(1) ? (DateTimeOffset?)null : r.GetFieldValue<DateTimeOffset>(1)), ct, organizationId,
            number.Portfolio, number.MessagingLimit, now.UtcDateTime, options.Day + Leeway))[0];

    /// <summary>The same for showing, without waiting for anybody: as it was counted last, without the places that ended since.</summary>
    public async Task<int> PeekAsync(TenantTransaction transaction, Guid organizationId, SendingNumber number, DateTimeOffset now,
        CancellationToken ct) =>
        !IsLimited(number) ? int.MaxValue
        : number.MessagingLimit - (await transaction.QueryAsync("""
            SELECT least(coalesce((SELECT p.used FROM bsp.portfolios p WHERE p.organization_id = $1 AND p.portfolio = $2), 0)
                         - (SELECT count(*)::int FROM (SELECT 1 FROM bsp.reached r
                             WHERE r.organization_id = $1 AND r.portfolio = $2 AND r.until <= $4 AND r.until > '-infinity'
                             ORDER BY r.until LIMIT $3) e), $3)
            """, r => Math.Max(0, r.GetInt32(0)), ct, organizationId, number.Portfolio, number.MessagingLimit, now.UtcDateTime))[0];

    /// <summary>
    /// Of these conversations, those in which the customer-service window is open for longer than a place holds: nobody is counted there.
    /// </summary>
    public async Task<HashSet<Guid>> OpenAsync(TenantTransaction transaction, Guid organizationId, IReadOnlyCollection<Guid> conversations,
        DateTimeOffset now, CancellationToken ct) =>
        conversations.Count == 0 ? [] : [.. await transaction.QueryAsync("""
            SELECT c.id FROM unnest($1::uuid[]) AS c (id)
             CROSS JOIN LATERAL (SELECT e.data ->> 'until' AS until FROM mt_events e
                                  WHERE e.tenant_id = $2 AND e.stream_id = c.id AND e.type = 'customer_window_opened'
                                  ORDER BY e.version DESC LIMIT 1) w
             WHERE w.until::timestamptz > $3
            """, r => r.GetGuid(0), ct, conversations.ToArray(), organizationId.ToString(), (now + Leeway).UtcDateTime)];
}
