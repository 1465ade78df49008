import type { Transaction } from '../../api/types';

/** The message that a charge is about, out of its reference: `message/{id}`, `message/{id}#2`, `message/{id}/{participant}`. */
export function messageOf(reference: string | null | undefined): string | null {
  return /^message\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/i.exec(reference ?? '')?.[1] ?? null;
}

/** Amounts are stored without a sign: what left the wallet gets one. A top-up given back leaves it, a charge given back returns. */
export function signed(row: Pick<Transaction, 'type' | 'category' | 'amount'>): string {
  const leaves = row.type === 'debit' || (row.type === 'refund' && row.category === 'refund');
  return leaves && !row.amount.startsWith('-') ? `-${row.amount}` : row.amount;
}

/** Our own page for a link of a statement's line to its entries. */
export function entriesPath(entries: string): string {
  return `/money/transactions${entries.includes('?') ? entries.slice(entries.indexOf('?')) : ''}`;
}
