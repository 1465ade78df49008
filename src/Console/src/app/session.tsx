import { useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { call, credentials } from '../api/client';
import { Problem } from '../api/problem';
import type { Organization, User } from '../api/types';
import { atLeast, type Role } from '../lib/roles';

/** What signing in and `GET /v1/auth/session` answer. */
export interface SessionBody {
  csrf: string | null;
  expires_at: string;
  role?: string;
  user: User;
  organization: Organization | null;
  second_factor?: { enabled: boolean; required: boolean; must_enrol: boolean };
}

export interface Session {
  body: SessionBody;
  role: string;
  /** The platform's own staff. */
  platform: boolean;
  /** The organization whose data is shown; null: staff have not chosen one. */
  organization: Organization | null;
  can: (least: Role) => boolean;
}

interface Sessions {
  /** Undefined while nobody knows yet. */
  session: Session | null | undefined;
  /** The server could not be asked. */
  away: Problem | null;
  signedIn: (body: SessionBody) => void;
  signOut: () => Promise<void>;
  reload: () => Promise<void>;
  choose: (organization: Organization | null) => void;
}

const CHOSEN = 'bsp.organization';
const Context = createContext<Sessions | null>(null);

function remembered(): Organization | null {
  try {
    return JSON.parse(sessionStorage.getItem(CHOSEN) ?? 'null') as Organization | null;
  } catch {
    return null;
  }
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [body, setBody] = useState<SessionBody | null | undefined>(undefined);
  const [chosen, setChosen] = useState<Organization | null>(remembered);
  const [away, setAway] = useState<Problem | null>(null);

  const session = useMemo(() => (body ? sessionOf(body, chosen) : body), [body, chosen]);
  // Requests are made while children render first: what they carry must be set before.
  credentials.csrf = body?.csrf ?? null;
  credentials.organizationId = session?.platform ? (session.organization?.id ?? null) : null;

  const reload = useCallback(async () => {
    try {
      setBody(await call<SessionBody>('GET', '/v1/auth/session'));
      setAway(null);
    } catch (fault) {
      const problem = fault as Problem;
      if (problem.status === 401 || problem.notBuilt) {
        setBody(null);
        setAway(null);
      } else {
        setAway(problem);
      }
    }
  }, []);

  useEffect(() => {
    credentials.onUnauthorized = () => {
      setBody(null);
    };
    void reload();
  }, [reload]);

  // A server that is away at the beginning is asked again until it answers.
  useEffect(() => {
    if (away && body === undefined) {
      const timer = setInterval(() => void reload(), 3000);
      return () => clearInterval(timer);
    }
    return undefined;
  }, [away, body, reload]);

  const signedIn = useCallback(
    (next: SessionBody) => {
      client.clear();
      setBody(next);
    },
    [client],
  );

  const choose = useCallback(
    (organization: Organization | null) => {
      try {
        sessionStorage.setItem(CHOSEN, JSON.stringify(organization));
      } catch {
        // no storage: the choice holds for this page
      }
      credentials.organizationId = organization?.id ?? null;
      client.clear();
      setChosen(organization);
    },
    [client],
  );

  const signOut = useCallback(async () => {
    try {
      await call('POST', '/v1/auth/logout');
    } catch (fault) {
      if (!(fault instanceof Problem) || fault.status !== 401) {
        throw fault;
      }
    }
    choose(null);
    setBody(null);
  }, [choose]);

  const value = useMemo(
    () => ({ session, away, signedIn, signOut, reload, choose }),
    [session, away, signedIn, signOut, reload, choose],
  );
  return <Context value={value}>{children}</Context>;
}

export function sessionOf(body: SessionBody, chosen: Organization | null): Session {
  const role = body.role ?? body.user.role;
  const platform = role === 'super_admin' || role === 'platform';
  const known = platform ? 'super_admin' : role;
  return {
    body,
    role: known,
    platform,
    organization: platform ? chosen : body.organization,
    can: least => atLeast(known, least),
  };
}

export function useSessions(): Sessions {
  const sessions = useContext(Context);
  if (!sessions) {
    throw new Error('There is no SessionProvider.');
  }
  return sessions;
}

/** The session on pages that need one. */
export function useSession(): Session {
  const { session } = useSessions();
  if (!session) {
    throw new Error('Nobody is signed in.');
  }
  return session;
}
