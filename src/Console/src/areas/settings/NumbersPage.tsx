import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { useList } from '../../api/hooks';
import type { Account, Schema } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { Card, EmptyState, Facts, Fault, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Own, Phone } from '../../kit/Phone';
import { useToasts } from '../../kit/Toast';
import { SettingsNav } from './SettingsArea';

/** The largest number of the API stands for no limit. */
function limitText(limit: number, number: (value: number) => string): string {
  return limit >= 2_147_483_647 ? '∞' : number(limit);
}

export function NumbersPage() {
  const { t, word, number } = useI18n();
  const [shown, setShown] = useState<string | null>(null);
  const list = useList<Account>('/v1/accounts', { query: { limit: 200 } }, { refreshMs: 30_000 });
  const chosen = list.rows.find(row => row.id === shown);
  return (
    <Page title={t('settings.numbers')}>
      <SettingsNav />
      <Card flush>
        <ListTable
          list={list}
          caption={t('settings.numbers')}
          keyOf={row => row.id}
          onRow={row => setShown(row.id)}
          empty={<EmptyState title={t('settings.no_numbers')} />}
          columns={[
            {
              key: 'name',
              head: t('common.name'),
              cell: row => (
                <>
                  <span className="strong">
                    <Own text={row.display_name} />
                  </span>
                  <div className="small muted">
                    <Phone number={row.phone_number} />
                  </div>
                </>
              ),
            },
            {
              key: 'status',
              head: t('common.status'),
              cell: row => (
                <Badge dot tone={toneOf(row.status)}>
                  {word('status', row.status)}
                </Badge>
              ),
            },
            { key: 'quality', head: t('templates.quality'), cell: row => word('quality', row.quality_rating) },
            {
              key: 'limit',
              head: t('settings.limit'),
              end: true,
              cell: row => `${number(row.daily_sent_count)} / ${limitText(row.messaging_limit, number)}`,
            },
            {
              key: 'x',
              head: t('common.actions'),
              end: true,
              cell: row => (
                <Button small onClick={() => setShown(row.id)}>
                  {t('common.details')}
                </Button>
              ),
            },
          ]}
        />
      </Card>
      {chosen && <NumberDialog account={chosen} onClose={() => setShown(null)} />}
    </Page>
  );
}

function NumberDialog({ account: a, onClose }: { account: Account; onClose: () => void }) {
  const { t, word, number, time } = useI18n();
  const { can } = useSession();
  const { say } = useToasts();
  const client = useQueryClient();
  const notices = useList<Schema<'AccountNotice'>>('/v1/accounts/{id}/notices', { path: { id: a.id }, query: { limit: 20 } });
  const act = useMutation({
    mutationFn: (verb: string) => call('POST', `/v1/accounts/{id}/${verb}`, null, { path: { id: a.id } }),
    onSuccess: () => say(t('common.done')),
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/accounts'] }),
  });
  const verbs = [a.status.toLowerCase() === 'connected' ? 'disconnect' : 'connect', 'sync'];
  return (
    <Dialog
      title={a.display_name}
      wide
      onClose={onClose}
      actions={
        can('manager') &&
        verbs.map(verb => (
          <Button key={verb} busy={act.isPending && act.variables === verb} onClick={() => act.mutate(verb)}>
            {t(`settings.${verb}`)}
          </Button>
        ))
      }
    >
      <Facts
        facts={[
          [t('field.phone_number'), <Phone key="p" number={a.phone_number} />],
          [t('common.status'), word('status', a.status)],
          [t('templates.quality'), word('quality', a.quality_rating)],
          [t('settings.limit'), `${number(a.daily_sent_count)} / ${limitText(a.messaging_limit, number)}`],
          [t('settings.limit_reset'), time(a.limit_reset_date)],
          [t('settings.rate'), t('campaigns.per_second', { count: number(a.messages_per_second_max) })],
          ['WABA', <code key="w">{a.meta_waba_id}</code>],
          ['phone_number_id', <code key="i">{a.phone_number_id}</code>],
          a.restriction
            ? [t('settings.restriction'), `${a.restriction} ${a.restricted_until ? time(a.restricted_until) : ''}`]
            : null,
        ]}
      />
      <Fault fault={act.error} />
      <h3>{t('settings.notices')}</h3>
      {notices.rows.length === 0 ? (
        <p className="muted">{t('common.none')}</p>
      ) : (
        <ol className="plain fact-list">
          {notices.rows.map(one => (
            <li key={one.id}>
              <details>
                <summary>
                  <span className="strong">
                    {one.field} {one.event ?? ''}
                  </span>
                  <span className="muted small">{time(one.at)}</span>
                </summary>
                <pre dir="ltr">{JSON.stringify(one.body, null, 2)}</pre>
              </details>
            </li>
          ))}
        </ol>
      )}
    </Dialog>
  );
}
