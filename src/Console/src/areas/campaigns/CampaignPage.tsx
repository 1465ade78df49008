import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link, useParams } from 'react-router';
import { useGet } from '../../api/hooks';
import type { Campaign, Progress } from '../../api/types';
import { useFrames } from '../../app/live';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Await, Page } from '../../kit/Page';
import { Own } from '../../kit/Phone';
import { Tabs } from '../../kit/Tabs';
import { CampaignActions } from './CampaignActions';
import { CampaignOverview } from './CampaignOverview';
import { EventsTab } from './EventsTab';
import { RecipientsTab } from './RecipientsTab';
import { useProgress } from './useProgress';

const OVER = ['COMPLETED', 'CANCELLED', 'DRAFT'];

export default function CampaignPage() {
  const { t } = useI18n();
  const { id = '' } = useParams();
  const read = useGet('/v1/campaigns/{id}', { path: { id } }, { refreshMs: 20_000 });
  const back = <Link to="/campaigns">{t('nav.campaigns')}</Link>;
  return <Await read={read}>{campaign => <Shown key={campaign.id} campaign={campaign as Campaign} back={back} />}</Await>;
}

function Shown({ campaign, back }: { campaign: Campaign; back: React.ReactNode }) {
  const { t, word } = useI18n();
  const client = useQueryClient();
  const [tab, setTab] = useState('overview');
  const over = OVER.includes(campaign.status);
  const { progress, state, rate } = useProgress(campaign.id, campaign.status !== 'DRAFT');
  const { refetch } = useGet('/v1/campaigns/{id}', { path: { id: campaign.id } });
  useFrames(['campaign'], (_, data) => {
    if (
      (data as { id?: string; campaign_id?: string }).id === campaign.id ||
      (data as { campaign_id?: string }).campaign_id === campaign.id
    ) {
      void refetch();
    }
  });
  // The stream ends with the campaign: its last word may come before the list's.
  useEffect(() => {
    if (state === 'ended') {
      void client.invalidateQueries({ queryKey: ['/v1/campaigns/{id}'] });
    }
  }, [state, client]);

  return (
    <Page
      back={back}
      name={campaign.name}
      title={
        <span className="row">
          <Own text={campaign.name} />
          <Badge dot tone={toneOf(campaign.status)}>
            {word('status', campaign.status)}
          </Badge>
        </span>
      }
      lead={campaign.description && <Own text={campaign.description} />}
      actions={<CampaignActions campaign={campaign} progress={progress} />}
    >
      {state === 'away' && !over && (
        <div className="notice notice-warn" role="status">
          {t('campaigns.stream_away')}
        </div>
      )}
      {campaign.status === 'PAUSED' && campaign.pause_reason && (
        <div className="notice notice-warn">
          <span>
            {t('campaigns.paused_because')} <Own text={campaign.pause_reason} />
          </span>
        </div>
      )}
      <Waiting campaign={campaign} progress={progress} />
      <Tabs
        label={t('campaigns.parts')}
        chosen={tab}
        onChoose={setTab}
        tabs={[
          { key: 'overview', label: t('campaigns.overview') },
          { key: 'recipients', label: t('campaigns.recipients') },
          { key: 'events', label: t('campaigns.log') },
        ]}
      >
        {tab === 'overview' && <CampaignOverview campaign={campaign} progress={progress} rate={rate} over={over} />}
        {tab === 'recipients' && <RecipientsTab campaign={campaign} progress={progress} />}
        {tab === 'events' && <EventsTab id={campaign.id} />}
      </Tabs>
    </Page>
  );
}

function Waiting({ campaign, progress }: { campaign: Campaign; progress: Progress | null }) {
  const { t, word, time, number } = useI18n();
  const waitsFor = progress?.waits_for ?? campaign.waits_for;
  const until = progress?.waits_until ?? campaign.waits_until;
  if (!waitsFor && !progress?.waiting) {
    return null;
  }
  return (
    <div className="notice" role="status">
      {waitsFor && (
        <span>
          {word('status', waitsFor)}
          {until ? ` · ${t('campaigns.until', { time: time(until) })}` : ''}
        </span>
      )}
      {!!progress?.waiting && <span>{t('campaigns.who_wait', { count: number(progress.waiting) })}</span>}
    </div>
  );
}
