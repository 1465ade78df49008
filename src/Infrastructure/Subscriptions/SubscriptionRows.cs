using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Subscriptions;
using Bsp.Domain.Subscriptions;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Subscriptions;

/// <summary>
/// The specification's table <c>subscriptions</c> and what stands beside it, written whole from the state in the transaction of its facts:
/// no row says anything that the fold does not say, and writing
/// again what a stream comes to gives the same rows.
/// </summary>
internal static class SubscriptionRows
{
    private const string Columns = """
        id, organization_id, plan_id, status, status_exact, started_at, expires_at, payment_method::text, created_at, updated_at, terms::text, period, period_from, period_until, included_messages,
        trial_until, owed, next_attempt_at, cancel_at, suspended_reason, ended_at, version
        """;

    /// <summary>The specification's word.</summary>
    public static string Status(SubscriptionStatus exact) => exact switch
    {
        SubscriptionStatus.Trial or SubscriptionStatus.Active or SubscriptionStatus.PastDue => "active",
        _ => Exact(exact),
    };

    /// <summary>Our own word.</summary>
    public static string Exact(SubscriptionStatus status) =>
        status == SubscriptionStatus.PastDue ? "past_due" : status.ToString().ToLowerInvariant();

    /// <summary>Writes what the state says.</summary>
    /// <param name="version">Of the stream.</param>
    /// <param name="now">When it was decided.</param>
    public static async Task WriteAsync(TenantTransaction tx, Guid organizationId, Subscription state, long version, DateTimeOffset now,
        CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(tx.Connection, tx.Transaction);
        batch.BatchCommands.Add(Row(organizationId, state, version, now));
        batch.BatchCommands.Add(Clock(organizationId, state));
        AddTerms(batch, organizationId, state);
        await batch.ExecuteNonQueryAsync(ct);
    }

    public static Task<SubscriptionView?> FindAsync(Shard shard, Guid organizationId, Guid subscriptionId, CancellationToken ct) =>
        shard.FirstAsync(organizationId, $"SELECT {Columns} FROM subscriptions WHERE organization_id = $1 AND id = $2", Read, ct,
            organizationId, subscriptionId);

    public static Task<List<SubscriptionView>> PageAsync(Shard shard, ListSubscriptions query, CancellationToken ct) =>
        shard.QueryAsync(query.OrganizationId, $"""
        SELECT {Columns} FROM subscriptions WHERE organization_id = $1 AND id > $2 AND ($3::text IS NULL OR status = $3) ORDER BY id LIMIT $4
        """, Read, ct, query.OrganizationId, Keyset.After(query.Cursor), query.Status is null ? Null(NpgsqlDbType.Text) : query.Status, query.Limit + 1);

    private static NpgsqlBatchCommand Row(Guid organizationId, Subscription s, long version, DateTimeOffset now) => Sql("""
        INSERT INTO subscriptions AS s (id, organization_id, plan_id, status, status_exact, started_at, expires_at, payment_method, created_at, updated_at, version, terms, trial_until, period, period_from,
          period_until, included_messages, owed, next_attempt_at, cancel_at, suspended_reason, ended_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $6, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
        ON CONFLICT (id) DO UPDATE SET plan_id = excluded.plan_id, status = excluded.status, status_exact = excluded.status_exact, expires_at = excluded.expires_at,
          payment_method = excluded.payment_method, updated_at = greatest(s.updated_at, excluded.updated_at), version = excluded.version, terms = excluded.terms, trial_until = excluded.trial_until,
          period = excluded.period, period_from = excluded.period_from, period_until = excluded.period_until, included_messages = excluded.included_messages, owed = excluded.owed,
          next_attempt_at = excluded.next_attempt_at, cancel_at = excluded.cancel_at, suspended_reason = excluded.suspended_reason, ended_at = excluded.ended_at
        """, s.Id, organizationId, s.Terms!.PlanId, Status(s.Status), Exact(s.Status), s.StartedAt.UtcDateTime, (s.EndedAt ?? s.Current.Until).UtcDateTime, Jsonb(s.PaymentMethod),
        now.UtcDateTime, version, Jsonb(JsonSerializer.SerializeToElement(s.Terms, EventTypes.Json)), Time(s.TrialUntil), s.Current.N,
        s.Current.From.UtcDateTime, s.Current.Until.UtcDateTime, s.Included,
        s.IsEnded || s.Owed is null ? Null(NpgsqlDbType.Numeric) : s.Owed.Amount,
        Time(s.IsEnded || s.Status == SubscriptionStatus.Suspended ? null : s.Owed?.NextAttemptAt), Time(s.IsEnded ? null : s.CancelAt),
        (object?)(s.IsEnded ? null : s.SuspendedReason) ?? Null(NpgsqlDbType.Text), Time(s.EndedAt));

