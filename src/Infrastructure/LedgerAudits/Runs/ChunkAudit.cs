using System.Buffers.Text;
using System.Text;
using Bsp.Application.Ledger;
using Bsp.Domain.Ledger;
using Npgsql;

namespace Bsp.Infrastructure.LedgerAudits.Runs;

/// <summary>
/// Checks one run of entries alone: form, hash, chain, arithmetic, order, and each row of <c>transactions</c> beside its entry. Both are
/// read in step, in the order of ids. Since each entry carries the
/// hash of the one before, runs can be checked by several at once; what concerns more than one (holds, roots, months) is looked at in
/// their order afterwards (<see cref="ChainSeams"/>).
/// </summary>
internal sealed class ChunkAudit : IDisposable
{
    // The order is the key's: no plan sorts. The entry before the run comes along, so that the run's first can be held against it.
    private const string Entries = """
        SELECT e.version, e.type, e.data, e.id FROM public.mt_events e WHERE e.tenant_id = '{0}' AND e.stream_id = '{1}' AND e.version >=
          {2} AND e.version <= {3} ORDER BY e.version
        """;

    private readonly EntryBytes entry = new();
    private readonly TableRow row = new();
    private readonly MerkleFold fold;
    private readonly List<(int Level, byte[] Hash)> subtrees = [];
    private readonly Dictionary<string, HoldMove> holds = [];
    private readonly byte[] lastHash = new byte[MerkleFold.HashBytes];
    private Guid organization;
    private Chunk chunk = null!;
    private LedgerFault? fault;
    private ChainEnd? opening;
    private ClosingEntry? closing;
    private EntryValues last;
    private long entries;
    private long transactions;
    private long placed;
    private long placedSum;
    private long placedMark;

    public ChunkAudit() => fold = new() { Finished = Keep };

    /// <param name="stream">Sees the organization, and the same moment as <paramref name="table"/>.</param>
    /// <param name="rowsOf">Which rows of the table belong to the run, as a condition on <c>t.id</c>; null: the table is not
    /// compared.</param>
    public ChunkResult Run(NpgsqlConnection stream, NpgsqlConnection table, Guid organizationId, Chunk of, string? rowsOf,
        CancellationToken ct)
    {
        (organization, chunk, fault, opening, closing, last, entries, transactions, placed, placedSum, placedMark) =
            (organizationId, of, null, null, null, default, 0, 0, 0, 0, 0);
        holds.Clear();
        fold.Clear();
        subtrees.Clear();
        var select = string.Format(System.Globalization.CultureInfo.InvariantCulture, Entries, organizationId, of.Of.StreamId, of.After,
            of.UpTo);
        using (var stored = new CopyRows(stream, select, 4))
        using (var rows = rowsOf is null ? null
            : new CopyRows(table, TableRow.Select(organizationId, of.Of.IsOnly ? null : of.Of.Currency, rowsOf), TableRow.Columns))
        {
            if (of.After == 0 || Before(stored))
            {
                CheckAll(stored, rows, ct);
                AtEnd(rows);
            }
        }

        var end = entries == 0 ? null : new ChainEnd(Convert.ToHexStringLower(lastHash), last.Balance, last.Held, last.CreatedAt,
            last.Id, of.Of.Month);
        return new(of, fault, entries, transactions, opening, end, [.. fold.Complete()], closing, new Dictionary<string,
            HoldMove>(holds), placed, placedSum, placedMark, [.. subtrees]);
    }

    public void Dispose() => entry.Dispose();

    // The entry before the run. It is checked with its own: here it is only taken down.
    private bool Before(CopyRows stored)
    {
        if (!stored.Next() || stored.Int64(0) != chunk.After || entry.Read(stored.Json(2)) is not null || !last.Read(entry))
        {
            return Say(null, chunk.After, "entry.missing", $"Entry {chunk.After} is gone, or is none.");
        }

        entry.Hash.CopyTo(lastHash);
        return true;
    }

    private void CheckAll(CopyRows stored, CopyRows? rows, CancellationToken ct)
    {
        for (var expected = chunk.After + 1; stored.Next() && Check(stored, expected, rows); expected++)
        {
            entries++;
            if ((entries & 0xFFF) == 0)
            {
                ct.ThrowIfCancellationRequested();
            }
        }
    }

