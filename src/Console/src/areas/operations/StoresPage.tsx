import { useQuery } from '@tanstack/react-query';
import { useMaybe } from '../../api/hooks';
import { useI18n } from '../../i18n/I18n';
import { Badge } from '../../kit/Badge';
import { Await, Card, Facts, Page } from '../../kit/Page';
import { OperationsNav } from './OperationsArea';

interface Health {
  status: string;
  stores: Record<string, unknown>;
  [more: string]: unknown;
}

const isUp = (value: unknown): boolean => /^(ok|up|healthy|ready|true)/i.test(String(value));

export function StoresPage() {
  const { t } = useI18n();
  // Not ready is an answer, too: 503 with the same body.
  const health = useQuery({
    queryKey: ['/health/ready'],
    queryFn: async ({ signal }) => (await (await fetch('/health/ready', { signal, cache: 'no-store' })).json()) as Health,
    refetchInterval: 3000,
  });
  return (
    <Page title={t('ops.stores')}>
      <OperationsNav />
      <Await read={health}>
        {h => (
          <div className="columns-2">
            <Card
              title={t('ops.stores')}
              actions={
                <Badge dot tone={isUp(h.status) ? 'good' : 'bad'}>
                  {h.status}
                </Badge>
              }
            >
              <Facts
                facts={Object.entries(h.stores).map(
                  ([name, value]) =>
                    [
                      name,
                      typeof value === 'object' ? (
                        <pre key={name} dir="ltr">
                          {JSON.stringify(value, null, 2)}
                        </pre>
                      ) : (
                        <Badge key={name} tone={isUp(value) ? 'good' : 'bad'}>
                          {String(value)}
                        </Badge>
                      ),
                    ] as const,
                )}
              />
            </Card>
            {Object.entries(h)
              .filter(([name]) => name !== 'status' && name !== 'stores')
              .map(([name, value]) => (
                <Card key={name} title={name}>
                  <Tree value={value} />
                </Card>
              ))}
          </div>
        )}
      </Await>
      <div className="columns-2">
        <Extra path="/v1/operations/queues" title={t('ops.queues')} />
        <Extra path="/v1/shards" title={t('ops.shards')} />
        <Extra path="/v1/retention" title={t('ops.retention')} />
      </div>
    </Page>
  );
}

/** What a newer server says about itself; nothing where it does not. */
function Extra({ path, title }: { path: string; title: string }) {
  const read = useMaybe<unknown>(path, {}, { refreshMs: 10_000 });
  return read.data === undefined ? null : (
    <Card title={title}>
      <Tree value={read.data} />
    </Card>
  );
}

/** Any JSON, for people: names beside values, lists as blocks. */
function Tree({ value }: { value: unknown }) {
  if (Array.isArray(value)) {
    return value.length === 0 ? (
      <>–</>
    ) : (
      <ul className="plain stack-small">
        {value.map((item, i) => (
          <li key={i} className="file">
            <Tree value={item} />
          </li>
        ))}
      </ul>
    );
  }
  if (value !== null && typeof value === 'object') {
    return (
      <Facts
        facts={Object.entries(value).map(
          ([name, inner]) => [name.replaceAll('_', ' '), <Tree key={name} value={inner} />] as const,
        )}
      />
    );
  }
  return <bdi className="wrap-any">{value === null ? '–' : String(value)}</bdi>;
}
