import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { api, call } from '../../api/client';
import { useGet, useList } from '../../api/hooks';
import type { Delivery, Webhook } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Confirm, Dialog } from '../../kit/Dialog';
import { Select, TextField } from '../../kit/Field';
import { Await, Card, EmptyState, Facts, Fault, Page, Stat } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Secret } from '../../kit/Reveal';
import { useToasts } from '../../kit/Toast';
import { WebhookForm } from './WebhookForm';

export function WebhookPage() {
  const { id = '' } = useParams();
  const read = useGet('/v1/webhooks/{id}', { path: { id } }, { refreshMs: 10_000 });
  return <Await read={read}>{webhook => <Shown webhook={webhook as Webhook} />}</Await>;
}

function Shown({ webhook: w }: { webhook: Webhook }) {
  const { t, word, number, time } = useI18n();
  const { can } = useSession();
  const may = can('admin');
  const [dialog, setDialog] = useState<'edit' | 'delete' | 'rotate' | 'recover' | null>(null);
  return (
    <Page
      name={w.name}
      back={<Link to="/webhooks">{t('nav.webhooks')}</Link>}
      lead={
        <bdi dir="ltr" className="wrap-any">
          {w.url}
        </bdi>
      }
      title={
        <span className="row">
          <bdi>{w.name}</bdi>
          <Badge dot tone={toneOf(w.status_exact)}>
            {word('status', w.status_exact)}
          </Badge>
        </span>
      }
      actions={may && <Actions webhook={w} onDialog={setDialog} />}
    >
      {w.disabled_reason && (
        <div className="notice notice-bad">
          {t('webhooks.disabled')} <bdi>{w.disabled_reason}</bdi> {w.disabled_at && time(w.disabled_at)}
        </div>
      )}
      <div className="stats">
        <Stat label={t('webhooks.delivered')} value={number(w.metrics.delivered)} />
        <Stat label={t('webhooks.failed')} value={number(w.metrics.failed)} tone={w.metrics.failed > 0 ? 'bad' : undefined} />
        <Stat
          label={t('webhooks.latency')}
          value={w.metrics.average_latency_ms === null ? '–' : `${number(w.metrics.average_latency_ms)} ms`}
        />
        <Stat
          label={t('webhooks.waiting')}
          value={
            w.metrics.up_to_date
              ? number(0)
              : `${number(w.metrics.waiting ?? w.metrics.held_events)}${w.metrics.waiting_more ? '+' : ''}`
          }
          hint={w.metrics.next_attempt_at && t('webhooks.next', { time: time(w.metrics.next_attempt_at) })}
        />
      </div>
      <Deliveries webhook={w} may={may} />
      <Card title={t('common.details')}>
        <Facts
          facts={[
            [
              t('webhooks.events'),
              <span key="e" className="chips">
                {w.events.map(one => (
                  <code key={one} className="chip">
                    {one}
                  </code>
                ))}
              </span>,
            ],
            [t('webhooks.payload'), t(`webhooks.payload_${w.payload}`)],
            [t('webhooks.version'), w.api_version],
            w.previous_secret_until ? [t('webhooks.old_secret'), time(w.previous_secret_until)] : null,
            w.metrics.last_error
              ? [
                  t('webhooks.last_error'),
                  <bdi key="l" className="wrap-any">
                    {w.metrics.last_error}
                  </bdi>,
                ]
              : null,
            [t('common.created'), time(w.created_at)],
          ]}
        />
      </Card>
      {dialog === 'edit' && <WebhookForm webhook={w} onClose={() => setDialog(null)} onMade={() => undefined} />}
      {dialog === 'delete' && <Remove webhook={w} onClose={() => setDialog(null)} />}
      {dialog === 'rotate' && <Rotate webhook={w} onClose={() => setDialog(null)} />}
      {dialog === 'recover' && <Recover webhook={w} onClose={() => setDialog(null)} />}
    </Page>
  );
}

