import { useGet } from '../../api/hooks';
import type { Fact } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Await, Card } from '../../kit/Page';

export function EventsTab({ id }: { id: string }) {
  const { t } = useI18n();
  const read = useGet('/v1/campaigns/{id}/events', { path: { id } });
  return (
    <Card title={t('campaigns.log')}>
      <Await read={read}>{events => <FactList facts={events.data} />}</Await>
    </Card>
  );
}

/** Facts of the log, oldest first, each with what it says when opened. */
export function FactList({ facts }: { facts: readonly Fact[] }) {
  const { time, word } = useI18n();
  return (
    <ol className="plain fact-list">
      {facts.map(fact => (
        <li key={`${fact.sequence}-${fact.version}`}>
          <details>
            <summary>
              <span className="strong">{word('fact', fact.type)}</span>
              <span className="muted small">
                {time(fact.timestamp)}
                {fact.user_name && (
                  <>
                    {' '}
                    · <bdi>{fact.user_name}</bdi>
                  </>
                )}
              </span>
            </summary>
            <pre dir="ltr">{fact.unreadable ?? JSON.stringify(fact.data, null, 2)}</pre>
          </details>
        </li>
      ))}
    </ol>
  );
}
