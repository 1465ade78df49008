import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { call } from '../../api/client';
import { useGet, useList, useMaybe } from '../../api/hooks';
import { Problem } from '../../api/problem';
import type { Page as Paged, Transaction, Wallet } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { TextField } from '../../kit/Field';
import { Card, EmptyState, Fault, Loading, Page, Stat } from '../../kit/Page';
import { Table } from '../../kit/Table';
import { isNegative, readAmount } from '../../lib/money';
import { MoneyNav } from './MoneyArea';
import { TransactionTable } from './TransactionsPage';

export function WalletPage() {
  const { t, money, time } = useI18n();
  const { platform, body } = useSession();
  const wallet = useGet('/v1/wallet', {}, { refreshMs: 20_000 });
  const recent = useList<Transaction>('/v1/transactions', { query: { limit: 10, order: 'newest' } });
  const [toppingUp, setToppingUp] = useState(false);
  const none = wallet.error instanceof Problem && wallet.error.status === 404;
  const w = wallet.data as Wallet | undefined;
  return (
    <Page
      title={t('nav.money')}
      actions={
        platform && (
          <Button look="primary" onClick={() => setToppingUp(true)}>
            {t('money.top_up')}
          </Button>
        )
      }
    >
      <MoneyNav />
      {none ? (
        <EmptyState title={t('money.no_wallet')}>{t('money.no_wallet_text')}</EmptyState>
      ) : wallet.error ? (
        <Fault fault={wallet.error} retry={() => void wallet.refetch()} />
      ) : !w ? (
        <Loading />
      ) : (
        <div className="stats">
          <Stat
            label={t('money.available')}
            value={money(w.available, w.currency)}
            tone={isNegative(w.available) ? 'bad' : undefined}
            hint={t('money.available_hint')}
          />
          <Stat
            label={t('money.balance')}
            value={money(w.balance, w.currency)}
            hint={t('money.as_of', { time: time(w.as_of) })}
          />
          <Stat label={t('money.held')} value={money(w.held, w.currency)} hint={t('money.held_hint')} />
        </div>
      )}
      {w && <Holds />}
      <Card flush title={t('money.transactions')} actions={<Link to="/money/transactions">{t('common.all')}</Link>}>
        {recent.isPending ? <Loading /> : <TransactionTable rows={recent.rows} />}
      </Card>
      {toppingUp && <TopUp currency={w?.currency ?? 'USD'} by={body.user.email} onClose={() => setToppingUp(false)} />}
    </Page>
  );
}

interface Hold {
  reference: string;
  placed: string;
  remaining: string;
  currency: string;
  expires_at: string | null;
}

function Holds() {
  const { t, money, time } = useI18n();
  const list = useMaybe<Paged<Hold>>('/v1/wallet/holds', { query: { limit: 50 } });
  if (!list.data || list.data.data.length === 0) {
    return null;
  }
  const campaign = (reference: string) => /^campaign\/([0-9a-f-]{36})$/.exec(reference)?.[1];
  return (
    <Card flush title={t('money.holds')}>
      <Table
        caption={t('money.holds')}
        rows={list.data.data}
        keyOf={(row, i) => `${row.reference}-${i}`}
        columns={[
          {
            key: 'reference',
            head: t('money.reference'),
            cell: row => {
              const id = campaign(row.reference);
              return id ? <Link to={`/campaigns/${id}`}>{t('money.a_campaign')}</Link> : <code>{row.reference}</code>;
            },
          },
          {
            key: 'amount',
            head: t('money.amount'),
            end: true,
            cell: row => money(row.remaining, row.currency),
          },
          { key: 'until', head: t('money.expires'), end: true, cell: row => time(row.expires_at) },
        ]}
      />
    </Card>
  );
}

/** Money comes in by the platform alone: nobody mints their own. */
function TopUp({ currency, by, onClose }: { currency: string; by: string; onClose: () => void }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [form, setForm] = useState({ amount: '', currency, reference: '', description: '' });
  const amount = readAmount(form.amount);
  const save = useMutation({
    mutationFn: () =>
      call<Transaction>('POST', '/v1/wallet/topups', {
        amount,
        currency: form.currency.trim().toUpperCase(),
        reference: form.reference.trim(),
        description: form.description.trim() || `console: ${by}`,
      }),
    onSuccess: async () => {
      await client.invalidateQueries();
      onClose();
    },
  });
  const set = (name: keyof typeof form) => (event: { target: { value: string } }) =>
    setForm({ ...form, [name]: event.target.value });
  return (
    <Dialog
      title={t('money.top_up')}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button
            look="primary"
            busy={save.isPending}
            disabled={!amount || form.reference.trim() === ''}
            onClick={() => save.mutate()}
          >
            {t('money.top_up')}
          </Button>
        </>
      }
    >
      <div className="form-grid">
        <TextField
          label={t('money.amount')}
          inputMode="decimal"
          dir="ltr"
          value={form.amount}
          onChange={set('amount')}
          error={form.amount && !amount ? t('money.bad_amount') : null}
        />
        <TextField label={t('money.currency')} dir="ltr" maxLength={3} value={form.currency} onChange={set('currency')} />
      </div>
      <TextField
        label={t('money.reference')}
        hint={t('money.reference_hint')}
        dir="ltr"
        value={form.reference}
        onChange={set('reference')}
      />
      <TextField label={t('common.description')} value={form.description} onChange={set('description')} />
      <Fault fault={save.error} />
    </Dialog>
  );
}
