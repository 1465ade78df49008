import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { addressOf, api, call, credentials, request } from './client';
import { Problem } from './problem';

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(status === 204 ? null : JSON.stringify(body), { status, headers });

describe('the client', () => {
  const fetched = vi.fn<typeof fetch>();
  const sent = (nth = 0) => fetched.mock.calls[nth]?.[1]?.headers as Record<string, string>;

  beforeEach(() => {
    fetched.mockReset();
    vi.stubGlobal('fetch', fetched);
    Object.assign(credentials, { csrf: 'token', organizationId: null, onUnauthorized: vi.fn() });
  });
  afterEach(() => vi.unstubAllGlobals());

  it('sends the token and an idempotency key with what changes something, and neither with a read', async () => {
    fetched.mockImplementation(async () => answer(200, {}));
    await api.post('/v1/campaigns/{id}/launch', null, { path: { id: 'a' } });
    await api.get('/v1/campaigns');
    await call('PATCH', '/v1/users/{id}', {}, { path: { id: 'b' } });
    expect(sent(0)['Bsp-Csrf']).toBe('token');
    expect(sent(0)['Idempotency-Key']).toMatch(/^[0-9a-f]{32}$/);
    expect(sent(1)['Bsp-Csrf']).toBeUndefined();
    expect(sent(1)['Idempotency-Key']).toBeUndefined();
    expect(sent(2)['Bsp-Csrf']).toBe('token');
    expect(fetched.mock.calls.every(([, init]) => init?.credentials === 'same-origin')).toBe(true);
  });

  it('gives each act its own key, and a repeated one the same', async () => {
    fetched.mockImplementation(async () => answer(200, {}));
    await call('POST', '/v1/x');
    await call('POST', '/v1/x');
    await call('POST', '/v1/x', null, { idempotencyKey: 'mine' });
    expect(sent(0)['Idempotency-Key']).not.toBe(sent(1)['Idempotency-Key']);
    expect(sent(2)['Idempotency-Key']).toBe('mine');
  });

  it('names the organization that the staff chose', async () => {
    fetched.mockImplementation(async () => answer(200, {}));
    credentials.organizationId = 'org';
    await api.get('/v1/campaigns');
    expect(sent()['Bsp-Organization']).toBe('org');
  });

  it('turns a refusal into its problem', async () => {
    fetched.mockResolvedValue(
      answer(
        409,
        {
          code: 'conversation.window_closed',
          detail: 'Only a template may be sent.',
          errors: { text: ['too long'] },
          trace_id: 't',
        },
        { 'Retry-After': '7' },
      ),
    );
    const problem = await call('POST', '/v1/x').catch((fault: Problem) => fault);
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({
      status: 409,
      code: 'conversation.window_closed',
      message: 'Only a template may be sent.',
      errors: { text: ['too long'] },
      traceId: 't',
      retryAfter: 7,
    });
  });

  it('says when an answer is none of ours, and when there is no server', async () => {
    fetched.mockResolvedValueOnce(new Response('<html>', { status: 502, statusText: 'Bad Gateway' }));
    await expect(call('GET', '/v1/x')).rejects.toMatchObject({ status: 502, code: 'server.failed' });
    fetched.mockRejectedValueOnce(new TypeError('failed to fetch'));
    await expect(call('GET', '/v1/x')).rejects.toMatchObject({ away: true, code: 'server.away' });
  });

  it('tells that the session has ended, except while signing in', async () => {
    fetched.mockImplementation(async () => answer(401, { code: 'access.unauthenticated' }));
    await expect(call('GET', '/v1/me')).rejects.toBeInstanceOf(Problem);
    expect(credentials.onUnauthorized).toHaveBeenCalledTimes(1);
    await expect(call('POST', '/v1/auth/login', {})).rejects.toBeInstanceOf(Problem);
    expect(credentials.onUnauthorized).toHaveBeenCalledTimes(1);
  });

  it('takes an answer without a body', async () => {
    fetched.mockResolvedValue(answer(204, null));
    await expect(call('DELETE', '/v1/x')).resolves.toBeUndefined();
  });

  it('sends files as they are', async () => {
    fetched.mockImplementation(async () => answer(202, {}));
    const file = new Blob(['a,b']);
    await request('POST', '/v1/contacts/import', file, { headers: { 'Content-Type': 'text/csv' } });
    expect(fetched.mock.calls[0]?.[1]?.body).toBe(file);
    expect(sent()['Content-Type']).toBe('text/csv');
  });

  it('fills paths and queries so that nothing breaks out of its place', () => {
    expect(addressOf('/v1/x/{id}', { id: 'a/../b?c' }, { q: 'a&b', none: null, empty: '', no: false })).toBe(
      '/v1/x/a%2F..%2Fb%3Fc?q=a%26b&no=false',
    );
    expect(() => addressOf('/v1/x/{id}')).toThrow('id');
  });
});
