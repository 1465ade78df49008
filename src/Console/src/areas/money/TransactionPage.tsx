import { Link, useParams } from 'react-router';
import { useGet, useMaybe } from '../../api/hooks';
import type { Fact, Page as Paged, Transaction } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Await, Card, Facts, Fault, Loading, Page } from '../../kit/Page';
import { Own } from '../../kit/Phone';
import { FactList } from '../campaigns/EventsTab';
import { messageOf, signed } from './links';

export function TransactionPage() {
  const { id = '' } = useParams();
  const read = useGet('/v1/transactions/{id}', { path: { id } });
  return <Await read={read}>{row => <Shown row={row as Transaction} />}</Await>;
}

function Shown({ row }: { row: Transaction }) {
  const { t, money, time, word } = useI18n();
  const message = messageOf(row.reference_id);
  const metadata = Object.entries((row.metadata ?? {}) as Record<string, unknown>);
  const campaign = metadata.find(([name]) => name === 'campaign_id')?.[1];
  return (
    <Page
      title={`${word('transaction', row.type)} ${money(signed(row), row.currency)}`}
      back={<Link to="/money/transactions">{t('money.transactions')}</Link>}
      lead={<Own text={row.description} />}
    >
      <div className="columns-2">
        <Card title={t('common.details')}>
          <Facts
            facts={[
              [t('common.time'), time(row.created_at)],
              [t('money.amount'), money(signed(row), row.currency)],
              [t('money.after'), money(row.balance_after, row.currency)],
              [t('money.category'), word('transaction', row.category)],
              [
                t('money.reference'),
                <code key="r" className="wrap-any">
                  {row.reference_id ?? '–'}
                </code>,
              ],
              typeof campaign === 'string' && [
                t('money.a_campaign'),
                <Link key="c" to={`/campaigns/${campaign}`}>
                  {campaign}
                </Link>,
              ],
              ...metadata.map(
                ([name, value]) =>
                  [
                    name,
                    <bdi key={name} className="wrap-any">
                      {typeof value === 'object' ? JSON.stringify(value) : String(value)}
                    </bdi>,
                  ] as const,
              ),
            ]}
          />
        </Card>
        <Proof row={row} />
      </div>
      {message && <MessageTrace id={message} />}
    </Page>
  );
}

/** Its place in the chain, and the signed head that holds it. */
function Proof({ row }: { row: Transaction }) {
  const { t, time, number } = useI18n();
  const proof = useGet('/v1/ledger/proof/{transactionId}', { path: { transactionId: row.id } });
  return (
    <Card title={t('money.proof')}>
      <p className="muted">{t('money.proof_lead')}</p>
      <Facts
        facts={[
          [t('money.sequence'), number(row.sequence)],
          [
            t('money.hash'),
            <code key="h" className="wrap-any">
              {row.hash}
            </code>,
          ],
          [
            t('money.previous'),
            <code key="p" className="wrap-any">
              {row.previous_hash}
            </code>,
          ],
          proof.data
            ? [
                t('money.root'),
                <code key="o" className="wrap-any">
                  {proof.data.root}
                </code>,
              ]
            : null,
          proof.data ? [t('money.signed'), `${time(proof.data.head.at)} · ${proof.data.head.key_id}`] : null,
        ]}
      />
      {proof.isPending && <Loading />}
      <Fault fault={proof.error} />
    </Card>
  );
}

/** From a charge to the message, its facts, and the webhook that Meta signed. */
export function MessageTrace({ id }: { id: string }) {
  const { t, word, money } = useI18n();
  const message = useGet('/v1/messages/{id}', { path: { id } });
  const history = useMaybe<Paged<Fact>>('/v1/messages/{id}/history', { path: { id } });
  const hashes = (history.data?.data ?? [])
    .map(fact => [fact, (fact.data as { evidence?: { body_sha256?: string } } | null)?.evidence?.body_sha256] as const)
    .filter(([, hash]) => hash);
  return (
    <Card title={t('money.message')}>
      {message.data && (
        <Facts
          facts={[
            [t('common.status'), word('status', message.data.status)],
            [t('common.type'), word('message_type', message.data.message_type_exact)],
            message.data.cost ? [t('money.amount'), money(message.data.cost.amount, message.data.cost.currency)] : null,
            [
              t('inbox.thread'),
              <Link key="c" to={`/inbox/${message.data.conversation_id}`}>
                {t('money.open_conversation')}
              </Link>,
            ],
          ]}
        />
      )}
      {hashes.length > 0 && (
        <div className="stack-small">
          <h3>{t('money.webhooks')}</h3>
          <ul className="plain stack-small">
            {hashes.map(([fact, hash]) => (
              <li key={fact.version} className="row-between">
                <span>{word('fact', fact.type)}</span>
                <code className="wrap-any">{hash}</code>
              </li>
            ))}
          </ul>
        </div>
      )}
      {history.data && <FactList facts={history.data.data} />}
      <Fault fault={message.error} />
    </Card>
  );
}
