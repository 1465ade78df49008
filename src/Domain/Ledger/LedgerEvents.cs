using Bsp.Domain.Common;

namespace Bsp.Domain.Ledger;

/// <summary>A link of a wallet's chain. Its type is in its name and in its entry; an audit asks that they agree.</summary>
public abstract record LedgerEvent(LedgerEntry Entry);

/// <summary>A month begins with the balance, the holds and the hash with which the month before ended.</summary>
[StoredAs("ledger_opened")]
public sealed record LedgerOpened(LedgerEntry Entry) : LedgerEvent(Entry);

/// <summary>A month takes nothing any more. Its metadata names the number of entries before it and their Merkle root.</summary>
[StoredAs("ledger_closed")]
public sealed record LedgerClosed(LedgerEntry Entry) : LedgerEvent(Entry);

/// <summary>Money came in: a top-up, a correction, a credit for what was not used.</summary>
[StoredAs("ledger_credited")]
public sealed record LedgerCredited(LedgerEntry Entry) : LedgerEvent(Entry);

/// <summary>Something was charged.</summary>
[StoredAs("ledger_debited")]
public sealed record LedgerDebited(LedgerEntry Entry) : LedgerEvent(Entry);

/// <summary>Exactly one earlier charge or top-up was given back, whole or in part.</summary>
[StoredAs("ledger_refunded")]
public sealed record LedgerRefunded(LedgerEntry Entry) : LedgerEvent(Entry);

/// <summary>Part of the balance is set aside for what is about to be charged.</summary>
[StoredAs("hold_placed")]
public sealed record HoldPlaced(LedgerEntry Entry) : LedgerEvent(Entry);

/// <summary>What the hold was for is done; the amount is what came back of it, perhaps nothing.</summary>
[StoredAs("hold_settled")]
public sealed record HoldSettled(LedgerEntry Entry) : LedgerEvent(Entry);

/// <summary>The amount came back of a hold: for what will not be charged, or all that was left.</summary>
[StoredAs("hold_released")]
public sealed record HoldReleased(LedgerEntry Entry) : LedgerEvent(Entry);

/// <summary>The hold's time was over; the amount is what came back of it.</summary>
[StoredAs("hold_expired")]
public sealed record HoldExpired(LedgerEntry Entry) : LedgerEvent(Entry);