function Actions({
  webhook: w,
  onDialog,
}: {
  webhook: Webhook;
  onDialog: (dialog: 'edit' | 'delete' | 'rotate' | 'recover') => void;
}) {
  const { t, number } = useI18n();
  const { say, fail } = useToasts();
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: ['/v1/webhooks/{id}'] });
  const test = useMutation({
    mutationFn: () => api.post('/v1/webhooks/{id}/test', null, { path: { id: w.id } }),
    onSuccess: done =>
      say(t('webhooks.tested', { outcome: `${done.outcome} ${done.status ?? ''}`.trim(), ms: number(done.latency_ms) })),
    onError: fail,
    onSettled: async () => {
      await refresh();
      await client.invalidateQueries({ queryKey: ['/v1/webhooks/{id}/deliveries'] });
    },
  });
  const enable = useMutation({
    mutationFn: () => api.post('/v1/webhooks/{id}/enable', null, { path: { id: w.id } }),
    onError: fail,
    onSettled: refresh,
  });
  const pause = useMutation({
    mutationFn: () => call('PATCH', '/v1/webhooks/{id}', { status: 'inactive' }, { path: { id: w.id } }),
    onError: fail,
    onSettled: refresh,
  });
  return (
    <>
      <Button busy={test.isPending} onClick={() => test.mutate()}>
        {t('webhooks.test')}
      </Button>
      {w.status === 'active' ? (
        <Button busy={pause.isPending} onClick={() => pause.mutate()}>
          {t('webhooks.pause')}
        </Button>
      ) : (
        <Button look="primary" busy={enable.isPending} onClick={() => enable.mutate()}>
          {t('webhooks.enable')}
        </Button>
      )}
      <Button onClick={() => onDialog('recover')}>{t('webhooks.recover')}</Button>
      <Button onClick={() => onDialog('rotate')}>{t('webhooks.rotate')}</Button>
      <Button onClick={() => onDialog('edit')}>{t('common.edit')}</Button>
      <Button onClick={() => onDialog('delete')}>{t('common.delete')}</Button>
    </>
  );
}

function Deliveries({ webhook, may }: { webhook: Webhook; may: boolean }) {
  const { t, time, number } = useI18n();
  const { say, fail } = useToasts();
  const client = useQueryClient();
  const [only, setOnly] = useState('');
  const [shown, setShown] = useState<Delivery | null>(null);
  const list = useList<Delivery>(
    '/v1/webhooks/{id}/deliveries',
    { path: { id: webhook.id }, query: { limit: 50, succeeded: only } },
    { refreshMs: 10_000 },
  );
  const again = useMutation({
    mutationFn: (id: string) => api.post('/v1/deliveries/{id}/redeliver', null, { path: { id } }),
    onSuccess: done =>
      say(t('webhooks.tested', { outcome: `${done.outcome} ${done.status ?? ''}`.trim(), ms: number(done.latency_ms) })),
    onError: fail,
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/webhooks/{id}/deliveries'] }),
  });
  return (
    <Card
      flush
      title={t('webhooks.deliveries')}
      actions={
        <Select
          label={t('common.status')}
          hideLabel
          value={only}
          onChange={event => setOnly(event.target.value)}
          choices={[
            { value: '', label: t('common.all') },
            { value: 'true', label: t('webhooks.delivered') },
            { value: 'false', label: t('webhooks.failed') },
          ]}
        />
      }
    >
      <ListTable
        list={list}
        caption={t('webhooks.deliveries')}
        keyOf={row => row.id}
        empty={<EmptyState title={t('webhooks.no_deliveries')} />}
        columns={[
          { key: 'at', head: t('common.time'), cell: row => <span className="nowrap">{time(row.created_at)}</span> },
          { key: 'type', head: t('webhooks.event'), cell: row => <code>{row.event_type}</code> },
          {
            key: 'outcome',
            head: t('money.result'),
            cell: row => (
              <Badge tone={row.status !== null && row.status >= 200 && row.status < 300 ? 'good' : 'bad'}>
                {row.outcome} {row.status ?? ''}
              </Badge>
            ),
          },
          { key: 'attempt', head: t('webhooks.attempt'), end: true, wide: true, cell: row => number(row.attempt) },
          { key: 'ms', head: t('webhooks.latency'), end: true, wide: true, cell: row => `${number(row.latency_ms)} ms` },
          {
            key: 'x',
            head: t('common.actions'),
            end: true,
            cell: row => (
              <div className="row">
                <Button small onClick={() => setShown(row)}>
                  {t('common.details')}
                </Button>
                {may && (
                  <Button small busy={again.isPending && again.variables === row.id} onClick={() => again.mutate(row.id)}>
                    {t('webhooks.redeliver')}
                  </Button>
                )}
              </div>
            ),
          },
        ]}
      />
      {shown && (
        <Dialog title={shown.event_type} onClose={() => setShown(null)}>
          <Facts
            facts={[
              [t('webhooks.event'), <code key="e">{shown.event_id}</code>],
              [t('webhooks.cause'), shown.cause],
              [t('money.result'), `${shown.outcome} ${shown.status ?? ''}`],
              shown.next_attempt_at ? [t('webhooks.next_attempt'), time(shown.next_attempt_at)] : null,
            ]}
          />
          {shown.answer && (
            <>
              <h3>{t('webhooks.answer')}</h3>
              <pre dir="ltr">{shown.answer}</pre>
            </>
          )}
        </Dialog>
      )}
    </Card>
  );
}

