import { addressOf, credentials, headersOf } from './client';
import type { Problem } from './problem';
import { problemOf } from './problem';

/** One server-sent event. */
export interface Frame {
  id: string | null;
  event: string;
  data: string;
}

/** Cuts a stream of text into frames; what is incomplete waits for the next piece. */
export class FrameReader {
  private rest = '';
  private lastId: string | null = null;
  /** Milliseconds to wait before reconnecting, as the server says. */
  retry = 2000;

  /** Forgets half a frame: the line broke in the middle of it. */
  reset(): void {
    this.rest = '';
  }

  push(piece: string): Frame[] {
    // A CR at the end may be half of a CRLF: it waits.
    const text = this.rest + piece;
    const held = text.endsWith('\r') ? '\r' : '';
    const lines = text.slice(0, text.length - held.length).replace(/\r\n?/g, '\n');
    const blocks = lines.split('\n\n');
    this.rest = (blocks.pop() ?? '') + held;
    return blocks.map(block => this.read(block)).filter(frame => frame !== null);
  }

  private read(block: string): Frame | null {
    let event = 'message';
    const data: string[] = [];
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      if (colon === 0) {
        continue;
      }
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (name === 'event') {
        event = value;
      } else if (name === 'data') {
        data.push(value);
      } else if (name === 'id' && !value.includes('\0')) {
        this.lastId = value;
      } else if (name === 'retry' && /^\d{1,6}$/.test(value)) {
        this.retry = Number(value);
      }
    }
    return data.length > 0 ? { id: this.lastId, event, data: data.join('\n') } : null;
  }
}

export type StreamState = 'connecting' | 'open' | 'away' | 'refused' | 'ended';

export interface StreamOptions {
  path: string;
  parts?: Record<string, string>;
  onFrame: (frame: Frame) => void;
  onState: (state: StreamState, problem: Problem | null) => void;
  /** The stream ends by itself (a campaign's progress): no reconnecting after a clean end. Each line begins with the present state. */
  finite?: boolean;
  /** Whether it really came to its end, or the server closed it in between. */
  isOver?: () => Promise<boolean>;
}

/**
 * Streams send a comment every 15 s, but a campaign's progress only what changes: after so much silence the line is made anew, and only
 * when that fails is the server away.
 */
const SILENCE_MS = 45_000;
const WAIT_MAX_MS = 15_000;

/** Milliseconds before the nth try after a failure; random, so that all consoles do not come back at once. */
export function waitBefore(tries: number, retry: number, random = Math.random()): number {
  return Math.min(WAIT_MAX_MS, retry * 2 ** Math.min(tries, 5)) * (0.5 + random / 2);
}

/**
 * Follows a stream until closed: with the cookie and the chosen organization, behind the last frame seen when the line breaks.
 * By fetch and not by EventSource, which sends no headers and does not tell 401 from a server that is away.
 */
export function follow(options: StreamOptions): () => void {
  const stop = new AbortController();
  void run(options, stop.signal);
  return () => stop.abort();
}

async function isOver(options: StreamOptions): Promise<boolean> {
  try {
    return options.isOver ? await options.isOver() : true;
  } catch {
    return false; // nobody knows: the next line tells
  }
}

/** Nothing was heard for a while on a line that was open. */
class Silence extends Error {}

async function run(options: StreamOptions, stop: AbortSignal): Promise<void> {
  const reader = new FrameReader();
  let lastId: string | null = null;
  for (let tries = 0; !stop.aborted; tries++) {
    options.onState('connecting', null);
    try {
      const clean = await once(options, reader, lastId, stop, frame => {
        lastId = frame.id ?? lastId;
        tries = 0;
        options.onFrame(frame);
      });
      if (stop.aborted) {
        return;
      }
      if (clean && options.finite && (await isOver(options))) {
        options.onState('ended', null);
        return;
      }
      options.onState('away', null);
    } catch (fault) {
      if (stop.aborted) {
        return;
      }
      const problem = fault as Problem;
      if (problem.status === 401 || problem.status === 403 || problem.status === 404) {
        options.onState('refused', problem);
        if (problem.status === 401) {
          credentials.onUnauthorized();
        }
        return;
      }
      if (fault instanceof Silence) {
        continue;
      }
      options.onState('away', problem.status ? problem : null);
    }
    await pause(waitBefore(tries, reader.retry), stop);
  }
}

async function once(
  options: StreamOptions,
  reader: FrameReader,
  lastId: string | null,
  stop: AbortSignal,
  onFrame: (frame: Frame) => void,
): Promise<boolean> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  let open = false;
  const headers: Record<string, string> = headersOf('GET', {}, false);
  headers.Accept = 'text/event-stream';
  if (lastId && !options.finite) {
    headers['Last-Event-ID'] = lastId;
  }
  try {
    const response = await fetch(addressOf(options.path, options.parts), {
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.any([stop, silence.signal]),
    });
    if (!response.ok || !response.body) {
      throw await problemOf(response);
    }
    open = true;
    options.onState('open', null);
    reader.reset();
    const lines = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await lines.read();
      if (done) {
        return true;
      }
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      reader.push(value).forEach(onFrame);
    }
  } catch (fault) {
    throw silence.signal.aborted && !stop.aborted && open ? new Silence() : fault;
  } finally {
    clearTimeout(timer);
  }
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
