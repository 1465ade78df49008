import { describe, expect, it } from 'vitest';
import { formatDuration, formatTime, instantIn, wallIn } from './time';
import { windowLeft } from './window';

describe('times of a zone', () => {
  it('turns a wall clock into the instant, also over a change of clocks', () => {
    expect(instantIn('2026-07-01T09:00', 'Africa/Cairo')?.toISOString()).toBe('2026-07-01T06:00:00.000Z');
    expect(instantIn('2026-12-01T09:00', 'Asia/Kolkata')?.toISOString()).toBe('2026-12-01T03:30:00.000Z');
    expect(instantIn('2026-12-01T00:05', 'UTC')?.toISOString()).toBe('2026-12-01T00:05:00.000Z');
  });

  it('takes the first of an hour that occurs twice, and the instant after one that is skipped', () => {
    expect(instantIn('2026-10-25T02:30', 'Europe/Berlin')?.toISOString()).toBe('2026-10-25T00:30:00.000Z');
    expect(instantIn('2026-03-29T02:30', 'Europe/Berlin')?.toISOString()).toBe('2026-03-29T01:30:00.000Z');
  });

  it('goes back to the wall clock', () => {
    for (const zone of ['UTC', 'Africa/Cairo', 'Asia/Kathmandu', 'America/St_Johns']) {
      expect(wallIn(instantIn('2026-06-15T13:45', zone)!, zone)).toBe('2026-06-15T13:45');
    }
  });

  it('refuses what is no time', () => {
    expect(instantIn('', 'UTC')).toBeNull();
    expect(instantIn('2026-13-45T99:99', 'UTC')).toBeNull();
    expect(formatTime('nonsense', 'en')).toBe('–');
  });

  it('says a length of time in its two largest units', () => {
    expect(formatDuration(0, 'en')).toBe('0s');
    expect(formatDuration(3661, 'en')).toBe('1h 1m');
    expect(formatDuration(90_000, 'en')).toBe('1d 1h');
    expect(formatDuration(null, 'en')).toBe('–');
  });
});

describe('the customer window', () => {
  const now = Date.parse('2026-12-01T00:00:00Z');

  it('counts whole minutes, rounded up, and warns in its last hour', () => {
    expect(windowLeft('2026-12-01T23:59:00Z', now)).toEqual({ state: 'open', minutes: 1439 });
    expect(windowLeft('2026-12-01T01:00:00Z', now)).toEqual({ state: 'closing', minutes: 60 });
    expect(windowLeft('2026-12-01T00:00:01Z', now)).toEqual({ state: 'closing', minutes: 1 });
  });

  it('is closed at its end, and when nobody wrote', () => {
    expect(windowLeft('2026-12-01T00:00:00Z', now)).toEqual({ state: 'closed', minutes: 0 });
    expect(windowLeft(null, now)).toEqual({ state: 'closed', minutes: 0 });
    expect(windowLeft('nonsense', now)).toEqual({ state: 'closed', minutes: 0 });
  });
});
