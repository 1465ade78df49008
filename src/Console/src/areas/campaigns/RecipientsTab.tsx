import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { api } from '../../api/client';
import { useGet, useList } from '../../api/hooks';
import type { Campaign, Progress, Recipient } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { Select } from '../../kit/Field';
import { Await, Card, EmptyState, Facts } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Id, Own, Phone } from '../../kit/Phone';
import { useToasts } from '../../kit/Toast';
import { FactList } from './EventsTab';

const STATUSES = [
  'pending',
  'queued',
  'sending',
  'accepted',
  'sent',
  'delivered',
  'read',
  'failed',
  'rejected',
  'skipped',
  'cancelled',
  'expired',
  'outcome_unknown',
  'unknown_closed',
  'waiting_for_limit',
  'waiting_for_template',
  'waiting_for_user_cap',
  'waiting_for_hours',
] as const;

export function RecipientsTab({ campaign, progress }: { campaign: Campaign; progress: Progress | null }) {
  const { t, word, brief } = useI18n();
  const { can } = useSession();
  const [status, setStatus] = useState('');
  const [why, setWhy] = useState<Recipient | null>(null);
  const list = useList<Recipient>(
    '/v1/campaigns/{id}/recipients',
    { path: { id: campaign.id }, query: { limit: 100, status } },
    { refreshMs: campaign.status === 'RUNNING' ? 5000 : undefined },
  );
  return (
    <Card
      flush
      title={t('campaigns.recipients')}
      actions={
        <div className="row">
          {!!progress?.unknown && status !== 'outcome_unknown' && (
            <Button small onClick={() => setStatus('outcome_unknown')}>
              {t('campaigns.show_unknown')}
            </Button>
          )}
          <Select
            label={t('common.status')}
            hideLabel
            value={status}
            onChange={event => setStatus(event.target.value)}
            choices={[{ value: '', label: t('common.all') }, ...STATUSES.map(value => ({ value, label: word('status', value) }))]}
          />
        </div>
      }
    >
      <ListTable
        list={list}
        caption={t('campaigns.recipients')}
        keyOf={row => row.message_id}
        empty={<EmptyState title={t('campaigns.no_recipients')} />}
        columns={[
          {
            key: 'contact',
            head: t('campaigns.contact'),
            cell: row => (
              <>
                <Link to={`/contacts/${row.contact_id}`}>
                  {row.name ? <Own text={row.name} /> : row.phone_number ? <Phone number={row.phone_number} /> : <Id id={row.contact_id} />}
                </Link>
                {row.name && (
                  <div className="muted small">
                    <Phone number={row.phone_number} />
                  </div>
                )}
              </>
            ),
          },
          {
            key: 'status',
            head: t('common.status'),
            cell: row => <Badge tone={toneOf(row.status)}>{word('status', row.status)}</Badge>,
          },
          { key: 'reason', head: t('campaigns.reason'), cell: row => (row.reason ? <Reason reason={row.reason} /> : '–') },
          { key: 'at', head: t('common.updated'), end: true, wide: true, cell: row => brief(row.updated_at) },
          {
            key: 'why',
            head: t('common.actions'),
            end: true,
            cell: row => (
              <div className="row">
                {can('manager') && row.status === 'outcome_unknown' && <Settle messageId={row.message_id} />}
                <Button small onClick={() => setWhy(row)}>
                  {t('campaigns.why')}
                </Button>
              </div>
            ),
          },
        ]}
      />
      {why && <Why campaignId={campaign.id} recipient={why} onClose={() => setWhy(null)} />}
    </Card>
  );
}

function Reason({ reason }: { reason: string }) {
  const { word } = useI18n();
  const said = word('reason', reason);
  return said === reason ? <code className="wrap-any">{reason}</code> : <>{said}</>;
}

/** A person says what became of a message that nobody knows about. */
function Settle({ messageId }: { messageId: string }) {
  const { t } = useI18n();
  const { say, fail } = useToasts();
  const client = useQueryClient();
  const settle = useMutation({
    mutationFn: (outcome: string) => api.post('/v1/messages/{id}/settle', { outcome }, { path: { id: messageId } }),
    onSuccess: () => say(t('campaigns.settled')),
    onError: fail,
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/campaigns/{id}/recipients'] }),
  });
  return (
    <>
      <Button small busy={settle.isPending} onClick={() => settle.mutate('sent')}>
        {t('campaigns.settle_sent')}
      </Button>
      <Button small busy={settle.isPending} onClick={() => settle.mutate('not_sent')}>
        {t('campaigns.settle_not_sent')}
      </Button>
    </>
  );
}

function Why({ campaignId, recipient, onClose }: { campaignId: string; recipient: Recipient; onClose: () => void }) {
  const { t, word, time, number } = useI18n();
  const read = useGet('/v1/campaigns/{id}/recipients/{contactId}/why', {
    path: { id: campaignId, contactId: recipient.contact_id },
  });
  return (
    <Dialog title={t('campaigns.why_title')} wide onClose={onClose}>
      <Await read={read}>
        {why => (
          <>
            <Facts
              facts={[
                [
                  t('common.status'),
                  <Badge key="s" tone={toneOf(why.recipient.status)}>
                    {word('status', why.recipient.status)}
                  </Badge>,
                ],
                why.recipient.reason ? [t('campaigns.reason'), <Reason key="r" reason={why.recipient.reason} />] : null,
                [t('campaigns.attempts'), number(why.recipient.attempts)],
                why.recipient.waits_until ? [t('campaigns.waits_until'), time(why.recipient.waits_until)] : null,
                [t('campaigns.message'), <Id key="m" id={why.recipient.message_id} />],
              ]}
            />
            <FactList facts={why.facts} />
          </>
        )}
      </Await>
    </Dialog>
  );
}
