using Bsp.Application.Ledger;

namespace Bsp.Infrastructure.LedgerAudits.Runs;

/// <summary>A month of a wallet, as it is stored.</summary>
/// <param name="Version">Of its stream: entries that it must have.</param>
/// <param name="IsOnly">The organization has no ledger in another currency.</param>
internal sealed record MonthStream(string Currency, string Month, Guid StreamId, long Version, bool IsOnly);

/// <summary>A run of a month's entries, by sequence.</summary>
/// <param name="After">Exclusive.</param>
/// <param name="UpTo">Inclusive.</param>
internal sealed record Chunk(MonthStream Of, long After, long UpTo);

/// <summary>What a run does to one hold, in millionths.</summary>
/// <param name="Net">So much more is left of it afterwards.</param>
/// <param name="Least">The smallest that this was in between.</param>
/// <param name="Empty">What it was where an entry says that nothing is left of the hold; null: none says so.</param>
internal sealed record HoldMove(long Net, long Least, long? Empty);

/// <summary>An end of a chain: what must agree with its neighbour, or with the head row.</summary>
internal sealed record ChainEnd(string Hash, long Balance, long Held, long CreatedAt, Guid Id, string Month);

/// <summary>What a closing entry says of its month.</summary>
internal sealed record ClosingEntry(byte[] Hash, string Entries, string Root, Guid Id, long Sequence);

/// <summary>What was found in a run, and what it means for the whole.</summary>
/// <param name="Fault">The first; null: within the run everything holds.</param>
/// <param name="Opening">What the opening entry says the month before ended with; null: the run does not begin a month.</param>
/// <param name="Nodes">Subtrees over the entries, largest first; without a closing entry.</param>
/// <param name="Subtrees">Those within the run that are kept as rows, each level in its order.</param>
internal sealed record ChunkResult(Chunk Chunk, LedgerFault? Fault, long Entries, long Transactions, ChainEnd? Opening, ChainEnd? End,
    IReadOnlyList<(byte[] Node, int Level)> Nodes,
    ClosingEntry? Closing, IReadOnlyDictionary<string, HoldMove> Holds, long HoldsPlaced, long HoldsPlacedSum,
    long HoldsMark, IReadOnlyList<(int Level, byte[] Hash)> Subtrees);
