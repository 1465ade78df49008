import { useState } from 'react';
import { Link } from 'react-router';
import { useList } from '../../api/hooks';
import type { Account, Campaign, Template } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Select } from '../../kit/Field';
import { Card } from '../../kit/Page';
import { Own } from '../../kit/Phone';
import { Table } from '../../kit/Table';
import { PeopleName } from './PeopleName';
import type { Scope } from './AnalyticsPage';
import { Shown, useReport } from './useReport';

const NOBODY = '00000000-0000-0000-0000-000000000000';

interface GroupedProps {
  title: string;
  groups: readonly string[];
  group: string;
  onGroup: (group: string) => void;
  children: React.ReactNode;
}

function Grouped({ title, groups, group, onGroup, children }: GroupedProps) {
  const { t } = useI18n();
  return (
    <Card
      title={title}
      actions={
        <Select
          label={t('analytics.by')}
          hideLabel
          value={group}
          onChange={event => onGroup(event.target.value)}
          choices={groups.map(value => ({ value, label: t(`analytics.by_${value}`) }))}
        />
      }
    >
      {children}
    </Card>
  );
}

/** The name behind a group's id. */
function useGroupName(group: string): (id: string) => React.ReactNode {
  const { t, word } = useI18n();
  const campaigns = useList<Campaign>(
    '/v1/campaigns',
    { query: { limit: 200, order: 'newest' } },
    { enabled: group === 'campaign' },
  );
  const accounts = useList<Account>('/v1/accounts', { query: { limit: 200 } }, { enabled: group === 'account' });
  const templates = useList<Template>('/v1/templates', { query: { limit: 200 } }, { enabled: group === 'template' });
  return id => {
    if (id === NOBODY) {
      return <span className="muted">{t('analytics.no_campaign')}</span>;
    }
    if (group === 'campaign') {
      return (
        <Link to={`/campaigns/${id}`}>
          <Own text={campaigns.rows.find(row => row.id === id)?.name ?? id} />
        </Link>
      );
    }
    if (group === 'account') {
      return <Own text={accounts.rows.find(row => row.id === id)?.display_name ?? id} />;
    }
    if (group === 'template') {
      return (
        <Link to={`/templates/${id}`}>
          <Own text={templates.rows.find(row => row.id === id)?.name ?? id} />
        </Link>
      );
    }
    return <bdi>{group === 'category' ? word('category', id.toUpperCase()) : id}</bdi>;
  };
}

interface FunnelRow {
  group: string;
  queued?: number | null;
  sent: number;
  delivered: number;
  read: number;
  replied?: number;
  failed: number;
  delivery_rate: number | null;
  read_rate: number | null;
}

export function Funnels({ scope }: { scope: Scope }) {
  const { t, number, share } = useI18n();
  const [group, setGroup] = useState('campaign');
  const report = useReport<FunnelRow>('funnel', scope, group);
  const name = useGroupName(group);
  return (
    <Grouped
      title={t('analytics.funnel')}
      groups={['campaign', 'template', 'account', 'day', 'variant']}
      group={group}
      onGroup={setGroup}
    >
      <Shown report={report}>
        {rows => (
          <Table
            caption={t('analytics.funnel')}
            rows={rows}
            keyOf={row => row.group}
            columns={[
              { key: 'group', head: t(`analytics.by_${group}`), cell: row => name(row.group) },
              { key: 'sent', head: t('status.sent'), end: true, cell: row => number(row.sent) },
              {
                key: 'delivered',
                head: t('status.delivered'),
                end: true,
                cell: row => (
                  <>
                    {number(row.delivered)} <span className="muted">{share(row.delivery_rate)}</span>
                  </>
                ),
              },
              {
                key: 'read',
                head: t('status.read'),
                end: true,
                cell: row => (
                  <>
                    {number(row.read)} <span className="muted">{share(row.read_rate)}</span>
                  </>
                ),
              },
              { key: 'replied', head: t('campaigns.replied'), end: true, wide: true, cell: row => number(row.replied ?? null) },
              {
                key: 'failed',
                head: t('status.failed'),
                end: true,
                cell: row => <span className={row.failed > 0 ? 'bad' : undefined}>{number(row.failed)}</span>,
              },
            ]}
          />
        )}
      </Shown>
    </Grouped>
  );
}

interface CostRow {
  group: string;
  sent_messages: number;
  cost: string | number;
  currency: string | null;
  charged: number;
  by_currency?: { currency: string; cost: string | number }[] | null;
}

