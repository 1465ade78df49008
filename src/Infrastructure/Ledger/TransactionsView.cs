using Bsp.Application.EventStore;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Npgsql;
using NpgsqlTypes;
using System.Text.Json;

namespace Bsp.Infrastructure.Ledger;

/// <summary>The specification's table <c>transactions</c>, in the append's own transaction: one statement a page.</summary>
public sealed class TransactionsView : IInlineView
{
    public IReadOnlyCollection<string> EventTypes { get; } = ["ledger_credited", "ledger_debited", "ledger_refunded"];

    public bool NeedsTriggers => false;

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        var entries = events.Select(stored => stored.Body).OfType<LedgerEvent>().Select(fact => fact.Entry).ToList();
        if (entries.Count == 0)
        {
            return;
        }

        var command = new NpgsqlBatchCommand("""
            INSERT INTO public.transactions
              (id, organization_id, type, amount, balance_after, currency, category, reference_id, description, metadata, created_at,
                  sequence, previous_hash, hash)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::numeric[], $5::numeric[], $6::text[], $7::text[], $8::text[],
                $9::text[], $10::jsonb[],
              $11::timestamptz[], $12::bigint[], $13::bytea[], $14::bytea[])
            """);
        void Add<T>(NpgsqlDbType type, Func<LedgerEntry, T> value) =>
            command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | type, Value = entries.Select(value).ToArray() });
        Add(NpgsqlDbType.Uuid, e => e.Id);
        Add(NpgsqlDbType.Uuid, e => e.OrganizationId);
        Add(NpgsqlDbType.Text, e => e.Type);
        Add(NpgsqlDbType.Numeric, e => e.Amount);
        Add(NpgsqlDbType.Numeric, e => e.BalanceAfter);
        Add(NpgsqlDbType.Text, e => e.Currency);
        Add(NpgsqlDbType.Text, e => e.Category);
        Add(NpgsqlDbType.Text, e => e.ReferenceId);
        Add(NpgsqlDbType.Text, e => e.Description);
        Add(NpgsqlDbType.Jsonb, e => JsonSerializer.Serialize(e.Metadata));
        Add(NpgsqlDbType.TimestampTz, e => e.CreatedAt.UtcDateTime);
        Add(NpgsqlDbType.Bigint, e => e.Sequence);
        Add(NpgsqlDbType.Bytea, e => Convert.FromHexString(e.PreviousHash));
        Add(NpgsqlDbType.Bytea, e => Convert.FromHexString(e.Hash));
        batch.BatchCommands.Add(command);
    }
}
