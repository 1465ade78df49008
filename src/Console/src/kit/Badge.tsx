import type { ReactNode } from 'react';
import { cx } from '../lib/cx';

export type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'info';

export function Badge({ tone = 'neutral', dot, children }: { tone?: Tone; dot?: boolean; children: ReactNode }) {
  return (
    <span className={cx('badge', `badge-${tone}`)}>
      {dot && <span className="badge-dot" aria-hidden="true" />}
      {children}
    </span>
  );
}

const TONES: Record<string, Tone> = {
  running: 'info',
  scheduled: 'info',
  sending: 'info',
  pending: 'warn',
  queued: 'neutral',
  draft: 'neutral',
  paused: 'warn',
  waiting: 'warn',
  completed: 'good',
  approved: 'good',
  active: 'good',
  connected: 'good',
  delivered: 'good',
  read: 'good',
  sent: 'info',
  passed: 'good',
  equal: 'good',
  ok: 'good',
  up: 'good',
  stored: 'good',
  trialing: 'info',
  opted_in: 'good',
  live: 'good',
  healthy: 'good',
  online: 'good',
  cancelled: 'neutral',
  skipped: 'neutral',
  archived: 'neutral',
  inactive: 'neutral',
  expired: 'neutral',
  opted_out: 'bad',
  failed: 'bad',
  rejected: 'bad',
  disabled: 'bad',
  different: 'bad',
  unknown: 'warn',
  spam: 'bad',
  banned: 'bad',
  down: 'bad',
  suspended: 'bad',
  disconnected: 'bad',
  past_due: 'warn',
  rebuilding: 'info',
  away: 'warn',
  restricted: 'warn',
  parked: 'bad',
  urgent: 'bad',
  high: 'warn',
  positive: 'good',
  negative: 'bad',
  waiting_for_limit: 'warn',
  degraded: 'warn',
  unhealthy: 'bad',
};

/** The tone of a word of the server's. */
export const toneOf = (word: string | null | undefined): Tone => TONES[(word ?? '').toLowerCase()] ?? 'neutral';
