import { useEffect, useRef, useState } from 'react';
import { api } from '../../api/client';
import type { StreamState } from '../../api/sse';
import { follow } from '../../api/sse';
import type { Progress } from '../../api/types';

interface Sample {
  at: number;
  done: number;
}

/** Messages a second over the last samples; null: too few to say. */
export function rateOf(samples: readonly Sample[]): number | null {
  const first = samples[0];
  const last = samples[samples.length - 1];
  return !first || !last || last.at - first.at < 1000
    ? null
    : Math.max(0, (last.done - first.done) / ((last.at - first.at) / 1000));
}

const WINDOW_MS = 15_000;

/** How far a campaign is, as it changes; goes on by itself when the server comes back. */
export function useProgress(id: string, live: boolean): { progress: Progress | null; state: StreamState; rate: number | null } {
  const [progress, setProgress] = useState<Progress | null>(null);
  const [state, setState] = useState<StreamState>('connecting');
  const [rate, setRate] = useState<number | null>(null);
  const samples = useRef<Sample[]>([]);

  useEffect(() => {
    samples.current = [];
    setRate(null);
    if (!live) {
      return undefined;
    }
    return follow({
      path: '/v1/campaigns/{id}/progress/stream',
      parts: { id },
      finite: true,
      isOver: async () => ['COMPLETED', 'CANCELLED'].includes((await api.get('/v1/campaigns/{id}', { path: { id } })).status),
      onFrame: frame => {
        const next = JSON.parse(frame.data) as Progress;
        const now = Date.now();
        samples.current = [...samples.current, { at: now, done: next.sent + next.failed }].filter(
          sample => now - sample.at < WINDOW_MS,
        );
        setRate(rateOf(samples.current));
        setProgress(next);
      },
      onState: next => setState(before => (next === 'connecting' && before === 'away' ? 'away' : next)),
    });
  }, [id, live]);

  return { progress, state, rate };
}