function Remove({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => api.delete('/v1/webhooks/{id}', { path: { id: webhook.id } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['/v1/webhooks'] });
      await navigate('/webhooks');
    },
  });
  return (
    <Confirm
      title={t('webhooks.delete')}
      text={t('webhooks.delete_text')}
      danger
      action={t('common.delete')}
      busy={remove.isPending}
      error={<Fault fault={remove.error} />}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    />
  );
}

function Rotate({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [hours, setHours] = useState('24');
  const rotate = useMutation({
    mutationFn: () =>
      call<{ secret?: string }>(
        'POST',
        '/v1/webhooks/{id}/rotate-secret',
        { overlap_hours: Number(hours) },
        { path: { id: webhook.id } },
      ),
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/webhooks/{id}'] }),
  });
  if (rotate.data?.secret) {
    return (
      <Dialog
        title={t('webhooks.secret')}
        onClose={onClose}
        actions={
          <Button look="primary" onClick={onClose}>
            {t('common.done')}
          </Button>
        }
      >
        <div className="notice notice-warn">{t('webhooks.secret_text')}</div>
        <Secret value={rotate.data.secret} label={t('webhooks.secret')} />
      </Dialog>
    );
  }
  return (
    <Confirm
      title={t('webhooks.rotate')}
      text={t('webhooks.rotate_text')}
      action={t('webhooks.rotate')}
      busy={rotate.isPending}
      error={<Fault fault={rotate.error} />}
      onConfirm={() => rotate.mutate()}
      onClose={onClose}
    >
      <TextField
        label={t('webhooks.overlap')}
        type="number"
        min={0}
        max={168}
        value={hours}
        onChange={event => setHours(event.target.value)}
      />
    </Confirm>
  );
}

function Recover({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const { t } = useI18n();
  const { say } = useToasts();
  const client = useQueryClient();
  const [since, setSince] = useState('');
  const recover = useMutation({
    mutationFn: () =>
      api.post('/v1/webhooks/{id}/recover', { since: new Date(since).toISOString() }, { path: { id: webhook.id } }),
    onSuccess: () => {
      say(t('common.done'));
      onClose();
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/webhooks/{id}'] }),
  });
  return (
    <Confirm
      title={t('webhooks.recover')}
      text={t('webhooks.recover_text')}
      action={t('webhooks.recover')}
      busy={recover.isPending}
      error={<Fault fault={recover.error} />}
      onConfirm={() => since && recover.mutate()}
      onClose={onClose}
    >
      <TextField
        label={t('webhooks.since')}
        type="datetime-local"
        value={since}
        onChange={event => setSince(event.target.value)}
      />
    </Confirm>
  );
}
