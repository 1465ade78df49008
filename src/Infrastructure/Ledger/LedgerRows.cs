using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Ledger;

/// <summary>What a page of postings must know, read under the head row's lock.</summary>
/// <param name="Head">Of a wallet without a row: one without entries.</param>
/// <param name="Exists">It has a row.</param>
/// <param name="Reserved">By single sends on their way.</param>
/// <param name="Low">It was told that the balance is low.</param>
/// <param name="LowBelow">The organization's threshold; null: none, or none that can be read.</param>
internal sealed record LedgerKnown(
    LedgerHead Head, bool Exists, decimal Reserved, bool Low, decimal? LowBelow, IReadOnlyList<LedgerHold> Holds,
        IReadOnlyList<LedgerCharge> Charges);

/// <summary>The statements of <c>bsp.ledger_heads</c>, <c>charges</c>, <c>ledger_holds</c> and <c>ledger_nodes</c>.</summary>
internal static class LedgerRows
{
    /// <summary>Columns of a head, for <see cref="Head"/>.</summary>
    public const string HeadColumns = "h.month, h.size, h.hash, h.balance, h.held, h.tree, h.last_at";

    private const int LockKey = 0x4C65_6467; // "Ledg"; of two halves, so that it is no announcement of an append (bsp.fence)

    private const string LockHead = $"""
        SELECT {HeadColumns}, h.reserved, h.low, (SELECT o.settings #>> ARRAY['low_balance', $2] FROM organizations o WHERE o.id = $1)
          FROM bsp.ledger_heads h WHERE h.organization_id = $1 AND h.currency = $2 FOR UPDATE OF h
        """;

    private const string ReadHolds = """
        SELECT h.reference, h.currency, h.category, h.placed, h.remaining, h.expires_at, h.state FROM unnest($2::text[]) AS k (reference)
         CROSS JOIN LATERAL (SELECT x.* FROM bsp.ledger_holds x WHERE x.organization_id = $1 AND x.reference = k.reference OFFSET 0) h
        """;

    private const string ReadCharges = """
        SELECT c.reference, c.kind, c.currency, c.state, c.type, c.category, c.amount, c.refunded,
            c.entry_id FROM unnest($2::uuid[], $3::text[]) AS k (reference, kind)
         CROSS JOIN LATERAL (
           SELECT x.* FROM bsp.charges x WHERE x.organization_id = $1 AND x.reference = k.reference AND x.kind = k.kind OFFSET 0) c
        """;

    /// <summary>
    /// Locks the wallet until the transaction ends and reads what the postings speak of; then begins the savepoint <c>bsp_ledger</c>.
    /// </summary>
    public static async Task<LedgerKnown> ReadAsync(TenantTransaction tx, Guid organizationId, string currency,
        IReadOnlyList<Posting> postings, CancellationToken ct)
    {
        var known = await ReadOnceAsync(tx, organizationId, currency, postings, ct);
        if (known.Exists)
        {
            return known;
        }

        // There is no row to lock yet: whoever else is about to begin this wallet waits here.
        await tx.ExecuteAsync("SELECT pg_advisory_xact_lock($1, hashtext($2))", ct, LockKey, $"{organizationId}/{currency}");
        return await ReadOnceAsync(tx, organizationId, currency, postings, ct);
    }

    /// <summary>A head from <see cref="HeadColumns"/>.</summary>
    public static LedgerHead Head(NpgsqlDataReader row, Guid organizationId, string currency, int from = 0)
    {
        var (month, size) = (row.GetString(from), row.GetInt64(from + 1));
        return new(
            Uuid.Ledger(organizationId, currency, month), organizationId, currency, month, size,
                Convert.ToHexStringLower(row.GetFieldValue<byte[]>(from + 2)),
            Money.Round(row.GetDecimal(from + 3)), Money.Round(row.GetDecimal(from + 4)),
                MerkleFrontier.Of(size, row.GetFieldValue<byte[]>(from + 5)),
            row.GetFieldValue<DateTimeOffset>(from + 6));
    }

    private static async Task<LedgerKnown> ReadOnceAsync(TenantTransaction tx, Guid organizationId, string currency,
        IReadOnlyList<Posting> postings, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(tx.Connection);
        batch.BatchCommands.Add(Sql(LockHead, organizationId, currency));
        batch.BatchCommands.Add(Sql(ReadHolds, organizationId, Names(postings)));
        var keys = postings.OfType<Transfer>().Select(t => t.Key).Concat(postings.OfType<RefundOf>().Select(r => r.Of)).Distinct().ToList();
        batch.BatchCommands.Add(Sql(ReadCharges, organizationId, keys.Select(k => k.Reference).ToArray(),
            keys.Select(k => k.Kind).ToArray()));
        batch.BatchCommands.Add(new("SAVEPOINT bsp_ledger"));
        await using var reader = await batch.ExecuteReaderAsync(ct);
        var (head, reserved, low, below, exists) = (LedgerHead.New(organizationId, currency), 0m, false, (decimal?)null, false);
        if (await reader.ReadAsync(ct))
        {
            (head, reserved, low, exists) = (Head(reader, organizationId, currency), reader.GetDecimal(7), reader.GetBoolean(8), true);
            below = Money.TryParseSigned(reader.IsDBNull(9) ? null : reader.GetString(9), out var threshold) ? threshold : null;
        }

        await reader.NextResultAsync(ct);
        var holds = await AllAsync(reader, row => new LedgerHold(
            row.GetString(0), row.GetString(1), row.GetString(2), row.GetDecimal(3), row.GetDecimal(4),
                row.GetFieldValue<DateTimeOffset>(5), row.GetString(6)), ct);
        await reader.NextResultAsync(ct);
        var charges = await AllAsync(reader, row => new LedgerCharge(
            new(row.GetGuid(0), row.GetString(1)), row.GetString(2), row.GetString(3), row.IsDBNull(4) ? "" : row.GetString(4),
                row.IsDBNull(5) ? null : row.GetString(5),
            row.GetDecimal(6), row.GetDecimal(7), row.IsDBNull(8) ? null : row.GetGuid(8)), ct);
        return new(head, exists, reserved, low, below, holds, charges);
    }

    private static string[] Names(IReadOnlyList<Posting> postings) => [.. postings.Select(posting => posting switch
    {
        Debit debit => debit.FromHold,
        PlaceHold place => place.Reference,
        SettleHold settle => settle.Reference,
        ReleaseHold release => release.Reference,
        ExpireHold expire => expire.Reference,
        _ => null,
    }).OfType<string>().Distinct()];

    private static async Task<List<T>> AllAsync<T>(NpgsqlDataReader reader, Func<NpgsqlDataReader, T> map, CancellationToken ct)
    {
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(map(reader));
        }

        return rows;
    }

    /// <summary>A statement with its parameters; arrays of texts that may be null and JSON say their type.</summary>
    public static NpgsqlBatchCommand Sql(string text, params object[] arguments)
    {
        var command = new NpgsqlBatchCommand(text);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(argument as NpgsqlParameter ?? new NpgsqlParameter { Value = argument });
        }

        return command;
    }

    /// <summary>An array parameter of that type.</summary>
    public static NpgsqlParameter Array<T>(NpgsqlDbType type, IEnumerable<T> values) =>
        new() { NpgsqlDbType = NpgsqlDbType.Array | type, Value = values.ToArray() };
}
