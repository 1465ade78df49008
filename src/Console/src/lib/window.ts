/** What is left of the time in which a customer may be written to freely. */
export interface WindowLeft {
  state: 'open' | 'closing' | 'closed';
  /** Whole minutes left, rounded up; 0 when closed. */
  minutes: number;
}

/** Below this an agent is warned. */
const CLOSING_MINUTES = 60;

/** `until` as `window_until` of a conversation; null: the customer never wrote. */
export function windowLeft(until: string | null | undefined, now: number): WindowLeft {
  const end = until ? Date.parse(until) : Number.NaN;
  if (Number.isNaN(end) || end <= now) {
    return { state: 'closed', minutes: 0 };
  }
  const minutes = Math.ceil((end - now) / 60_000);
  return { state: minutes <= CLOSING_MINUTES ? 'closing' : 'open', minutes };
}
