import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { Options, PathOf, Answer } from './client';
import { api, call } from './client';
import { Problem } from './problem';
import type { Page } from './types';

/** A read, kept under its path and options; refreshed every `refreshMs`. */
export function useGet<P extends PathOf<'get'>>(
  path: P,
  options: Options = {},
  more: { enabled?: boolean; refreshMs?: number } = {},
) {
  return useQuery<Answer<P, 'get'>, Problem>({
    queryKey: [path, options.path ?? null, options.query ?? null],
    queryFn: ({ signal }) => api.get(path, { ...options, signal }),
    enabled: more.enabled,
    refetchInterval: more.refreshMs,
  });
}

/** A read of a route that not every installation has: undefined data and `isError` when it lacks it. */
export function useMaybe<T>(path: string, options: Options = {}, more: { enabled?: boolean; refreshMs?: number } = {}) {
  return useQuery<T, Problem>({
    queryKey: [path, options.path ?? null, options.query ?? null],
    queryFn: ({ signal }) => call<T>('GET', path, null, { ...options, signal }),
    enabled: more.enabled,
    refetchInterval: more.refreshMs,
  });
}

/** A list page by page. */
export function useList<T>(path: string, options: Options = {}, more: { enabled?: boolean; refreshMs?: number } = {}) {
  const list = useInfiniteQuery<Page<T>, Problem, T[], readonly unknown[], string | null>({
    queryKey: [path, options.path ?? null, options.query ?? null],
    queryFn: ({ signal, pageParam }) =>
      call<Page<T>>('GET', path, null, { ...options, signal, query: { ...options.query, cursor: pageParam } }),
    initialPageParam: null,
    getNextPageParam: page => page.next_cursor,
    select: pages => pages.pages.flatMap(page => page.data),
    enabled: more.enabled,
    refetchInterval: more.refreshMs,
  });
  return { ...list, rows: list.data ?? [] };
}

/** Whether a failed request is worth another try. */
export function shouldRetry(failures: number, fault: unknown): boolean {
  return fault instanceof Problem && failures < 3 && (fault.away || fault.status === 503 || fault.status === 504);
}