    private static NpgsqlBatchCommand Clock(Guid organizationId, Subscription s) => s.IsEnded
        ? Sql("DELETE FROM bsp.subscription_clock WHERE organization_id = $1 AND subscription_id = $2", organizationId, s.Id)
        : Sql("""
            INSERT INTO bsp.subscription_clock AS c (organization_id, subscription_id, due_at, status, suspended_reason, owed, currency, plan_id, plan_name, features, period_from, period_until)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (organization_id) DO UPDATE SET due_at = excluded.due_at, status = excluded.status, suspended_reason = excluded.suspended_reason, owed = excluded.owed, currency = excluded.currency,
              plan_id = excluded.plan_id, plan_name = excluded.plan_name, features = excluded.features, period_from = excluded.period_from, period_until = excluded.period_until
              WHERE c.subscription_id = excluded.subscription_id
            """, organizationId, s.Id, Time(Billing.NextDue(s)), Exact(s.Status), (object?)s.SuspendedReason ?? Null(NpgsqlDbType.Text), s.Owed is null ? Null(NpgsqlDbType.Numeric) : s.Owed.Amount,
            s.Terms!.Currency, s.Terms.PlanId, s.Terms.Name, Jsonb(s.Terms.Features), s.Current.From.UtcDateTime,
            s.Current.Until.UtcDateTime);

    // The terms from one moment to another, the row of the time before cut where they begin.
    private static void AddTerms(NpgsqlBatch batch, Guid organizationId, Subscription s)
    {
        var (period, from, until, included) = s.Owed is { } owed && s.Status != SubscriptionStatus.Active
            ? (owed.Period, owed.From, owed.NextAttemptAt > owed.Until ? owed.NextAttemptAt.Value : owed.Until, 0)
            : (s.Current.N, s.SegmentFrom, s.Current.Until, s.Included);
        until = s.EndedAt < until ? s.EndedAt.Value : s.SuspendedAt < until ? s.SuspendedAt.Value : until;
        batch.BatchCommands.Add(
            Sql("UPDATE bsp.subscription_terms SET until_at = $3 WHERE organization_id = $1 AND subscription_id = $2 AND from_at < $3 AND until_at > $3", organizationId, s.Id, from.UtcDateTime));
        batch.BatchCommands.Add(
            Sql("UPDATE bsp.subscription_terms SET included_messages = $4 WHERE organization_id = $1 AND subscription_id = $2 AND period = $3", organizationId, s.Id, period, included));
        if (from >= until)
        {
            // Ended or suspended at the very beginning: these terms were never in force.
            batch.BatchCommands.Add(
                Sql("DELETE FROM bsp.subscription_terms WHERE organization_id = $1 AND subscription_id = $2 AND from_at = $3",
                    organizationId, s.Id, from.UtcDateTime));
            return;
        }

        batch.BatchCommands.Add(Sql("""
            INSERT INTO bsp.subscription_terms (organization_id, subscription_id, from_at, until_at, period, plan_id, plan_version, plan_code, currency, per_message_price, included_messages)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT (organization_id, subscription_id, from_at) DO UPDATE SET until_at = excluded.until_at, period = excluded.period, plan_id = excluded.plan_id, plan_version = excluded.plan_version,
              plan_code = excluded.plan_code, currency = excluded.currency, per_message_price = excluded.per_message_price, included_messages = excluded.included_messages
            """, organizationId, s.Id, from.UtcDateTime, until.UtcDateTime, period, s.Terms!.PlanId, s.Terms.Version, s.Terms.Code, s.Terms.Currency, s.Terms.PerMessagePrice, included));
    }

    private static SubscriptionView Read(NpgsqlDataReader r)
    {
        var terms = JsonSerializer.Deserialize<PlanTerms>(r.GetString(10), EventTypes.Json)!;
        return new(r.GetGuid(0), r.GetGuid(1), r.GetGuid(2), r.GetString(3), r.GetString(4), r.GetFieldValue<DateTimeOffset>(5),
            r.TimeOrNull(6), r.IsDBNull(7) ? null : r.Json(7),
            r.GetFieldValue<DateTimeOffset>(8), r.GetFieldValue<DateTimeOffset>(9),
            new(terms.PlanId, terms.Version, terms.Code, terms.Name, terms.Currency, terms.MonthlyPrice, terms.PerMessagePrice,
                terms.IncludedMessages, terms.Features),
            new(r.GetInt32(11), r.GetFieldValue<DateTimeOffset>(12), r.GetFieldValue<DateTimeOffset>(13), r.GetInt32(14)),
            r.TimeOrNull(15), r.IsDBNull(16) ? null
            : r.GetDecimal(16), r.TimeOrNull(17), r.TimeOrNull(18), r.TextOrNull(19), r.TimeOrNull(20), r.GetInt64(21));
    }

    private static NpgsqlBatchCommand Sql(string text, params object[] arguments)
    {
        var command = new NpgsqlBatchCommand(text);
        Tenancy.Bind(command.Parameters, arguments);
        return command;
    }

    private static NpgsqlParameter Null(NpgsqlDbType type) => new() { NpgsqlDbType = type, Value = DBNull.Value };

    private static NpgsqlParameter Time(DateTimeOffset? at) =>
        new() { NpgsqlDbType = NpgsqlDbType.TimestampTz, Value = at is { } given ? given.UtcDateTime : DBNull.Value };

    private static NpgsqlParameter Jsonb(JsonElement? json) =>
        new() { NpgsqlDbType = NpgsqlDbType.Jsonb, Value = json is { } given ? given.GetRawText() : DBNull.Value };
}
