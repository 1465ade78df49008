import { useMaybe } from '../../api/hooks';
import type { Campaign, Page } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Card } from '../../kit/Page';
import { Table } from '../../kit/Table';
import { dayIn } from '../../lib/time';

interface Row {
  group: string;
  sent: number;
  delivered: number;
  read: number;
  replied?: number;
  failed: number;
  read_rate: number | null;
  template?: { id: string; name: string } | null;
}

/** How each template of a campaign fares. */
export function Variants({ campaign }: { campaign: Campaign }) {
  const { t, number, share } = useI18n();
  const variants = (campaign as { variants?: { template_id: string; share: number }[] | null }).variants ?? [];
  const report = useMaybe<Page<Row>>(
    '/v1/analytics/funnel',
    {
      query: {
        from: dayIn(new Date(campaign.started_at ?? campaign.created_at)),
        to: dayIn(new Date(Date.now() + 86_400_000)),
        campaign_id: campaign.id,
        group_by: 'variant',
        zone: 'UTC',
      },
    },
    { enabled: variants.length > 0 && !!campaign.started_at, refreshMs: 15_000 },
  );
  if (variants.length === 0 || !report.data) {
    return null;
  }
  return (
    <Card flush title={t('campaigns.variants')}>
      <Table
        caption={t('campaigns.variants')}
        rows={report.data.data}
        keyOf={row => row.group}
        columns={[
          { key: 'name', head: t('campaigns.template'), cell: row => <bdi>{row.template?.name ?? row.group}</bdi> },
          { key: 'sent', head: t('status.sent'), end: true, cell: row => number(row.sent) },
          { key: 'delivered', head: t('status.delivered'), end: true, cell: row => number(row.delivered) },
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
          { key: 'replied', head: t('campaigns.replied'), end: true, cell: row => number(row.replied ?? null) },
          { key: 'failed', head: t('status.failed'), end: true, cell: row => number(row.failed) },
        ]}
      />
    </Card>
  );
}
