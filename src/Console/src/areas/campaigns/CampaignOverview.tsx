import { Link } from 'react-router';
import { useMaybe } from '../../api/hooks';
import type { Campaign, Page, Progress } from '../../api/types';
import { useGet } from '../../api/hooks';
import { useI18n } from '../../i18n/I18n';
import { Card, Facts, Loading, Stat } from '../../kit/Page';
import { Own } from '../../kit/Phone';
import { cx } from '../../lib/cx';
import { dayIn } from '../../lib/time';
import { readComponents } from '../../lib/template';
import { TemplatePreview } from '../templates/TemplatePreview';
import { AudienceText } from './AudienceText';
import { Variants } from './Variants';

interface FunnelRow {
  group: string;
  replied?: number;
  failed_reasons?: { code: string; count: number }[] | null;
  avg_delivery_time_ms?: number;
  avg_read_time_ms?: number;
}

interface Props {
  campaign: Campaign;
  progress: Progress | null;
  rate: number | null;
  over: boolean;
}

export function CampaignOverview({ campaign, progress, rate, over }: Props) {
  const { t, number, share, time, ago } = useI18n();
  const template = useGet('/v1/templates/{id}', { path: { id: campaign.template_id } });
  const p = progress ?? {
    total: campaign.total_recipients,
    queued: 0,
    skipped: 0,
    sent: campaign.sent_count,
    delivered: campaign.delivered_count,
    read: campaign.read_count,
    failed: campaign.failed_count,
    unknown: 0,
    estimated_completion: null,
  };
  const decided = p.sent + p.failed + p.skipped + p.unknown;
  return (
    <div className="columns-side">
      <div className="stack">
        {campaign.status !== 'DRAFT' && (
          <>
            <div className="stats">
              <Stat
                label={t('campaigns.progress')}
                value={share(p.total ? Math.min(1, decided / p.total) : 0)}
                hint={t('campaigns.of', { part: number(decided), whole: number(p.total) })}
              />
              <Stat
                label={t('campaigns.rate')}
                value={over || rate === null ? '–' : t('campaigns.per_second', { count: number(Math.round(rate)) })}
              />
              <Stat
                label={over ? t('campaigns.ended') : t('campaigns.eta')}
                value={over ? time(campaign.completed_at) : p.estimated_completion ? ago(p.estimated_completion) : '–'}
                hint={over ? undefined : p.estimated_completion && time(p.estimated_completion)}
              />
              <Stat label={t('status.unknown')} value={number(p.unknown)} tone={p.unknown > 0 ? 'warn' : undefined} />
            </div>
            <Card title={t('campaigns.funnel')}>
              <Funnel progress={p} />
            </Card>
            <Variants campaign={campaign} />
            <Reasons campaign={campaign} skipped={p.skipped} failed={p.failed} />
          </>
        )}
        <Card title={t('campaigns.settings')}>
          <Facts
            facts={[
              [t('campaigns.audience'), <AudienceText key="a" segment={campaign.audience_segment} />],
              [t('campaigns.on_limit'), t(campaign.on_limit === 'skip' ? 'campaigns.limit_skip' : 'campaigns.limit_wait')],
              campaign.send_until ? [t('campaigns.send_until'), time(campaign.send_until)] : null,
              campaign.scheduled_at ? [t('campaigns.scheduled_for'), time(campaign.scheduled_at)] : null,
              [t('campaigns.started'), time(campaign.started_at)],
              [t('common.created'), time(campaign.created_at)],
              ...related(campaign, t),
            ]}
          />
        </Card>
      </div>
      <Card title={<Own text={template.data?.name ?? t('campaigns.template')} />}>
        {template.data ? (
          <TemplatePreview components={readComponents(template.data.components)} language={template.data.language} />
        ) : (
          <Loading />
        )}
      </Card>
    </div>
  );
}