    private void AtEnd(CopyRows? rows)
    {
        if (fault is null && entries < chunk.UpTo - chunk.After)
        {
            Say(null, chunk.After + entries + 1, "entry.missing",
                $"The stream has {chunk.Of.Version} entries by its version, and entry {chunk.After + entries + 1} is not there.");
        }

        if (fault is null && rows is not null && rows.Next())
        {
            Extra(rows);
        }
    }

    // True: it holds. What follows a fault is not looked at.
    private bool Check(CopyRows stored, long expected, CopyRows? rows)
    {
        var version = stored.Int64(0);
        if (version != expected)
        {
            return Say(null, expected, "entry.missing", $"Entry {expected} is gone: {version} follows {expected - 1}.");
        }

        var now = default(EntryValues);
        if (entry.Read(stored.Json(2)) is { } malformed)
        {
            return Say(null, expected, "entry.altered", $"Entry {expected} is none: {malformed}.");
        }

        if (!now.Read(entry))
        {
            return Say(null, expected, "entry.altered",
                $"Entry {expected} has an amount, a time, a type or an id in a form that no entry has.");
        }

        if (!entry.HashHolds())
        {
            return Say(now.Id, expected, "entry.altered",
                $"Entry {expected} is not what was hashed: one of its fields, or its hash, was changed.");
        }

        if (stored.Uuid(3) != now.Id)
        {
            return Say(now.Id, expected, "entry.altered", $"The event of entry {expected} has another id than the entry.");
        }

        if (Displaced(now, expected, stored[1]) is { } displaced)
        {
            return Say(now.Id, expected, "entry.swapped", displaced);
        }

        return Follows(now, expected) && HoldFollows(now, expected) && Compare(now, expected, rows) && Take(now);
    }

    private string? Displaced(in EntryValues now, long expected, ReadOnlySpan<byte> eventType)
    {
        Span<byte> own = stackalloc byte[36];
        Utf8Formatter.TryFormat(organization, own, out _);
        if (!entry[EntryField.OrganizationId].SequenceEqual(own))
        {
            return $"Entry {expected} belongs to organization {entry.Text(EntryField.OrganizationId)}.";
        }

        if (now.Sequence != expected)
        {
            return $"Where entry {expected} belongs stands entry {now.Sequence}.";
        }

        if (!Is(EntryField.Currency, chunk.Of.Currency) || !Is(EntryField.Month, chunk.Of.Month))
        {
            return $"Entry {expected} belongs to {entry.Text(EntryField.Currency)} {entry.Text(EntryField.Month)}.";
        }

        return eventType.SequenceEqual(EntryValues.EventName(now.Kind)) ? null
            : $"Entry {expected} is a {entry.Text(EntryField.Type)}, and its event is named {Encoding.UTF8.GetString(eventType)}.";
    }

    private bool Is(EntryField field, string value)
    {
        Span<byte> text = stackalloc byte[16];
        return Encoding.UTF8.TryGetBytes(value, text, out var length) && entry[field].SequenceEqual(text[..length]);
    }

    private bool Follows(in EntryValues now, long expected)
    {
        if ((expected == 1) != (now.Kind == EntryKind.Opening))
        {
            return Say(now.Id, expected, "opening.differs", expected == 1 ? "The month does not begin with an opening entry."
                : $"Entry {expected} opens the month once more.");
        }

        if (expected == 1)
        {
            opening = new(Convert.ToHexStringLower(entry.PreviousHash), now.Balance, now.Held, now.CreatedAt, now.Id, chunk.Of.Month);
            return true;
        }

        if (last.Kind == EntryKind.Closing)
        {
            return Say(now.Id, expected, "closing.differs", $"Entry {expected} follows the closing entry.");
        }

        if (!entry.PreviousHash.SequenceEqual(lastHash))
        {
            return Say(now.Id, expected, "chain.broken",
                $"Entry {expected} does not take in the hash of entry {expected - 1}: one of the two was replaced.");
        }

        if (now.Balance != last.Balance + now.Change)
        {
            return Say(now.Id, expected, "entry.arithmetic",
                $"The balance after entry {expected} does not follow from the one before and its amount.");
        }

        return (now.CreatedAt >= last.CreatedAt && now.Id.CompareTo(last.Id) > 0)
            || Say(now.Id, expected, "entry.order", $"Entry {expected} is older than the one before, by its time or its id.");
    }

