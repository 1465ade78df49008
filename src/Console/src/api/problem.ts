/** What a route answers when it refuses (RFC 9457). */
export interface ProblemBody {
  status: number;
  code: string;
  title?: string;
  detail?: string;
  errors?: Record<string, string[] | string>;
  trace_id?: string;
}

/** A refused or failed request. `code` is what programs look at, `message` is for people. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: Record<string, string[]>;
  readonly traceId: string | null;
  /** Seconds to wait as the server says it; null: it says nothing. */
  readonly retryAfter: number | null;

  constructor(body: ProblemBody, retryAfter: number | null = null) {
    super(body.detail || body.title || body.code);
    this.name = 'Problem';
    this.status = body.status;
    this.code = body.code;
    this.errors = Object.fromEntries(
      Object.entries(body.errors ?? {}).map(([field, faults]) => [field, Array.isArray(faults) ? faults : [String(faults)]]),
    );
    this.traceId = body.trace_id ?? null;
    this.retryAfter = retryAfter;
  }

  /** The server could not be reached at all. */
  get away(): boolean {
    return this.status === 0;
  }

  /** The installation does not have this route. */
  get notBuilt(): boolean {
    return this.status === 405 || this.status === 501 || (this.status === 404 && this.code.startsWith('route.'));
  }
}

/** The problem in an answer; an answer that is none of ours (a proxy's page) becomes one that says its status. */
export async function problemOf(response: Response): Promise<Problem> {
  const retryAfter = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  const wait = Number.isFinite(retryAfter) ? retryAfter : null;
  try {
    const body = (await response.json()) as Partial<ProblemBody>;
    if (typeof body.code === 'string') {
      return new Problem({ ...body, code: body.code, status: response.status }, wait);
    }
  } catch {
    // Not JSON: said by its status below.
  }
  const code = response.status >= 500 ? 'server.failed' : 'response.unreadable';
  return new Problem({ status: response.status, code, detail: `${response.status} ${response.statusText}`.trim() }, wait);
}

/** What to say about anything that was thrown. */
export function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
