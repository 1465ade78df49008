import { useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { createContext, useContext, useEffect, useMemo, useRef, useState } from 'react';
import type { Frame, StreamState } from '../api/sse';
import { follow } from '../api/sse';
import { useSession } from './session';

type Listener = (frame: Frame) => void;

interface Live {
  state: StreamState;
  /** Calls back for each frame until the answer is called. */
  listen: (listener: Listener) => () => void;
  /** The place of the last frame: what is shown is at least so new. Null: no frame came yet. */
  position: () => string | null;
}

const Context = createContext<Live | null>(null);

/** The organization's stream: one for the whole console. After an outage everything shown is read anew. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const session = useSession();
  const client = useQueryClient();
  const listeners = useRef(new Set<Listener>());
  const position = useRef<string | null>(null);
  const [state, setState] = useState<StreamState>('connecting');
  const organization = session.organization?.id ?? null;

  useEffect(() => {
    if (!organization) {
      return undefined;
    }
    let wasAway = false;
    position.current = null;
    return follow({
      path: '/v1/stream',
      onFrame: frame => {
        position.current = frame.id ?? position.current;
        if (frame.event === 'reset') {
          void client.invalidateQueries();
        }
        listeners.current.forEach(listener => listener(frame));
      },
      onState: next => {
        if (next === 'away') {
          wasAway = true;
        } else if (next === 'open' && wasAway) {
          wasAway = false;
          void client.invalidateQueries();
        }
        // While it tries again, it is still away.
        setState(before => (next === 'connecting' && before === 'away' ? 'away' : next));
      },
    });
  }, [organization, client]);

  const value = useMemo(
    () => ({
      state,
      position: () => position.current,
      listen: (listener: Listener) => {
        listeners.current.add(listener);
        return () => {
          listeners.current.delete(listener);
        };
      },
    }),
    [state],
  );
  return <Context value={value}>{children}</Context>;
}

export function useLive(): Live {
  const live = useContext(Context);
  if (!live) {
    throw new Error('There is no LiveProvider.');
  }
  return live;
}

/** Calls back for frames of one of these names. */
export function useFrames(names: readonly string[], onFrame: (name: string, data: unknown) => void): void {
  const { listen } = useLive();
  const latest = useRef(onFrame);
  latest.current = onFrame;
  const wanted = names.join(' ');
  useEffect(
    () =>
      listen(frame => {
        if (wanted.split(' ').includes(frame.event)) {
          latest.current(frame.event, JSON.parse(frame.data));
        }
      }),
    [listen, wanted],
  );
}
