import { useMemo, useState } from 'react';
import { useI18n } from '../../i18n/I18n';
import { Select } from '../../kit/Field';
import { Card, Stat } from '../../kit/Page';
import { Table } from '../../kit/Table';
import type { Scope } from './AnalyticsPage';
import { Chart } from './Chart';
import { Shown, useReport } from './useReport';

export interface Counts {
  group: string;
  messages: number;
  received: number;
  sent: number;
  delivered: number;
  read: number;
  failed: number;
}

const LINES = [
  ['received', '--info'],
  ['sent', '--text-3'],
  ['delivered', '--accent'],
  ['read', '--good'],
  ['failed', '--bad'],
] as const;

/** Every day between the first and the last; one without a row has zeros, not a gap. */
export function byDay(rows: readonly Counts[], from: string, to: string): Counts[] {
  const known = new Map(rows.map(row => [row.group.slice(0, 10), row]));
  const days: Counts[] = [];
  for (let at = Date.parse(`${from}T00:00:00Z`); at <= Date.parse(`${to}T00:00:00Z`) && days.length < 400; at += 86_400_000) {
    const group = new Date(at).toISOString().slice(0, 10);
    days.push(known.get(group) ?? { group, messages: 0, received: 0, sent: 0, delivered: 0, read: 0, failed: 0 });
  }
  return days;
}

export function Volume({ scope }: { scope: Scope }) {
  const { t } = useI18n();
  const [interval, setInterval] = useState('day');
  const report = useReport<Counts>('messages', scope, interval);
  return (
    <Card
      title={t('analytics.volume')}
      actions={
        <Select
          label={t('analytics.interval')}
          hideLabel
          value={interval}
          onChange={event => setInterval(event.target.value)}
          choices={['day', 'week', 'month'].map(value => ({ value, label: t(`analytics.by_${value}`) }))}
        />
      }
    >
      <Shown report={report}>{rows => <Lines rows={interval === 'day' ? byDay(rows, scope.from, scope.to) : rows} />}</Shown>
    </Card>
  );
}

function Lines({ rows }: { rows: readonly Counts[] }) {
  const { t, number, word } = useI18n();
  const times = useMemo(() => rows.map(row => Date.parse(`${row.group.slice(0, 10)}T00:00:00Z`) / 1000), [rows]);
  const series = useMemo(
    () =>
      LINES.map(([name, color]) => ({
        label: word('analytics', name),
        color,
        values: rows.map(row => row[name]),
      })),
    [rows, word],
  );
  const total = (name: (typeof LINES)[number][0]) => rows.reduce((sum, row) => sum + row[name], 0);
  return (
    <>
      <div className="stats">
        {LINES.map(([name]) => (
          <Stat key={name} label={word('analytics', name)} value={number(total(name))} />
        ))}
      </div>
      <Chart times={times} series={series} label={t('analytics.volume')} />
      <details>
        <summary>{t('analytics.as_table')}</summary>
        <Table
          caption={t('analytics.volume')}
          rows={rows}
          keyOf={row => row.group}
          columns={[
            { key: 'day', head: t('common.date'), cell: row => row.group },
            ...LINES.map(([name]) => ({
              key: name,
              head: word('analytics', name),
              end: true,
              cell: (row: Counts) => number(row[name]),
            })),
          ]}
        />
      </details>
    </>
  );
}
