import { useQueryClient, type InfiniteData } from '@tanstack/react-query';
import type { RefObject } from 'react';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { api } from '../../api/client';
import { useList } from '../../api/hooks';
import type { Conversation, Message, Note, Page } from '../../api/types';
import { useFrames } from '../../app/live';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge } from '../../kit/Badge';
import { Button, IconButton } from '../../kit/Button';
import { Fault, Loading } from '../../kit/Page';
import { Icon } from '../../kit/Icon';
import { Own, Phone } from '../../kit/Phone';
import { windowLeft } from '../../lib/window';
import { Composer } from './Composer';
import { useMinute } from './ConversationList';
import { Bubble, NoteBubble } from './Bubble';
import type { People } from './people';
import { withMessage } from './rows';

const MESSAGES = '/v1/conversations/{id}/messages';
const NOTES = '/v1/conversations/{id}/notes';
const TYPING_SHOWN_MS = 6000;
/** So near to the end one is following what comes. */
const AT_END_PX = 120;

interface Props {
  conversation: Conversation;
  people: People;
  reply: RefObject<HTMLTextAreaElement | null>;
  onPanel: () => void;
  onBack: () => void;
  onChanged: (row: Conversation) => void;
}

type Item = { at: string; key: string; message?: Message; note?: Note };

