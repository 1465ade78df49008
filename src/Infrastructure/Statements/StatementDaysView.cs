using Bsp.Application.EventStore;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.EventStore;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Statements;

/// <summary>Sums of a page of entries, by the groups that statements show: one statement, with a row for each group of the page.</summary>
public sealed class StatementDaysView : IInlineView
{
    private const string Add = """
        INSERT INTO bsp.statement_days AS d (organization_id, currency, day, part, kind, category, market, account_id, effective_month,
          count, amount, first_effective, last_effective, first_recorded, last_recorded)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::date[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
          $10::bigint[], $11::numeric[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[])
        ON CONFLICT (organization_id, currency, day, part, kind, category, market, account_id, effective_month) DO UPDATE SET
          count = d.count +
          excluded.count, amount = d.amount + excluded.amount,
          first_effective = least(d.first_effective, excluded.first_effective), last_effective = greatest(d.last_effective,
            excluded.last_effective),
          first_recorded = least(d.first_recorded, excluded.first_recorded), last_recorded = greatest(d.last_recorded,
            excluded.last_recorded)
        """;

    public IReadOnlyCollection<string> EventTypes { get; } = ["ledger_credited", "ledger_debited", "ledger_refunded"];

    public bool NeedsTriggers => false;

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        var groups = events.Select(stored => stored.Body).OfType<LedgerEvent>().Select(fact => fact.Entry).GroupBy(StatementGroup.Of)
            .OrderBy(g => (g.Key.OrganizationId, g.Key.Currency, g.Key.Day, g.Key.Part, g.Key.Kind, g.Key.Category, g.Key.Market))
                .ThenBy(g => g.Key.AccountId, StringComparer.Ordinal).ThenBy(g => g.Key.EffectiveMonth, StringComparer.Ordinal).ToList();
        if (groups.Count == 0)
        {
            return;
        }

        batch.BatchCommands.Add(new NpgsqlBatchCommand(Add)
        {
            Parameters =
            {
                Of(groups.Select(g => g.Key.OrganizationId), NpgsqlDbType.Uuid),
                    Of(groups.Select(g => g.Key.Currency), NpgsqlDbType.Text), Of(groups.Select(g => g.Key.Day), NpgsqlDbType.Date),
                Of(groups.Select(g => g.Key.Part), NpgsqlDbType.Integer),
                Of(groups.Select(g => g.Key.Kind), NpgsqlDbType.Text), Of(groups.Select(g => g.Key.Category), NpgsqlDbType.Text),
                    Of(groups.Select(g => g.Key.Market), NpgsqlDbType.Text),
                Of(groups.Select(g => g.Key.AccountId), NpgsqlDbType.Text),
                    Of(groups.Select(g => g.Key.EffectiveMonth), NpgsqlDbType.Text),
                    Of(groups.Select(g => g.LongCount()), NpgsqlDbType.Bigint),
                Of(groups.Select(g => g.Sum(e => e.Change)), NpgsqlDbType.Numeric),
                    Of(groups.Select(g => g.Min(StatementGroup.EffectiveAt).UtcDateTime), NpgsqlDbType.TimestampTz),
                Of(groups.Select(g => g.Max(StatementGroup.EffectiveAt).UtcDateTime), NpgsqlDbType.TimestampTz),
                    Of(groups.Select(g => g.Min(e => e.CreatedAt).UtcDateTime), NpgsqlDbType.TimestampTz),
                Of(groups.Select(g => g.Max(e => e.CreatedAt).UtcDateTime), NpgsqlDbType.TimestampTz),
            },
        });
    }

    private static NpgsqlParameter Of<T>(IEnumerable<T> values, NpgsqlDbType type) =>
        new() { Value = values.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type };
}
