import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { useList } from '../../api/hooks';
import type { Conversation } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Badge } from '../../kit/Badge';
import { EmptyState, Fault, Loading } from '../../kit/Page';
import { Own, Phone } from '../../kit/Phone';
import { cx } from '../../lib/cx';
import { windowLeft } from '../../lib/window';
import type { People } from './people';
import { visibleRows } from './rows';

const ROW_PX = 76;
const NEAR_END_ROWS = 30;

interface Props {
  list: ReturnType<typeof useList<Conversation>>;
  chosen: string | null;
  onOpen: (row: Conversation) => void;
  people: People;
}

/** Only the rows in sight are drawn: ten thousand scroll as well as ten. */
export function ConversationList({ list, chosen, onOpen, people }: Props) {
  const { t } = useI18n();
  const box = useRef<HTMLDivElement>(null);
  const [scrolled, setScrolled] = useState(0);
  const [height, setHeight] = useState(600);
  const now = useMinute();
  const { rows, hasNextPage, isFetchingNextPage, fetchNextPage } = list;

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) {
      return undefined;
    }
    const watch = new ResizeObserver(() => setHeight(element.clientHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  const [first, end] = visibleRows(scrolled, height, ROW_PX, rows.length);
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && end >= rows.length - NEAR_END_ROWS) {
      void fetchNextPage();
    }
  }, [end, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);

  // The chosen one stays in sight when keys move it.
  const at = rows.findIndex(row => row.id === chosen);
  useEffect(() => {
    const element = box.current;
    if (element && at >= 0) {
      const top = at * ROW_PX;
      if (top < element.scrollTop) {
        element.scrollTop = top;
      } else if (top + ROW_PX > element.scrollTop + element.clientHeight) {
        element.scrollTop = top + ROW_PX - element.clientHeight;
      }
    }
  }, [at]);

  return (
    <div ref={box} className="conversation-scroll" tabIndex={-1} onScroll={event => setScrolled(event.currentTarget.scrollTop)}>
      {list.isPending ? (
        <Loading />
      ) : list.error && rows.length === 0 ? (
        <Fault fault={list.error} retry={() => void list.refetch()} />
      ) : rows.length === 0 ? (
        <EmptyState title={t('inbox.none')}>{t('inbox.none_text')}</EmptyState>
      ) : (
        <ul
          className="plain conversation-space"
          style={{ blockSize: rows.length * ROW_PX }}
          aria-label={t('inbox.conversations')}
        >
          {rows.slice(first, end).map((row, i) => (
            <li
              key={row.id}
              style={{ insetBlockStart: (first + i) * ROW_PX }}
              aria-setsize={hasNextPage ? -1 : rows.length}
              aria-posinset={first + i + 1}
            >
              <Row row={row} chosen={row.id === chosen} onOpen={onOpen} people={people} now={now} />
            </li>
          ))}
        </ul>
      )}
      <div className="visually-hidden" role="status">
        {isFetchingNextPage ? t('common.loading') : ''}
      </div>
    </div>
  );
}

/** The present time, by the minute. */
export function useMinute(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 20_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function Row({
  row,
  chosen,
  onOpen,
  people,
  now,
}: {
  row: Conversation;
  chosen: boolean;
  onOpen: (row: Conversation) => void;
  people: People;
  now: number;
}) {
  const { t, brief, word, number } = useI18n();
  const left = windowLeft(row.window_until, now);
  const sentiment = row.ai_analysis?.sentiment;
  return (
    <button
      type="button"
      className={cx('conversation-row', chosen && 'conversation-row-here', row.unread_count > 0 && 'conversation-row-unread')}
      aria-current={chosen || undefined}
      onClick={() => onOpen(row)}
    >
      <span className="avatar avatar-large" aria-hidden="true">
        {[...(row.contact.name ?? '#')][0]?.toUpperCase()}
      </span>
      <span className="conversation-text">
        <span className="row-tight">
          <span className="conversation-name">
            {row.contact.name ? <Own text={row.contact.name} /> : <Phone number={row.contact.phone_number} />}
          </span>
          <span className="muted small nowrap">{brief(row.last_message_at)}</span>
        </span>
        <span className="row-tight">
          <span className="conversation-preview">
            <Own text={row.match?.text ?? row.last_message_preview} />
          </span>
          {row.unread_count > 0 && (
            <span className="unread" aria-label={t('inbox.unread', { count: number(row.unread_count) })}>
              {number(row.unread_count)}
            </span>
          )}
        </span>
        <span className="chips chips-tight">
          {left.state === 'closing' && <Badge tone="warn">{t('inbox.closing')}</Badge>}
          {(row.priority === 'urgent' || row.priority === 'high') && (
            <Badge tone={row.priority === 'urgent' ? 'bad' : 'warn'}>{word('priority', row.priority)}</Badge>
          )}
          {sentiment === 'negative' && <Badge tone="bad">{word('sentiment', sentiment)}</Badge>}
          {row.assigned_to && (
            <span className="muted small">
              <bdi>{people.name(row.assigned_to)}</bdi>
            </span>
          )}
        </span>
      </span>
    </button>
  );
}
