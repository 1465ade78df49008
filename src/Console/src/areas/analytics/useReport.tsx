import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { request } from '../../api/client';
import type { Problem } from '../../api/problem';
import { useI18n } from '../../i18n/I18n';
import { EmptyState, Fault, Loading } from '../../kit/Page';
import type { Scope } from './AnalyticsPage';

export interface Report<T> {
  rows: T[];
  /** Up to when the figures are true; null: nothing was counted yet. */
  asOf: string | null;
}

/** A report with the moment up to which it is true, which the server says beside it. */
export function useReport<T>(name: string, scope: Scope, group: string, more: Record<string, string> = {}) {
  return useQuery<Report<T>, Problem>({
    queryKey: ['/v1/analytics', name, scope, group, more],
    queryFn: async ({ signal }) => {
      const response = await request('GET', `/v1/analytics/${name}`, null, {
        query: { ...scope, group_by: group, ...more },
        signal,
      });
      const body = (await response.json()) as { data: T[]; as_of?: { time?: string } | null };
      return { rows: body.data, asOf: response.headers.get('Bsp-As-Of') ?? body.as_of?.time ?? null };
    },
    refetchInterval: 60_000,
  });
}

export function Shown<T>({ report, children }: { report: ReturnType<typeof useReport<T>>; children: (rows: T[]) => ReactNode }) {
  const { t, time } = useI18n();
  if (report.error) {
    return <Fault fault={report.error} retry={() => void report.refetch()} />;
  }
  if (!report.data) {
    return <Loading />;
  }
  return (
    <>
      {report.data.rows.length === 0 ? <EmptyState title={t('analytics.none')} /> : children(report.data.rows)}
      {report.data.asOf && <p className="muted small">{t('analytics.as_of', { time: time(report.data.asOf) })}</p>}
    </>
  );
}
