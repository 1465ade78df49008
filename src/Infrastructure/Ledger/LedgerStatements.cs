using Bsp.Domain.Ledger;
using Npgsql;
using NpgsqlTypes;
using static Bsp.Infrastructure.Ledger.LedgerRows;

namespace Bsp.Infrastructure.Ledger;

/// <summary>
/// What a page changes beside its events: charges, holds, nodes, and the head last. Each statement's rows are counted, for whose count
/// differs lost a race.
/// </summary>
internal sealed class LedgerStatements(LedgerPage page, LedgerKnown known, bool low, DateTimeOffset now)
{
    private const string InsertCharges = """
        INSERT INTO bsp.charges AS c
          (organization_id, reference, kind, currency, state, type, category, amount, refunded, entry_id, of_reference, of_kind, evidence,
              created_at, updated_at)
        SELECT $1, q.reference, q.kind, $2, 'posted', q.type, q.category, q.amount, q.refunded, q.entry_id, q.of_reference, q.of_kind,
            q.evidence, $3, $3
          FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::numeric[], $9::numeric[], $10::uuid[], $11::uuid[], $12::text[],
              $13::jsonb[])
            AS q (reference, kind, type, category, amount, refunded, entry_id, of_reference, of_kind, evidence)
        ON CONFLICT (organization_id, reference, kind) DO UPDATE SET currency = excluded.currency, state = 'posted', type = excluded.type,
            category = excluded.category,
          amount = excluded.amount, refunded = excluded.refunded, entry_id = excluded.entry_id, of_reference = excluded.of_reference,
              of_kind = excluded.of_kind,
          evidence = coalesce(excluded.evidence, c.evidence), updated_at = excluded.updated_at
          WHERE c.state = 'pending'
        """;

    private const string UpdateCharges = """
        UPDATE bsp.charges c SET refunded = q.refunded, updated_at = $2 FROM unnest($3::uuid[], $4::text[], $5::numeric[]) AS q (reference,
            kind, refunded)
         WHERE c.organization_id = $1 AND c.reference = q.reference AND c.kind = q.kind AND c.refunded < q.refunded
        """;

    private const string UpsertHolds = """
        INSERT INTO bsp.ledger_holds AS h (organization_id, reference, currency, category, placed, remaining, expires_at, state,
            created_at, updated_at)
        SELECT $1, q.reference, $2, q.category, q.placed, q.remaining, q.expires_at, q.state, $3, $3
          FROM unnest($4::text[], $5::text[], $6::numeric[], $7::numeric[], $8::timestamptz[], $9::text[]) AS q (reference, category,
              placed, remaining, expires_at, state)
        ON CONFLICT (organization_id, reference) DO UPDATE SET remaining = excluded.remaining, state = excluded.state,
            updated_at = excluded.updated_at
          WHERE h.currency = excluded.currency AND h.state = 'open'
        """;

    private const string InsertNodes = """
        INSERT INTO bsp.ledger_nodes (organization_id, currency, month, level, index, hash)
        SELECT $1, $2, q.month, q.level, q.index, q.hash FROM unnest($3::text[], $4::smallint[], $5::bigint[], $6::bytea[]) AS q (month,
            level, index, hash)
        """;

    private const string UpsertHead = """
        INSERT INTO bsp.ledger_heads AS h (organization_id, currency, first_month, month, size, hash, balance, held, tree, last_at,
            position, low)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (organization_id, currency) DO UPDATE SET month = excluded.month, size = excluded.size, hash = excluded.hash,
            balance = excluded.balance,
          held = excluded.held, tree = excluded.tree, last_at = excluded.last_at, position = excluded.position, low = excluded.low
          WHERE h.month = $13 AND h.size = $14
        """;

    private readonly List<(NpgsqlBatchCommand Command, int Rows)> counted = [];

    /// <summary>Adds them all.</summary>
    /// <param name="sequence">Number of the page's last event in the log.</param>
    public void AddTo(NpgsqlBatch batch, long sequence)
    {
        AddCharges();
        AddHolds();
        AddNodes();
        AddHead(sequence);
        foreach (var (command, _) in counted)
        {
            batch.BatchCommands.Add(command);
        }
    }

