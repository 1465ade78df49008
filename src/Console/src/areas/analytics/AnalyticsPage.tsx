import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { useList } from '../../api/hooks';
import type { Account } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Select, TextField } from '../../kit/Field';
import { Page } from '../../kit/Page';
import { Tabs } from '../../kit/Tabs';
import { useToasts } from '../../kit/Toast';
import { download } from '../../lib/download';
import { dayIn } from '../../lib/time';
import { Agents, Costs, Funnels, Templates } from './Reports';
import { HeatMap } from './HeatMap';
import { Volume } from './Volume';

export interface Scope {
  from: string;
  to: string;
  account_id: string;
  campaign_id: string;
}

const DAY = 86_400_000;
const REPORTS = ['volume', 'funnel', 'heatmap', 'costs', 'templates', 'agents'] as const;
const PATHS: Record<string, string> = { volume: 'messages' };

export default function AnalyticsPage() {
  const { t } = useI18n();
  const { fail } = useToasts();
  const [params, setParams] = useSearchParams();
  const [report, setReport] = useState<string>(params.get('report') ?? 'volume');
  const accounts = useList<Account>('/v1/accounts', { query: { limit: 200 } });
  const scope: Scope = {
    from: params.get('from') ?? dayIn(new Date(Date.now() - 29 * DAY)),
    to: params.get('to') ?? dayIn(new Date()),
    account_id: params.get('account_id') ?? '',
    campaign_id: params.get('campaign_id') ?? '',
  };
  const set = (name: keyof Scope, value: string) =>
    setParams(
      before => {
        before.set(name, value);
        return before;
      },
      { replace: true },
    );
  return (
    <Page
      title={t('nav.analytics')}
      actions={
        <Button
          onClick={() =>
            download(`/v1/analytics/${PATHS[report] ?? report}`, `${report}-${scope.from}-${scope.to}.csv`, 'text/csv', {
              query: { ...scope },
            }).catch(fail)
          }
        >
          {t('common.export_csv')}
        </Button>
      }
    >
      <div className="filters">
        <TextField
          label={t('common.from')}
          type="date"
          value={scope.from}
          max={scope.to}
          onChange={event => event.target.value && set('from', event.target.value)}
        />
        <TextField
          label={t('common.to')}
          type="date"
          value={scope.to}
          min={scope.from}
          onChange={event => event.target.value && set('to', event.target.value)}
        />
        <Select
          label={t('campaigns.account')}
          value={scope.account_id}
          onChange={event => set('account_id', event.target.value)}
          choices={[
            { value: '', label: t('common.all') },
            ...accounts.rows.map(row => ({ value: row.id, label: `${row.display_name} · ${row.phone_number}` })),
          ]}
        />
      </div>
      <Tabs
        label={t('nav.analytics')}
        chosen={report}
        onChoose={setReport}
        tabs={REPORTS.map(key => ({ key, label: t(`analytics.${key}`) }))}
      >
        {report === 'volume' && <Volume scope={scope} />}
        {report === 'funnel' && <Funnels scope={scope} />}
        {report === 'heatmap' && <HeatMap scope={scope} />}
        {report === 'costs' && <Costs scope={scope} />}
        {report === 'templates' && <Templates scope={scope} />}
        {report === 'agents' && <Agents scope={scope} />}
      </Tabs>
    </Page>
  );
}
