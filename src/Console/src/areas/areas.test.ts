import { describe, expect, it } from 'vitest';
import { atLeast } from '../lib/roles';
import { placeToReturnTo } from './auth/returnTo';
import { tokenIn } from './auth/token';
import { bodyOf, newDraft, unbound, withBindings } from './campaigns/draft';
import { rateOf } from './campaigns/useProgress';
import { fieldsPatch, readFields } from './contacts/fields';
import { entriesPath, messageOf, signed } from './money/links';
import { toggled } from './webhooks/events';

describe('signing in', () => {
  it('goes back only to a place of our own', () => {
    expect(placeToReturnTo({ from: '/inbox/1?x=2' })).toBe('/inbox/1?x=2');
    for (const from of ['//evil.example', '/\\evil.example', 'https://evil.example', '/sign-in', 7, undefined]) {
      expect(placeToReturnTo({ from })).toBe('/');
    }
  });

  it('finds the token behind the sign', () => {
    expect(tokenIn('#token=a%2Bb')).toBe('a+b');
    expect(tokenIn('')).toBe('');
  });

  it('shows by role, and nothing to one that it does not know', () => {
    expect(atLeast('manager', 'agent')).toBe(true);
    expect(atLeast('viewer', 'agent')).toBe(false);
    expect(atLeast('owner', 'viewer')).toBe(false);
    expect(atLeast('super_admin', 'admin')).toBe(true);
  });
});

describe('the wizard', () => {
  const variables = [{ part: 'body' as const, name: '1', label: '{{1}}' }];
  const draft = withBindings({ ...newDraft('UTC'), name: ' Sale ', accountId: 'a', templateId: 't' }, variables);

  it('makes the body that is posted, and none while something is missing', () => {
    expect(
      bodyOf({ ...draft, bindings: { 'body.1': { field: 'first_name', text: 'you' } } }, variables, () => null),
    ).toMatchObject({
      name: 'Sale',
      audience_segment: { all: true },
      metadata: { template_parameters: { body: { 1: '{{contact.first_name|you}}' } } },
      send_until: null,
    });
    expect(bodyOf({ ...draft, audience: 'lists' }, variables, () => null)).toBeNull();
    expect(bodyOf({ ...draft, name: ' ' }, variables, () => null)).toBeNull();
  });

  it('says which variables nobody bound, and keeps what it cannot show', () => {
    expect(unbound(variables, draft.bindings)).toHaveLength(1);
    expect(
      bodyOf({ ...draft, audience: 'kept', kept: { retry: 'x' }, metadata: { mine: 1 } }, variables, () => null),
    ).toMatchObject({
      audience_segment: { retry: 'x' },
      metadata: { mine: 1 },
    });
  });

  it('counts a rate only over a second and more', () => {
    expect(
      rateOf([
        { at: 0, done: 0 },
        { at: 500, done: 100 },
      ]),
    ).toBeNull();
    expect(
      rateOf([
        { at: 0, done: 0 },
        { at: 2000, done: 500 },
      ]),
    ).toBe(250);
  });
});

describe('small forms', () => {
  it('read custom fields line by line, and remove what is gone', () => {
    expect(readFields('city: Cairo\nage: 42\nvip: true\nzip: 007\nnonsense')).toEqual({
      city: 'Cairo',
      age: 42,
      vip: true,
      zip: '007',
    });
    expect(fieldsPatch({ city: 'x', old: 1 }, { city: 'y' })).toEqual({ city: 'y', old: null });
  });

  it('choose families and single events', () => {
    expect(toggled(['message.read'], 'message.*')).toEqual(['message.*']);
    expect(toggled(['message.*'], 'message.read')).toEqual(['message.read']);
    expect(toggled(['message.read'], 'message.read')).toEqual([]);
  });

  it('follow a charge to its message and a line to its entries', () => {
    const id = '01a205cb-b22b-79c7-9c48-4e11839e4792';
    expect([`message/${id}`, `message/${id}#2`, `message/${id}/1`].map(messageOf)).toEqual([id, id, id]);
    expect(messageOf('campaign/x')).toBeNull();
    expect(entriesPath('/v1/transactions?kind=usage&market=IN')).toBe('/money/transactions?kind=usage&market=IN');
    expect(signed({ type: 'debit', category: 'message', amount: '1.0' })).toBe('-1.0');
    expect(signed({ type: 'refund', category: 'message', amount: '1.0' })).toBe('1.0');
    expect(signed({ type: 'refund', category: 'refund', amount: '1.0' })).toBe('-1.0');
  });
});
