import type { Conversation, Message, Page } from '../../api/types';

/** What the list is narrowed to; as the query of `GET /v1/conversations`. */
export interface InboxFilter {
  q?: string;
  status?: string;
  priority?: string;
  assigned_to?: string;
  unassigned?: boolean;
  team_id?: string;
  tag?: string;
  unread?: boolean;
  window_open?: boolean;
  snoozed?: boolean;
  account_id?: string;
}

/** Whether a conversation belongs into the list; null: only the server can say (search). */
export function belongs(row: Conversation, filter: InboxFilter, now: number): boolean | null {
  if (filter.q) {
    return null;
  }
  const open = row.window_until ? Date.parse(row.window_until) > now : false;
  const snoozed = row.snoozed_until ? Date.parse(row.snoozed_until) > now : false;
  return (
    (!filter.status || row.status === filter.status) &&
    (!filter.priority || row.priority === filter.priority) &&
    (!filter.assigned_to || row.assigned_to === filter.assigned_to) &&
    (filter.unassigned === undefined || (row.assigned_to === null) === filter.unassigned) &&
    (!filter.team_id || row.team_id === filter.team_id) &&
    (!filter.tag || row.tags.includes(filter.tag)) &&
    (!filter.account_id || row.account_id === filter.account_id) &&
    (filter.unread === undefined || row.unread_count > 0 === filter.unread) &&
    (filter.window_open === undefined || open === filter.window_open) &&
    (filter.snoozed === undefined || snoozed === filter.snoozed)
  );
}

/** Pages with one conversation as it is now: moved to its place, added, or taken out. Search results keep their order. */
export function withConversation(
  pages: readonly Page<Conversation>[],
  row: Conversation,
  filter: InboxFilter,
  now: number,
): Page<Conversation>[] {
  const wanted = belongs(row, filter, now);
  if (wanted === null) {
    return pages.map(page => ({ ...page, data: page.data.map(old => (old.id === row.id ? { ...row, match: old.match } : old)) }));
  }
  const without = pages.map(page => ({ ...page, data: page.data.filter(old => old.id !== row.id) }));
  if (!wanted) {
    return without;
  }
  for (const [at, page] of without.entries()) {
    const place = page.data.findIndex(old => older(old, row));
    const last = at === without.length - 1;
    if (place >= 0 || (last && page.next_cursor === null)) {
      const data = [...page.data];
      data.splice(place >= 0 ? place : data.length, 0, row);
      return without.map((one, i) => (i === at ? { ...page, data } : one));
    }
  }
  return without; // it stands on a page that was not read yet
}

function older(a: Conversation, b: Conversation): boolean {
  const left = Date.parse(a.last_message_at ?? a.created_at);
  const right = Date.parse(b.last_message_at ?? b.created_at);
  return left < right || (left === right && a.id < b.id);
}

/** Pages of messages (newest first) with one as it is now. */
export function withMessage(pages: readonly Page<Message>[], message: Message): Page<Message>[] {
  if (pages.some(page => page.data.some(old => old.id === message.id))) {
    return pages.map(page => ({ ...page, data: page.data.map(old => (old.id === message.id ? message : old)) }));
  }
  return pages.map((page, i) => (i === 0 ? { ...page, data: [message, ...page.data] } : page));
}

/** Which rows of equal height are to be drawn. */
export function visibleRows(
  scrolled: number,
  height: number,
  rowHeight: number,
  count: number,
  spare = 6,
): [first: number, end: number] {
  const first = Math.max(0, Math.floor(scrolled / rowHeight) - spare);
  return [Math.min(first, Math.max(0, count - 1)), Math.min(count, Math.ceil((scrolled + height) / rowHeight) + spare)];
}
