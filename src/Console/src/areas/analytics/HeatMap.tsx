import { useState } from 'react';
import { useI18n } from '../../i18n/I18n';
import { Select } from '../../kit/Field';
import { Card } from '../../kit/Page';
import { localZone } from '../../lib/time';
import type { Scope } from './AnalyticsPage';
import { Shown, useReport } from './useReport';

interface Cell {
  day_of_week: number;
  hour: number;
  received: number;
  sent: number;
  read: number;
}

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const DAYS = [1, 2, 3, 4, 5, 6, 7];
/** A Monday. */
const MONDAY = Date.UTC(2024, 0, 1);

export function HeatMap({ scope }: { scope: Scope }) {
  const { t, word } = useI18n();
  const [what, setWhat] = useState<'received' | 'sent' | 'read'>('received');
  const zone = localZone();
  const report = useReport<Cell>('heatmap', scope, '', { zone });
  return (
    <Card
      title={`${t('analytics.heatmap')} · ${zone}`}
      actions={
        <Select
          label={t('analytics.what')}
          hideLabel
          value={what}
          onChange={event => setWhat(event.target.value as typeof what)}
          choices={(['received', 'sent', 'read'] as const).map(value => ({ value, label: word('analytics', value) }))}
        />
      }
    >
      <Shown report={report}>{rows => <Grid rows={rows} what={what} />}</Shown>
    </Card>
  );
}

/** Five steps of colour; the number stands in each cell for screen readers and as a tip. */
function Grid({ rows, what }: { rows: readonly Cell[]; what: 'received' | 'sent' | 'read' }) {
  const { t, locale, number } = useI18n();
  const values = new Map(rows.map(row => [`${row.day_of_week} ${row.hour}`, row[what]]));
  const max = Math.max(1, ...values.values());
  const day = new Intl.DateTimeFormat(locale, { weekday: 'short', timeZone: 'UTC' });
  return (
    <div className="table-box">
      <table className="heat">
        <caption className="visually-hidden">{t('analytics.heatmap')}</caption>
        <thead>
          <tr>
            <td />
            {HOURS.map(hour => (
              <th key={hour} scope="col">
                {number(hour)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {DAYS.map(one => (
            <tr key={one}>
              <th scope="row">{day.format(MONDAY + (one - 1) * 86_400_000)}</th>
              {HOURS.map(hour => {
                const value = values.get(`${one} ${hour}`) ?? 0;
                return (
                  <td key={hour} className={`heat-${value === 0 ? 0 : Math.ceil((5 * value) / max)}`} title={number(value)}>
                    <span className="visually-hidden">{number(value)}</span>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