function related(campaign: Campaign, t: (key: string) => string): (readonly [string, React.ReactNode])[] {
  const { retry_of: of, retries = [] } = campaign as Campaign & { retry_of?: string | null; retries?: string[] };
  return [
    ...(of
      ? [
          [
            t('campaigns.retry_of'),
            <Link key={of} to={`/campaigns/${of}`}>
              {of.slice(-8)}
            </Link>,
          ] as const,
        ]
      : []),
    ...(retries.length > 0
      ? [
          [
            t('campaigns.retries'),
            <span key="r" className="row">
              {retries.map(id => (
                <Link key={id} to={`/campaigns/${id}`}>
                  {id.slice(-8)}
                </Link>
              ))}
            </span>,
          ] as const,
        ]
      : []),
  ];
}

function Funnel({ progress: p }: { progress: Pick<Progress, 'total' | 'skipped' | 'sent' | 'delivered' | 'read' | 'failed'> }) {
  const { t, number, share } = useI18n();
  const steps = [
    ['campaigns.recipients', p.total],
    ['status.sent', p.sent],
    ['status.delivered', p.delivered],
    ['status.read', p.read],
  ] as const;
  const side = [
    ['status.skipped', p.skipped, 'muted'],
    ['status.failed', p.failed, 'bad'],
  ] as const;
  const width = (count: number) => ({ inlineSize: `${p.total ? (100 * count) / p.total : 0}%` });
  return (
    <div className="stack-small">
      {steps.map(([key, count]) => (
        <div key={key} className="funnel-row">
          <span>{t(key)}</span>
          <div className="bar bar-tall">
            <div className="bar-part" style={width(count)} />
          </div>
          <span className="end strong">{number(count)}</span>
          <span className="end muted">{share(p.total ? count / p.total : 0)}</span>
        </div>
      ))}
      {side.map(([key, count, tone]) => (
        <div key={key} className="funnel-row">
          <span>{t(key)}</span>
          <div className="bar bar-tall">
            <div className={`bar-part bar-part-${tone}`} style={width(count)} />
          </div>
          <span className={cx('end strong', count > 0 && tone)}>{number(count)}</span>
          <span className="end muted">{share(p.total ? count / p.total : 0)}</span>
        </div>
      ))}
    </div>
  );
}

/** Reasons of failure are counted in analytics: by Meta's code, the most frequent first. */
function Reasons({ campaign, skipped, failed }: { campaign: Campaign; skipped: number; failed: number }) {
  const { t, number, word, duration } = useI18n();
  const from = dayIn(new Date(campaign.started_at ?? campaign.created_at));
  const funnel = useMaybe<Page<FunnelRow>>(
    '/v1/analytics/funnel',
    {
      query: { from, to: dayIn(new Date(Date.now() + 86_400_000)), campaign_id: campaign.id, group_by: 'campaign', zone: 'UTC' },
    },
    { enabled: !!campaign.started_at, refreshMs: 15_000 },
  );
  const row = funnel.data?.data.find(one => one.group === campaign.id) ?? funnel.data?.data[0];
  const reasons = row?.failed_reasons ?? [];
  if (skipped + failed === 0 && !row) {
    return null;
  }
  return (
    <Card title={t('campaigns.results')}>
      <Facts
        facts={[
          row?.replied !== undefined && [t('campaigns.replied'), number(row.replied)],
          !!row?.avg_delivery_time_ms && [t('campaigns.avg_delivery'), duration(row.avg_delivery_time_ms / 1000)],
          !!row?.avg_read_time_ms && [t('campaigns.avg_read'), duration(row.avg_read_time_ms / 1000)],
        ]}
      />
      {reasons.length > 0 && (
        <div className="stack-small">
          <h3>{t('campaigns.failed_because')}</h3>
          <ul className="plain stack-small">
            {reasons.map(reason => (
              <li key={reason.code} className="row-between">
                <span>
                  <code>{reason.code}</code>{' '}
                  {word('meta_error', reason.code) === reason.code ? '' : word('meta_error', reason.code)}
                </span>
                <span className="strong">{number(reason.count)}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Card>
  );
}
