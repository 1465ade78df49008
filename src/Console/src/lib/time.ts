type Moment = string | number | Date | null | undefined;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(locale, options);
    formats.set(key, made);
  }
  return made;
}

function dateOf(at: Moment): Date | null {
  if (at === null || at === undefined || at === '') {
    return null;
  }
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** Day and time for people; a dash when there is none. */
export function formatTime(at: Moment, locale: string, zone?: string): string {
  const date = dateOf(at);
  return date ? format(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone: zone }).format(date) : '–';
}

export function formatDay(at: Moment, locale: string, zone?: string): string {
  const date = dateOf(at);
  return date ? format(locale, { dateStyle: 'medium', timeZone: zone }).format(date) : '–';
}

export function formatClock(at: Moment, locale: string): string {
  const date = dateOf(at);
  return date ? format(locale, { hour: '2-digit', minute: '2-digit' }).format(date) : '–';
}

/** The clock for today, the day for everything before. */
export function formatBrief(at: Moment, locale: string, now: Date = new Date()): string {
  const date = dateOf(at);
  if (!date) {
    return '';
  }
  if (date.toDateString() === now.toDateString()) {
    return formatClock(date, locale);
  }
  const options: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short' };
  return format(locale, date.getFullYear() === now.getFullYear() ? options : { ...options, year: 'numeric' }).format(date);
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** "3 minutes ago". */
export function formatAgo(at: Moment, locale: string, now: number = Date.now()): string {
  const date = dateOf(at);
  if (!date) {
    return '–';
  }
  const seconds = Math.round((date.getTime() - now) / 1000);
  const [unit, size] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
  return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(Math.trunc(seconds / size), unit);
}

/** A length of time in its two largest units: `2 h 5 min`, in the locale's own words. */
export function formatDuration(seconds: number | null | undefined, locale: string): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) {
    return '–';
  }
  const whole = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'day'],
    [Math.floor((whole % 86_400) / 3600), 'hour'],
    [Math.floor((whole % 3600) / 60), 'minute'],
    [whole % 60, 'second'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first < 0 ? 3 : first)
    .slice(0, 2)
    .filter(([count], i) => count > 0 || i === 0)
    .map(([count, unit]) => new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'narrow' }).format(count))
    .join(' ');
}

export function formatNumber(value: number | null | undefined, locale: string): string {
  return value === null || value === undefined ? '–' : new Intl.NumberFormat(locale).format(value);
}

export function formatShare(value: number | null | undefined, locale: string): string {
  return value === null || value === undefined || !Number.isFinite(value)
    ? '–'
    : new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 }).format(value);
}

/** YYYY-MM-DD as the calendar of a zone has it. */
export function dayIn(at: Date, zone = 'UTC'): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(at);
}

/** Milliseconds by which a zone is ahead of UTC at an instant. */
function offsetOf(zone: string, at: number): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(at);
  const read = (type: string) => Number(parts.find(part => part.type === type)?.value);
  const local = Date.UTC(read('year'), read('month') - 1, read('day'), read('hour'), read('minute'), read('second'));
  return local - Math.floor(at / 1000) * 1000;
}

/**
 * The instant at which clocks of a zone show `YYYY-MM-DDTHH:mm`; null: no such time is written. Of an hour that clocks skip, the instant
 * after it; of one that occurs twice, the first.
 */
export function instantIn(local: string, zone: string): Date | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(local)) {
    return null;
  }
  const wall = Date.parse(`${local.slice(0, 16)}:00Z`);
  if (Number.isNaN(wall)) {
    return null;
  }
  const before = offsetOf(zone, wall - 86_400_000);
  const after = offsetOf(zone, wall + 86_400_000);
  const found = [wall - Math.max(before, after), wall - Math.min(before, after)].find(at => at + offsetOf(zone, at) === wall);
  return new Date(found ?? wall - before);
}

/** The reverse, for an input of type datetime-local. */
export function wallIn(at: Date, zone: string): string {
  return new Date(at.getTime() + offsetOf(zone, at.getTime())).toISOString().slice(0, 16);
}

/** IANA names that this browser knows. */
export function zones(): string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone')];
}

export function localZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}
