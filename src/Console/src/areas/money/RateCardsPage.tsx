import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { request } from '../../api/client';
import { useGet, useList } from '../../api/hooks';
import type { Schema } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { Await, Card, EmptyState, Fault, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Table } from '../../kit/Table';
import { MoneyNav } from './MoneyArea';

type RateCard = Schema<'RateCardView'>;

export function RateCardsPage() {
  const { t, time, number } = useI18n();
  const { platform } = useSession();
  const client = useQueryClient();
  const [shown, setShown] = useState<RateCard | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const list = useList<RateCard>('/v1/rate-cards', { query: { limit: 100 } });
  const add = useMutation({
    mutationFn: (file: File) => request('POST', '/v1/rate-cards', file, { headers: { 'Content-Type': 'text/csv' } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['/v1/rate-cards'] }),
  });
  return (
    <Page
      title={t('money.rate_cards')}
      lead={t('money.rate_cards_lead')}
      actions={
        platform && (
          <>
            <input
              ref={input}
              type="file"
              accept=".csv,text/csv"
              className="visually-hidden"
              tabIndex={-1}
              aria-hidden="true"
              onChange={event => {
                const file = event.target.files?.[0];
                event.target.value = '';
                if (file) {
                  add.mutate(file);
                }
              }}
            />
            <Button look="primary" busy={add.isPending} onClick={() => input.current?.click()}>
              {t('money.add_card')}
            </Button>
          </>
        )
      }
    >
      <MoneyNav />
      <Fault fault={add.error} />
      <Card flush>
        <ListTable
          list={list}
          caption={t('money.rate_cards')}
          keyOf={row => row.id}
          onRow={setShown}
          empty={<EmptyState title={t('money.no_cards')} />}
          columns={[
            {
              key: 'code',
              head: t('common.name'),
              cell: row => (
                <Button small look="quiet" onClick={() => setShown(row)}>
                  <code>{row.code}</code>
                </Button>
              ),
            },
            { key: 'currency', head: t('money.currency'), cell: row => row.currency },
            { key: 'from', head: t('money.from'), cell: row => time(row.effective_from) },
            {
              key: 'force',
              head: t('common.status'),
              cell: row => (
                <Badge tone={row.in_force ? 'good' : 'neutral'}>
                  {t(row.in_force ? 'money.in_force' : 'money.not_in_force')}
                </Badge>
              ),
            },
            { key: 'rates', head: t('money.rates'), end: true, cell: row => number(row.rates) },
          ]}
        />
      </Card>
      {shown && <CardDialog card={shown} onClose={() => setShown(null)} />}
    </Page>
  );
}

function CardDialog({ card, onClose }: { card: RateCard; onClose: () => void }) {
  const { t, money, word, number } = useI18n();
  const read = useGet('/v1/rate-cards/{id}', { path: { id: card.id } });
  return (
    <Dialog title={card.code} wide onClose={onClose}>
      <Await read={read}>
        {detail => (
          <>
            {detail.missing.length > 0 && (
              <div className="notice notice-warn">
                {t('money.missing_rates', {
                  list: detail.missing
                    .map(one => `${one.market} ${one.category}`)
                    .slice(0, 20)
                    .join(', '),
                })}
              </div>
            )}
            <Table
              caption={t('money.rates')}
              rows={detail.rates}
              keyOf={(_, i) => String(i)}
              columns={[
                { key: 'market', head: t('money.market'), cell: row => row.market },
                { key: 'category', head: t('money.category'), cell: row => word('category', row.category.toUpperCase()) },
                {
                  key: 'tier',
                  head: t('money.tier'),
                  cell: row => `${number(row.tier_from)} – ${row.tier_to === null ? '∞' : number(row.tier_to)}`,
                },
                { key: 'price', head: t('money.price'), end: true, cell: row => money(row.price, card.currency) },
              ]}
            />
          </>
        )}
      </Await>
    </Dialog>
  );
}