    /// <exception cref="KeyTaken">Somebody else was first with one of the keys, or began the wallet: nothing of this page may
    /// stay.</exception>
    public void Check()
    {
        if (counted.Any(statement => statement.Command.Rows != (ulong)statement.Rows))
        {
            throw new KeyTaken();
        }
    }

    private void AddCharges()
    {
        var (organization, currency, at) = (page.Head.OrganizationId, page.Head.Currency, now.UtcDateTime);
        if (page.NewCharges is { Count: > 0 } fresh)
        {
            counted.Add((Sql(InsertCharges, organization, currency, at,
                Array(NpgsqlDbType.Uuid, fresh.Select(n => n.Charge.Key.Reference)),
                    Array(NpgsqlDbType.Text, fresh.Select(n => n.Charge.Key.Kind)),
                Array(NpgsqlDbType.Text, fresh.Select(n => n.Charge.Type)), Array(NpgsqlDbType.Text, fresh.Select(n => n.Charge.Category)),
                Array(NpgsqlDbType.Numeric, fresh.Select(n => n.Charge.Amount)),
                    Array(NpgsqlDbType.Numeric, fresh.Select(n => n.Charge.Refunded)),
                Array(NpgsqlDbType.Uuid, fresh.Select(n => n.Charge.EntryId)), Array(NpgsqlDbType.Uuid, fresh.Select(n => n.Of?.Reference)),
                Array(NpgsqlDbType.Text, fresh.Select(n => n.Of?.Kind)), Array(NpgsqlDbType.Jsonb, fresh.Select(n => n.Evidence))),
                    fresh.Count));
        }

        if (page.Charges is { Count: > 0 } changed)
        {
            counted.Add((Sql(UpdateCharges, organization, at, Array(NpgsqlDbType.Uuid, changed.Select(c => c.Key.Reference)),
                Array(NpgsqlDbType.Text, changed.Select(c => c.Key.Kind)), Array(NpgsqlDbType.Numeric, changed.Select(c => c.Refunded))),
                    changed.Count));
        }
    }

    private void AddHolds()
    {
        if (page.Holds is { Count: > 0 } holds)
        {
            counted.Add((Sql(UpsertHolds, page.Head.OrganizationId, page.Head.Currency, now.UtcDateTime,
                Array(NpgsqlDbType.Text, holds.Select(h => h.Reference)), Array(NpgsqlDbType.Text, holds.Select(h => h.Category)),
                Array(NpgsqlDbType.Numeric, holds.Select(h => h.Placed)), Array(NpgsqlDbType.Numeric, holds.Select(h => h.Left)),
                Array(NpgsqlDbType.TimestampTz, holds.Select(h => h.ExpiresAt.UtcDateTime)),
                    Array(NpgsqlDbType.Text, holds.Select(h => h.State))), holds.Count));
        }
    }

    private void AddNodes()
    {
        if (page.Nodes is { Count: > 0 } nodes)
        {
            counted.Add((Sql(InsertNodes, page.Head.OrganizationId, page.Head.Currency,
                Array(NpgsqlDbType.Text, nodes.Select(n => n.Month)),
                Array(NpgsqlDbType.Smallint, nodes.Select(n => (short)n.Node.Level)),
                    Array(NpgsqlDbType.Bigint, nodes.Select(n => n.Node.Index)),
                Array(NpgsqlDbType.Bytea, nodes.Select(n => n.Node.Hash))), nodes.Count));
        }
    }

    private void AddHead(long sequence)
    {
        var head = page.Head;
        counted.Add((Sql(UpsertHead, head.OrganizationId, head.Currency, page.Entries[0].Month, head.Month, head.Size,
            Convert.FromHexString(head.Hash), head.Balance,
            head.Held, head.Tree.Peaks.ToArray(), head.LastAt.UtcDateTime, sequence, low, known.Head.Month, known.Head.Size), 1));
    }
}

/// <summary>Somebody else was first with a key of the page.</summary>
internal sealed class KeyTaken : Exception;
