import { Problem, problemOf } from './problem';
import type { paths } from './schema';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
type Json<R> = R extends { content: infer C } ? (C extends { 'application/json': infer T } ? T : unknown) : void;
type Answers<O> = O extends { responses: infer R } ? R : never;
type Good<R> = R extends { 200: infer T }
  ? Json<T>
  : R extends { 201: infer T }
    ? Json<T>
    : R extends { 202: infer T }
      ? Json<T>
      : void;

/** Paths that have this method. */
export type PathOf<M extends Method> = { [P in keyof paths]: paths[P][M] extends object ? P : never }[keyof paths];
/** What a route answers when all is well. */
export type Answer<P extends keyof paths, M extends Method> = Good<Answers<Operation<P, M>>>;
type Bodies<O> = O extends { requestBody?: infer B } ? (NonNullable<B> extends { content: infer C } ? C : never) : never;
/** What a route takes. */
export type Body<P extends keyof paths, M extends Method> =
  Bodies<Operation<P, M>> extends { 'application/json': infer T } ? T : never;

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface Options {
  /** Fills the `{…}` of the path. */
  path?: Record<string, string>;
  query?: Query;
  /** Answers no older than this (`Bsp-Min-Position`). */
  min?: string | null;
  /** Decides on exactly this version (`If-Match`). */
  version?: string | null;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Repeats of one act carry the same key, so that it happens once. */
  idempotencyKey?: string;
}

/** An answer with what stands beside its body. */
export interface Full<T> {
  data: T;
  version: string | null;
  position: string | null;
  response: Response;
}

/** What the session says about every request. */
export interface Credentials {
  csrf: string | null;
  organizationId: string | null;
  /** Called when the server says that nobody is signed in. */
  onUnauthorized: () => void;
}

export const credentials: Credentials = { csrf: null, organizationId: null, onUnauthorized: () => undefined };

/** `/v1/campaigns/{id}` with its parts and its query. A part that is not given is a mistake of ours. */
export function addressOf(path: string, parts: Record<string, string> = {}, query: Query = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = parts[name];
    if (value === undefined || value === '') {
      throw new Error(`${path} needs ${name}.`);
    }
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') {
      search.set(name, String(value));
    }
  }
  const text = search.toString();
  return text ? `${filled}?${text}` : filled;
}

export function headersOf(method: string, options: Options, json: boolean): Record<string, string> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  if (credentials.organizationId) {
    headers['Bsp-Organization'] = credentials.organizationId;
  }
  if (method !== 'GET' && credentials.csrf) {
    headers['Bsp-Csrf'] = credentials.csrf;
  }
  if (method === 'POST') {
    headers['Idempotency-Key'] = options.idempotencyKey ?? newKey();
  }
  if (json) {
    headers['Content-Type'] ??= 'application/json';
  }
  if (options.min) {
    headers['Bsp-Min-Position'] = options.min;
  }
  if (options.version) {
    headers['If-Match'] = options.version;
  }
  return headers;
}

/** For one act: 128 random bits. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

async function send(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, { ...init, credentials: 'same-origin', cache: 'no-store' });
  } catch (fault) {
    if (fault instanceof DOMException && fault.name === 'AbortError') {
      throw fault;
    }
    throw new Problem({ status: 0, code: 'server.away', detail: 'The server cannot be reached.' });
  }
}

/** Sends what is neither JSON nor typed: files, routes that an older installation lacks. */
export async function request(
  method: string,
  path: string,
  body: BodyInit | object | null,
  options: Options = {},
): Promise<Response> {
  const json =
    body !== null &&
    typeof body === 'object' &&
    !(body instanceof Blob) &&
    !(body instanceof FormData) &&
    !(body instanceof ArrayBuffer);
  const response = await send(addressOf(path, options.path, options.query), {
    method,
    headers: headersOf(method, options, json),
    body: body === null ? undefined : json ? JSON.stringify(body) : (body as BodyInit),
    signal: options.signal,
  });
  if (response.ok) {
    return response;
  }
  const problem = await problemOf(response);
  if (response.status === 401 && !path.startsWith('/v1/auth/login') && problem.code !== 'auth.second_factor_wrong') {
    credentials.onUnauthorized();
  }
  throw problem;
}

async function full<T>(response: Response): Promise<Full<T>> {
  const text = response.status === 204 ? '' : await response.text();
  return {
    data: (text ? JSON.parse(text) : undefined) as T,
    version: response.headers.get('ETag'),
    position: response.headers.get('Bsp-Position'),
    response,
  };
}

/** An untyped call, for routes that not every installation has. */
export async function call<T>(method: string, path: string, body: object | null = null, options: Options = {}): Promise<T> {
  return (await full<T>(await request(method, path, body, options))).data;
}

async function typed<P extends keyof paths, M extends Method>(
  method: M,
  path: P,
  body: object | null,
  options?: Options,
): Promise<Full<Answer<P, M>>> {
  return full<Answer<P, M>>(await request(method.toUpperCase(), path, body, options));
}

/** The public routes, by the types of our own OpenAPI document. */
export const api = {
  get: async <P extends PathOf<'get'>>(path: P, options?: Options): Promise<Answer<P, 'get'>> =>
    (await typed<P, 'get'>('get', path, null, options)).data,
  getFull: <P extends PathOf<'get'>>(path: P, options?: Options): Promise<Full<Answer<P, 'get'>>> =>
    typed<P, 'get'>('get', path, null, options),
  post: async <P extends PathOf<'post'>>(path: P, body?: Body<P, 'post'> | null, options?: Options): Promise<Answer<P, 'post'>> =>
    (await typed<P, 'post'>('post', path, (body ?? null) as object | null, options)).data,
  postFull: <P extends PathOf<'post'>>(
    path: P,
    body?: Body<P, 'post'> | null,
    options?: Options,
  ): Promise<Full<Answer<P, 'post'>>> => typed<P, 'post'>('post', path, (body ?? null) as object | null, options),
  put: async <P extends PathOf<'put'>>(path: P, body: Body<P, 'put'>, options?: Options): Promise<Answer<P, 'put'>> =>
    (await typed<P, 'put'>('put', path, body as object, options)).data,
  patch: async <P extends PathOf<'patch'>>(path: P, body: Body<P, 'patch'>, options?: Options): Promise<Answer<P, 'patch'>> =>
    (await typed<P, 'patch'>('patch', path, body as object, options)).data,
  delete: async <P extends PathOf<'delete'>>(path: P, options?: Options): Promise<void> => {
    await typed<P, 'delete'>('delete', path, null, options);
  },
};
