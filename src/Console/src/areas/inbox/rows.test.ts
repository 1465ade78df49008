import { describe, expect, it } from 'vitest';
import type { Conversation, Message } from '../../api/types';
import { belongs, visibleRows, withConversation, withMessage } from './rows';

const now = Date.parse('2026-12-01T00:05:00Z');
const row = (id: string, minute: number, more: object = {}) =>
  ({
    id,
    created_at: '2026-11-30T00:00:00Z',
    last_message_at: `2026-11-30T23:${String(minute).padStart(2, '0')}:00.000Z`,
    status: 'active',
    priority: 'medium',
    assigned_to: null,
    team_id: null,
    tags: [],
    account_id: 'a',
    unread_count: 0,
    window_until: null,
    snoozed_until: null,
    ...more,
  }) as unknown as Conversation;
const ids = (pages: { data: { id: string }[] }[]) => pages.flatMap(page => page.data.map(one => one.id));

describe('the list of conversations', () => {
  const pages = [
    { data: [row('c', 30), row('b', 20)], next_cursor: 'x' },
    { data: [row('a', 10)], next_cursor: null },
  ];

  it('moves one that was written to the top, once', () => {
    expect(ids(withConversation(pages, row('a', 59), {}, now))).toEqual(['a', 'c', 'b']);
    expect(ids(withConversation(pages, row('new', 25), {}, now))).toEqual(['c', 'new', 'b', 'a']);
    expect(ids(withConversation(pages, row('old', 1), {}, now))).toEqual(['c', 'b', 'a', 'old']);
  });

  it('takes out what no longer belongs, and leaves out what stands on a page that was not read', () => {
    expect(ids(withConversation(pages, row('b', 20, { status: 'archived' }), { status: 'active' }, now))).toEqual(['c', 'a']);
    expect(ids(withConversation([pages[0]!], row('z', 5), {}, now))).toEqual(['c', 'b']);
  });

  it('keeps the order of a search and changes rows in place', () => {
    const found = withConversation(pages, row('a', 59, { unread_count: 3 }), { q: 'order' }, now);
    expect(ids(found)).toEqual(['c', 'b', 'a']);
    expect(found[1]?.data[0]?.unread_count).toBe(3);
  });

  it('judges filters as the server does', () => {
    expect(belongs(row('a', 1, { window_until: '2026-12-01T00:04:00Z' }), { window_open: true }, now)).toBe(false);
    expect(belongs(row('a', 1, { unread_count: 1, tags: ['vip'] }), { unread: true, tag: 'vip', unassigned: true }, now)).toBe(
      true,
    );
    expect(belongs(row('a', 1), { q: 'x' }, now)).toBeNull();
  });

  it('draws only what is in sight, of a hundred thousand as of ten', () => {
    expect(visibleRows(0, 760, 76, 100_000)).toEqual([0, 16]);
    expect(visibleRows(7_599_240, 760, 76, 100_000)).toEqual([99_984, 100_000]);
    expect(visibleRows(0, 760, 76, 0)).toEqual([0, 0]);
  });
});

describe('the messages of a conversation', () => {
  it('take a new one at the newest end and a known one in its place', () => {
    const message = (id: string, status = 'sent') => ({ id, status }) as unknown as Message;
    const pages = [{ data: [message('b'), message('a')], next_cursor: null }];
    expect(ids(withMessage(pages, message('c')))).toEqual(['c', 'b', 'a']);
    expect(withMessage(pages, message('a', 'read'))[0]?.data[1]?.status).toBe('read');
  });
});