export function Thread({ conversation, people, reply, onPanel, onBack, onChanged }: Props) {
  const { t, day } = useI18n();
  const { can } = useSession();
  const client = useQueryClient();
  const id = conversation.id;
  const messages = useList<Message>(MESSAGES, { path: { id }, query: { limit: 50 } });
  const notes = useList<Note>(NOTES, { path: { id }, query: { limit: 100 } });
  const scroll = useRef<HTMLDivElement>(null);
  const typing = useTyping(id, people);
  const { rows, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = messages;

  useFrames(['message', 'note'], (name, data) => {
    const item = data as { conversation_id?: string; partial?: boolean; amends?: string | null };
    if (item.conversation_id !== id) {
      return;
    }
    if (name === 'note') {
      void notes.refetch();
    } else if (item.partial || item.amends) {
      void refetch(); // a reaction, an edit: shown on the message it is about
    } else {
      client.setQueryData<InfiniteData<Page<Message>>>(
        [MESSAGES, { id }, { limit: 50 }],
        old => old && { ...old, pages: withMessage(old.pages, data as Message) },
      );
    }
  });

  const items = useMemo<Item[]>(() => {
    const oldest = rows[rows.length - 1]?.created_at ?? '';
    return [
      ...rows.map(message => ({ at: message.created_at, key: message.id, message })),
      ...notes.rows
        .filter(note => !hasNextPage || note.created_at >= oldest)
        .map(note => ({ at: note.created_at, key: note.id, note })),
    ].sort((a, b) => a.at.localeCompare(b.at) || a.key.localeCompare(b.key));
  }, [rows, notes.rows, hasNextPage]);

  useMarkRead(conversation, can('agent'), onChanged);
  useScroll(scroll, items, isFetchingNextPage);

  let shownDay = '';
  return (
    <section className="thread" aria-label={t('inbox.thread')}>
      <Head conversation={conversation} onPanel={onPanel} onBack={onBack} />
      <div className="thread-scroll" ref={scroll} tabIndex={0} role="log" aria-label={t('inbox.messages')}>
        <div>
          {hasNextPage && (
            <div className="thread-more">
              <Button small busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
                {t('inbox.older')}
              </Button>
            </div>
          )}
          {messages.isPending && <Loading />}
          {messages.error && <Fault fault={messages.error} retry={() => void refetch()} />}
          {items.map(item => {
            const own = day(item.at);
            const fresh = own !== shownDay;
            shownDay = own;
            return (
              <div key={item.key} className="thread-item">
                {fresh && <div className="thread-day">{own}</div>}
                {item.message && <Bubble message={item.message} all={rows} people={people} />}
                {item.note && <NoteBubble note={item.note} people={people} />}
              </div>
            );
          })}
        </div>
      </div>
      <div className="typing" role="status">
        {typing}
      </div>
      {can('agent') && (
        <Composer
          conversation={conversation}
          last={rows.find(m => m.direction.toLowerCase() === 'inbound') ?? null}
          box={reply}
          people={people}
          onSent={() => void refetch()}
          onNoted={() => void notes.refetch()}
        />
      )}
    </section>
  );
}

function Head({ conversation, onPanel, onBack }: { conversation: Conversation; onPanel: () => void; onBack: () => void }) {
  const { t, duration, word } = useI18n();
  const now = useMinute();
  const left = windowLeft(conversation.window_until, now);
  const sentiment = conversation.ai_analysis?.sentiment;
  return (
    <header className="thread-head">
      <IconButton className="thread-back" label={t('common.back')} onClick={onBack}>
        <Icon name="close" />
      </IconButton>
      <div className="grow">
        <div className="strong">{conversation.contact.name ? <Own text={conversation.contact.name} /> : t('inbox.unnamed')}</div>
        <div className="muted small">
          <Phone number={conversation.contact.phone_number} />
        </div>
      </div>
      {sentiment && (
        <Badge tone={sentiment === 'negative' ? 'bad' : sentiment === 'positive' ? 'good' : 'neutral'}>
          {word('sentiment', sentiment)}
        </Badge>
      )}
      <Badge dot tone={left.state === 'open' ? 'good' : left.state === 'closing' ? 'warn' : 'neutral'}>
        <span aria-live={left.state === 'closing' ? 'polite' : 'off'}>
          {left.state === 'closed' ? t('inbox.window_closed') : t('inbox.window_left', { time: duration(left.minutes * 60) })}
        </span>
      </Badge>
      <IconButton label={t('inbox.key_panel')} onClick={onPanel}>
        <Icon name="contacts" />
      </IconButton>
    </header>
  );
}

/** Who types, as colleagues' consoles say; forgotten after some seconds without news. */
function useTyping(id: string, people: People): string {
  const { t } = useI18n();
  const { body } = useSession();
  const [who, setWho] = useState<string | null>(null);
  useFrames(['typing'], (_, data) => {
    const typed = data as { conversation_id: string; user_id: string };
    if (typed.conversation_id === id && typed.user_id !== body.user.id) {
      setWho(typed.user_id);
    }
  });
  useEffect(() => {
    const timer = who ? setTimeout(() => setWho(null), TYPING_SHOWN_MS) : undefined;
    return () => clearTimeout(timer);
  }, [who]);
  return who ? t('inbox.typing', { name: people.name(who) }) : '';
}

/** What is looked at is read: once for each time something new is there. */
function useMarkRead(conversation: Conversation, may: boolean, onChanged: (row: Conversation) => void): void {
  const { id, unread_count: unread } = conversation;
  const asked = useRef('');
  useEffect(() => {
    const mark = () => {
      const key = `${id} ${unread} ${conversation.last_message_at}`;
      if (may && unread > 0 && !document.hidden && asked.current !== key) {
        asked.current = key;
        // Unread stays shown when it fails; the next message or look tries again.
        api.post('/v1/conversations/{id}/read', null, { path: { id } }).then(
          row => onChanged(row as Conversation),
          () => undefined,
        );
      }
    };
    mark();
    document.addEventListener('visibilitychange', mark);
    return () => document.removeEventListener('visibilitychange', mark);
  }, [id, unread, conversation.last_message_at, may, onChanged]);
}

/** Follows new messages when one is at the end; keeps the place when older ones are put in front. */
function useScroll(scroll: RefObject<HTMLDivElement | null>, items: readonly Item[], loading: boolean): void {
  const before = useRef({ first: '', last: '', height: 0, atEnd: true });
  useLayoutEffect(() => {
    const element = scroll.current;
    if (!element) {
      return;
    }
    const first = items[0]?.key ?? '';
    const last = items[items.length - 1]?.key ?? '';
    const old = before.current;
    if (old.last !== last && (old.atEnd || old.last === '')) {
      element.scrollTop = element.scrollHeight;
    } else if (old.first !== first && old.last === last) {
      element.scrollTop += element.scrollHeight - old.height;
    }
    before.current = { first, last, height: element.scrollHeight, atEnd: atEnd(element) };
  }, [items, loading, scroll]);
  useEffect(() => {
    const element = scroll.current;
    const note = () => {
      if (element) {
        before.current.atEnd = atEnd(element);
      }
    };
    // Pictures that arrive later make the page longer: whoever was at its end stays there.
    const stay = () => {
      if (element && before.current.atEnd) {
        element.scrollTop = element.scrollHeight;
      }
    };
    const watch = new ResizeObserver(stay);
    if (element?.firstElementChild) {
      watch.observe(element.firstElementChild);
    }
    element?.addEventListener('scroll', note, { passive: true });
    return () => {
      watch.disconnect();
      element?.removeEventListener('scroll', note);
    };
  }, [scroll]);
}

const atEnd = (element: HTMLElement) => element.scrollHeight - element.scrollTop - element.clientHeight < AT_END_PX;