export function Costs({ scope }: { scope: Scope }) {
  const { t, number, money } = useI18n();
  const [group, setGroup] = useState('day');
  const report = useReport<CostRow>('costs', scope, group);
  const name = useGroupName(group);
  const cost = (row: CostRow) =>
    row.currency || !row.by_currency?.length
      ? money(String(row.cost), row.currency)
      : row.by_currency.map(one => money(String(one.cost), one.currency)).join(' + ');
  return (
    <Grouped
      title={t('analytics.costs')}
      groups={['day', 'month', 'campaign', 'template', 'account', 'category', 'market']}
      group={group}
      onGroup={setGroup}
    >
      <Shown report={report}>
        {rows => (
          <Table
            caption={t('analytics.costs')}
            rows={rows}
            keyOf={row => row.group}
            columns={[
              { key: 'group', head: t(`analytics.by_${group}`), cell: row => name(row.group) },
              { key: 'sent', head: t('status.sent'), end: true, cell: row => number(row.sent_messages) },
              { key: 'charged', head: t('analytics.charged'), end: true, cell: row => number(row.charged) },
              { key: 'cost', head: t('money.amount'), end: true, cell: row => cost(row) },
            ]}
          />
        )}
      </Shown>
    </Grouped>
  );
}

interface TemplateRow extends FunnelRow {
  template_id: string;
  name: string | null;
  language: string | null;
  reply_rate: number | null;
}

export function Templates({ scope }: { scope: Scope }) {
  const { t, number, share } = useI18n();
  const report = useReport<TemplateRow>('templates', scope, '');
  return (
    <Card title={t('analytics.templates')}>
      <Shown report={report}>
        {rows => (
          <Table
            caption={t('analytics.templates')}
            rows={rows}
            keyOf={row => row.template_id}
            columns={[
              {
                key: 'name',
                head: t('common.name'),
                cell: row => (
                  <Link to={`/templates/${row.template_id}`}>
                    <bdi>{row.name ?? row.template_id}</bdi>
                  </Link>
                ),
              },
              { key: 'language', head: t('common.language'), cell: row => row.language ?? '–' },
              { key: 'sent', head: t('status.sent'), end: true, cell: row => number(row.sent) },
              { key: 'delivered', head: t('status.delivered'), end: true, cell: row => share(row.delivery_rate) },
              { key: 'read', head: t('status.read'), end: true, cell: row => share(row.read_rate) },
              { key: 'replied', head: t('campaigns.replied'), end: true, cell: row => share(row.reply_rate) },
              { key: 'failed', head: t('status.failed'), end: true, cell: row => number(row.failed) },
            ]}
          />
        )}
      </Shown>
    </Card>
  );
}

interface Times {
  count: number;
  median_seconds: number | null;
  p90_seconds: number | null;
}

interface AgentRow {
  group: string;
  name: string | null;
  first: Times;
  next: Times;
  resolution: Times;
  waiting: number;
}

export function Agents({ scope }: { scope: Scope }) {
  const { t, number, duration } = useI18n();
  const [group, setGroup] = useState('agent');
  const report = useReport<AgentRow>('agents', scope, group);
  const times = (one: Times) =>
    one.count === 0 ? (
      '–'
    ) : (
      <span title={t('analytics.p90', { time: duration(one.p90_seconds) })}>{duration(one.median_seconds)}</span>
    );
  return (
    <Grouped title={t('analytics.agents')} groups={['agent', 'team', 'account', 'day']} group={group} onGroup={setGroup}>
      <Shown report={report}>
        {rows => (
          <Table
            caption={t('analytics.agents')}
            rows={rows}
            keyOf={row => row.group}
            columns={[
              {
                key: 'group',
                head: t(`analytics.by_${group}`),
                cell: row =>
                  group === 'agent' || group === 'team' ? <PeopleName row={row} group={group} /> : <bdi>{row.group}</bdi>,
              },
              { key: 'count', head: t('analytics.answers'), end: true, cell: row => number(row.first.count + row.next.count) },
              { key: 'first', head: t('analytics.first'), end: true, cell: row => times(row.first) },
              { key: 'next', head: t('analytics.next'), end: true, wide: true, cell: row => times(row.next) },
              { key: 'resolution', head: t('analytics.resolution'), end: true, cell: row => times(row.resolution) },
              { key: 'waiting', head: t('analytics.waiting'), end: true, cell: row => number(row.waiting) },
            ]}
          />
        )}
      </Shown>
    </Grouped>
  );
}
