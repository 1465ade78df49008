import { useQueryClient, type InfiniteData } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { api } from '../../api/client';
import { useGet, useList } from '../../api/hooks';
import type { Conversation, Page } from '../../api/types';
import { useFrames } from '../../app/live';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Await } from '../../kit/Page';
import { cx } from '../../lib/cx';
import { ConversationList } from './ConversationList';
import { InboxFilters } from './InboxFilters';
import { usePeople } from './people';
import type { InboxFilter } from './rows';
import { withConversation } from './rows';
import { ShortcutHelp } from './ShortcutHelp';
import { SidePanel } from './SidePanel';
import { Thread } from './Thread';
import { useShortcuts } from './useShortcuts';

const LIST = '/v1/conversations';
const PRESENCE_MS = 25_000;
const queryOf = (filter: InboxFilter) => ({ ...filter, limit: 100 });

export default function InboxPage() {
  const { t } = useI18n();
  const { id } = useParams();
  const navigate = useNavigate();
  const client = useQueryClient();
  const people = usePeople();
  const [filter, setFilter] = useState<InboxFilter>({ status: 'active', snoozed: false });
  const [panel, setPanel] = useState(() => window.innerWidth > 1180);
  const [help, setHelp] = useState(false);
  const list = useList<Conversation>(LIST, { query: queryOf(filter) });
  const chosen = useGet('/v1/conversations/{id}', { path: { id: id ?? '' } }, { enabled: !!id });
  const reply = useRef<HTMLTextAreaElement>(null);
  const search = useRef<HTMLInputElement>(null);
  useOnline();

  useEffect(() => {
    document.title = `${t('nav.inbox')} · Bsp`;
  }, [t]);

  const take = useCallback(
    (row: Conversation) => {
      client.setQueryData<InfiniteData<Page<Conversation>>>(
        [LIST, null, queryOf(filter)],
        old =>
          old && {
            ...old,
            pages: withConversation(old.pages, row, filter, Date.now()),
          },
      );
      client.setQueryData(['/v1/conversations/{id}', { id: row.id }, null], row);
    },
    [client, filter],
  );

  useFrames(['conversation'], (_, data) => {
    const row = data as Conversation & { partial?: boolean };
    if (row.partial) {
      void api.get('/v1/conversations/{id}', { path: { id: row.id } }).then(
        whole => take(whole as Conversation),
        () => list.refetch(),
      );
    } else {
      take(row);
    }
  });

  const open = useCallback((row: Conversation) => void navigate(`/inbox/${row.id}`), [navigate]);
  const step = (by: number) => {
    const at = list.rows.findIndex(row => row.id === id);
    const next = list.rows[Math.min(list.rows.length - 1, Math.max(0, at + by))];
    if (next) {
      open(next);
    }
  };
  useShortcuts({
    j: () => step(1),
    k: () => step(-1),
    r: () => reply.current?.focus(),
    '/': () => search.current?.focus(),
    i: () => setPanel(!panel),
    '?': () => setHelp(true),
    Escape: () => id && void navigate('/inbox'),
  });

  return (
    <div className={cx('inbox', !!id && 'inbox-open', panel && !!id && 'inbox-panel')}>
      <section className="inbox-list" aria-label={t('inbox.conversations')}>
        <h1 className="visually-hidden">{t('nav.inbox')}</h1>
        <InboxFilters filter={filter} onChange={setFilter} people={people} search={search} onHelp={() => setHelp(true)} />
        <ConversationList list={list} chosen={id ?? null} onOpen={open} people={people} />
      </section>
      {id ? (
        <Await read={chosen}>
          {row => (
            <>
              <Thread
                key={id}
                conversation={row as Conversation}
                people={people}
                reply={reply}
                onPanel={() => setPanel(!panel)}
                onChanged={take}
                onBack={() => void navigate('/inbox')}
              />
              {panel && <SidePanel key={`p${id}`} conversation={row as Conversation} people={people} onChanged={take} />}
            </>
          )}
        </Await>
      ) : (
        <section className="inbox-none">
          <p className="muted">{t('inbox.choose')}</p>
          <p className="muted small">{t('inbox.keys_hint')}</p>
        </section>
      )}
      {help && <ShortcutHelp onClose={() => setHelp(false)} />}
    </div>
  );
}

/** Says that one is there while the inbox is open and looked at: work is given only to who is online. */
function useOnline(): void {
  const { can, platform } = useSession();
  const counts = can('agent') && !platform;
  useEffect(() => {
    if (!counts) {
      return undefined;
    }
    const say = () => {
      // A beat that is lost is followed by the next; nobody need be told.
      api.put('/v1/presence', { status: document.hidden ? 'away' : 'online' }).catch(() => undefined);
    };
    say();
    const timer = setInterval(say, PRESENCE_MS);
    document.addEventListener('visibilitychange', say);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', say);
    };
  }, [counts]);
}
