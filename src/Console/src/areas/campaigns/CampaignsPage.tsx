import { useMemo, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { useList } from '../../api/hooks';
import type { Campaign, Template } from '../../api/types';
import { useFrames } from '../../app/live';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Card, EmptyState, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Tabs } from '../../kit/Tabs';
import { Own } from '../../kit/Phone';

const STATUSES = ['all', 'DRAFT', 'SCHEDULED', 'RUNNING', 'PAUSED', 'COMPLETED', 'CANCELLED'] as const;

export default function CampaignsPage() {
  const { t, word, number, brief } = useI18n();
  const { can } = useSession();
  const navigate = useNavigate();
  const [status, setStatus] = useState<string>('all');
  const list = useList<Campaign>(
    '/v1/campaigns',
    { query: { limit: 100, order: 'newest', status: status === 'all' ? null : status } },
    { refreshMs: 30_000 },
  );
  const templates = useList<Template>('/v1/templates', { query: { limit: 200 } });
  const names = useMemo(() => new Map(templates.rows.map(row => [row.id, row.name])), [templates.rows]);
  useFrames(['campaign'], () => void list.refetch());

  return (
    <Page
      title={t('nav.campaigns')}
      lead={t('campaigns.lead')}
      actions={
        can('manager') && (
          <Link className="button button-primary" to="/campaigns/new">
            {t('campaigns.new')}
          </Link>
        )
      }
    >
      <Tabs
        label={t('campaigns.by_status')}
        chosen={status}
        onChoose={setStatus}
        tabs={STATUSES.map(key => ({ key, label: key === 'all' ? t('common.all') : word('status', key) }))}
      >
        <Card flush>
          <ListTable
            list={list}
            caption={t('nav.campaigns')}
            keyOf={row => row.id}
            onRow={row => void navigate(`/campaigns/${row.id}`)}
            empty={
              <EmptyState
                title={t('campaigns.none')}
                action={
                  can('manager') && (
                    <Link className="button button-primary" to="/campaigns/new">
                      {t('campaigns.new')}
                    </Link>
                  )
                }
              >
                {t('campaigns.none_text')}
              </EmptyState>
            }
            columns={[
              {
                key: 'name',
                head: t('common.name'),
                cell: row => (
                  <>
                    <Link to={`/campaigns/${row.id}`} className="strong" onClick={e => e.stopPropagation()}>
                      <Own text={row.name} />
                    </Link>
                    <div className="muted small">
                      <Own text={names.get(row.template_id) ?? ''} />
                    </div>
                  </>
                ),
              },
              {
                key: 'status',
                head: t('common.status'),
                cell: row => (
                  <Badge dot tone={toneOf(row.status)}>
                    {word('status', row.waits_for ?? row.status)}
                  </Badge>
                ),
              },
              { key: 'progress', head: t('campaigns.progress'), wide: true, cell: row => <Bar campaign={row} /> },
              { key: 'total', head: t('campaigns.recipients'), end: true, cell: row => number(row.total_recipients) },
              { key: 'read', head: t('status.read'), end: true, wide: true, cell: row => number(row.read_count) },
              {
                key: 'failed',
                head: t('status.failed'),
                end: true,
                wide: true,
                cell: row => <span className={row.failed_count > 0 ? 'bad' : undefined}>{number(row.failed_count)}</span>,
              },
              {
                key: 'at',
                head: t('common.created'),
                end: true,
                cell: row => <span className="nowrap">{brief(row.created_at)}</span>,
              },
            ]}
          />
        </Card>
      </Tabs>
    </Page>
  );
}

function Bar({ campaign }: { campaign: Campaign }) {
  const { t, number } = useI18n();
  const total = Math.max(1, campaign.total_recipients);
  const part = (count: number) => ({ inlineSize: `${Math.min(100, (100 * count) / total)}%` });
  return (
    <div
      className="bar"
      role="img"
      aria-label={t('campaigns.bar', { sent: number(campaign.sent_count), total: number(campaign.total_recipients) })}
    >
      <div className="bar-part" style={part(campaign.delivered_count)} />
      <div className="bar-part bar-part-2" style={part(Math.max(0, campaign.sent_count - campaign.delivered_count))} />
      <div className="bar-part bar-part-bad" style={part(campaign.failed_count)} />
    </div>
  );
}
