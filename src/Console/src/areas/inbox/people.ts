import { useMemo } from 'react';
import { useMaybe } from '../../api/hooks';
import type { Page, Team } from '../../api/types';
import { useSession } from '../../app/session';
import { useFrames } from '../../app/live';

export interface Colleague {
  id: string;
  first_name: string | null;
  last_name: string | null;
  role: string;
  email?: string;
}

interface Presence {
  user_id: string;
  status: string;
}

export interface People {
  colleagues: readonly Colleague[];
  teams: readonly Team[];
  name: (id: string | null | undefined) => string;
  team: (id: string | null | undefined) => string;
  status: (id: string) => string;
}

/** Names, teams and who is there. */
export function usePeople(): People {
  const { body, can } = useSession();
  const own = useMaybe<Page<Colleague>>('/v1/colleagues', { query: { limit: 200 } });
  const users = useMaybe<Page<Colleague>>('/v1/users', { query: { limit: 200 } }, { enabled: own.isError && can('admin') });
  const teams = useMaybe<Page<Team>>('/v1/teams', { query: { limit: 200 } });
  const presence = useMaybe<Page<Presence>>('/v1/presence', {}, { refreshMs: 60_000 });
  const { refetch } = presence;
  useFrames(['presence'], () => void refetch());
  const known = own.data?.data ?? users.data?.data;
  return useMemo(() => {
    const colleagues = known ?? [{ ...body.user, role: body.user.role } as Colleague];
    const names = new Map(
      colleagues.map(c => [c.id, [c.first_name, c.last_name].filter(Boolean).join(' ') || c.email || c.id.slice(-8)]),
    );
    const there = new Map((presence.data?.data ?? []).map(p => [p.user_id, p.status]));
    const list = teams.data?.data ?? [];
    return {
      colleagues,
      teams: list,
      name: id => (id ? (names.get(id) ?? `…${id.slice(-8)}`) : ''),
      team: id => (id ? (list.find(team => team.id === id)?.name ?? '') : ''),
      status: id => there.get(id) ?? 'offline',
    };
  }, [known, presence.data, teams.data, body.user]);
}
