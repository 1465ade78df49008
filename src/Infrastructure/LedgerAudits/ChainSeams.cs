using System.Globalization;
using Bsp.Infrastructure.LedgerAudits.Runs;
using Bsp.Application.Ledger;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>
/// Puts the runs of one wallet together in their order: months that begin with what the one before ended with, closing entries with the
/// month's root, and what is left of each hold. It holds the open
/// holds and one hash for each bit of a month's size.
/// </summary>
internal sealed class ChainSeams : IDisposable
{
    private readonly string currency;
    private readonly MerkleFold month;
    private readonly TreeDigest tree = new();
    private readonly Dictionary<string, long> holds = [];
    private readonly List<(string Month, IReadOnlyList<string> Tree)> trees = [];

    public ChainSeams(string currency)
    {
        this.currency = currency;
        month = new() { Finished = (level, _, hash) => tree.Add(level, hash) };
    }

    /// <summary>What the whole months' kept subtrees come to, in their order.</summary>
    public IReadOnlyList<(string Month, IReadOnlyList<string> Tree)> Trees => trees;

    /// <summary>The chain's end so far; null: nothing was put in.</summary>
    public ChainEnd? End { get; private set; }

    /// <summary>Entries of the month that it ends in, with a closing entry.</summary>
    public long Size { get; private set; }

    public bool IsClosed { get; private set; }

    public long Entries { get; private set; }

    public long Transactions { get; private set; }

    /// <summary>Holds that were ever placed, and their sum in millionths.</summary>
    public (long Count, long Sum) Placed { get; private set; }

    /// <summary>Over all of them, in whatever order (<see cref="HoldRows"/>); null: not known.</summary>
    public long? PlacedMark { get; private set; } = 0;

    /// <summary>Open holds by reference, in millionths.</summary>
    public IReadOnlyDictionary<string, long> Holds => holds;

    /// <summary>The subtrees of the month's tree, with a closing entry, as the head row keeps them.</summary>
    public byte[] Frontier()
    {
        return [.. month.Complete().SelectMany(c => c.Node)];
    }

    /// <summary>Goes on behind months that an earlier run of the audit has checked.</summary>
    public void ResumeBehind(AuditPlace place)
    {
        (End, IsClosed) = (new(place.Hash, place.Balance, place.Held, 0, place.LastId, place.Month), true);
        (Transactions, Placed) = (place.Transactions, (place.HoldsPlaced, place.HoldsPlacedSum));
        PlacedMark = place.HoldsMark;
        foreach (var (reference, left) in place.Holds)
        {
            holds[reference] = left;
        }
    }

    /// <summary>False: it began in the middle of the chain.</summary>
    public bool HoldsAreKnown { get; private set; } = true;

    /// <summary>Begins in the middle: what the first opening entry says is believed.</summary>
    public void BeginInTheMiddle() => HoldsAreKnown = false;

    /// <summary>The next run. The first fault in it or at the seam before it; null: everything holds.</summary>
    public LedgerFault? Put(ChunkResult run, bool first)
    {
        if (run.Chunk.After == 0 && run.Opening is { } opening && Begins(run, opening, first) is { } begun)
        {
            return begun;
        }

        if (run.Fault is not null)
        {
            return run.Fault;
        }

        foreach (var (level, hash) in run.Subtrees)
        {
            tree.Add(level, hash);
        }

        foreach (var (node, level) in run.Nodes)
        {
            month.AddNode(node, level);
        }

        (End, Entries, Transactions, Size) = (run.End ?? End, Entries + run.Entries, Transactions + run.Transactions, run.Chunk.UpTo);
        Placed = (Placed.Count + run.HoldsPlaced, Placed.Sum + run.HoldsPlacedSum);
        PlacedMark ^= run.HoldsMark;
        var fault = MoveHolds(run) ?? (run.Closing is { } closing ? Close(run, closing) : null);
        if (run.Chunk.UpTo == run.Chunk.Of.Version)
        {
            trees.Add((run.Chunk.Of.Month, tree.Lines()));
        }

        return fault;
    }

    public void Dispose() => tree.Dispose();

    private LedgerFault? Begins(ChunkResult run, ChainEnd opening, bool first)
    {
        month.Clear();
        tree.Clear();
        if (!first || End is not null)
        {
            var (before, end) = (End!, Fault(run, opening.Id, 1, "opening.differs", ""));
            return !IsClosed ? new(null, currency, before.Month, Size + 1, "entry.missing",
                $"{run.Chunk.Of.Month} begins, and {before.Month} ends after {Size} entries without a closing one: its end was cut off.")
                : opening.Hash != before.Hash ? end
                    with { Detail = $"{run.Chunk.Of.Month} does not begin with the hash with which {before.Month} ended." }
                : opening.Balance != before.Balance || opening.Held != before.Held ? end
                    with { Detail = $"{run.Chunk.Of.Month} does not begin with the balance and the holds with which {before.Month} ended." }
                : Opened();
        }

        if (!HoldsAreKnown)
        {
            return Opened();
        }

        return opening.Hash.All(c => c == '0') && opening is { Balance: 0, Held: 0 } ? Opened()
            : Fault(run, opening.Id, 1, "month.missing",
                $"The ledger begins with {run.Chunk.Of.Month}, and that month follows another: the months before it are gone.");
    }

    private LedgerFault? Opened()
    {
        IsClosed = false;
        return null;
    }

    private LedgerFault? MoveHolds(ChunkResult run)
    {
        if (!HoldsAreKnown)
        {
            return null;
        }

        foreach (var (reference, move) in run.Holds)
        {
            var left = holds.GetValueOrDefault(reference);
            if (left + move.Least < 0 || (move.Empty is { } empty && left + empty != 0))
            {
                return Fault(run, null, null, "hold.differs",
                    $"Between entry {run.Chunk.After + 1} and {run.Chunk.UpTo} more or less was taken of the hold {reference} than "
                    + $"was left of it.");
            }

            left += move.Net;
            if (left == 0)
            {
                holds.Remove(reference);
            }
            else
            {
                holds[reference] = left;
            }
        }

        return null;
    }

    private LedgerFault? Close(ChunkResult run, ClosingEntry closing)
    {
        var (entries, root) = ((closing.Sequence - 1).ToString(CultureInfo.InvariantCulture), Convert.ToHexStringLower(month.Root()));
        month.AddEntry(closing.Hash);
        IsClosed = true;
        return closing.Entries != entries ? Fault(run, closing.Id, closing.Sequence, "closing.differs",
            $"The closing entry counts {closing.Entries} entries; there are {entries}.")
            : closing.Root != root ? Fault(run, closing.Id, closing.Sequence, "closing.differs",
                "The closing entry's root is not that of the month's entries.")
            : null;
    }

    private LedgerFault Fault(ChunkResult run, Guid? entry, long? sequence, string code, string detail) =>
        new(entry, currency, run.Chunk.Of.Month, sequence, code, detail);
}