    private bool HoldFollows(in EntryValues now, long expected)
    {
        if (now.Kind == EntryKind.Opening)
        {
            return true;
        }

        var moved = now.Held - last.Held;
        switch (now.Kind)
        {
            case EntryKind.HoldPlaced when moved == now.Amount:
                (placed, placedSum) = (placed + 1, placedSum + moved);
                placedMark ^= HoldRows.Mark(entry[EntryField.ReferenceId], entry[EntryField.Category], entry[EntryField.Amount],
                    entry.Metadata("expires_at"u8));
                return Move(entry[EntryField.ReferenceId], moved, empties: false);
            case EntryKind.HoldReleased when moved == -now.Amount:
                return Move(entry[EntryField.ReferenceId], moved, empties: false);
            case EntryKind.HoldSettled or EntryKind.HoldExpired when moved == -now.Amount:
                return Move(entry[EntryField.ReferenceId], moved, empties: true);
            case EntryKind.Debit when entry.Metadata("hold"u8) is { Length: > 0 } hold && moved < 0 && -moved <= now.Amount:
                return Move(hold, moved, empties: -moved < now.Amount);
            default:
                var none = now.Kind
                    is not (EntryKind.HoldPlaced or EntryKind.HoldReleased or EntryKind.HoldSettled or EntryKind.HoldExpired)
                    && entry.Metadata("hold"u8).IsEmpty;
                return (none && moved == 0)
                    || Say(now.Id, expected, "entry.arithmetic",
                    $"What is held after entry {expected} does not follow from what was held before it.");
        }
    }

    private bool Move(ReadOnlySpan<byte> reference, long by, bool empties)
    {
        var key = Encoding.UTF8.GetString(reference);
        var move = holds.GetValueOrDefault(key) ?? new(0, 0, null);
        var net = move.Net + by;
        holds[key] = new(net, Math.Min(move.Least, net), empties ? move.Empty ?? net : move.Empty);
        return true;
    }

    private bool Compare(in EntryValues now, long expected, CopyRows? rows)
    {
        if (!now.IsTransaction)
        {
            return true;
        }

        transactions++;
        if (rows is null)
        {
            return true;
        }

        var order = rows.Next() ? rows.Uuid(TableRow.Id).CompareTo(now.Id) : 1;
        if (order != 0)
        {
            return order < 0 ? Extra(rows) : Say(now.Id, expected, "table.missing", $"Entry {expected} has no row in transactions.");
        }

        return row.Differs(rows, entry, now) is not { } column
            || Say(now.Id, expected, "table.differs", $"The row of entry {expected} in transactions has another {column} than the entry.");
    }

    private bool Extra(CopyRows rows) =>
        Say(rows.Uuid(TableRow.Id), null, "table.extra", "A row of transactions has no entry in the ledger.");

    private bool Take(in EntryValues now)
    {
        if (now.Kind == EntryKind.Closing)
        {
            closing = new(entry.Hash.ToArray(), Encoding.UTF8.GetString(entry.Metadata("entries"u8)),
                Encoding.UTF8.GetString(entry.Metadata("root"u8)), now.Id, now.Sequence);
        }
        else
        {
            fold.AddEntry(entry.Hash);
        }

        entry.Hash.CopyTo(lastHash);
        last = now;
        return true;
    }

    private void Keep(int level, long index, ReadOnlySpan<byte> hash)
    {
        if (level >= LedgerPage.StoredLevelsFrom)
        {
            subtrees.Add((level, hash.ToArray()));
        }
    }

    private bool Say(Guid? id, long? sequence, string code, string detail)
    {
        fault ??= new(id, chunk.Of.Currency, chunk.Of.Month, sequence, code, detail);
        return false;
    }
}
