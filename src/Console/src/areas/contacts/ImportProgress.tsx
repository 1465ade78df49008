import { useEffect, useState } from 'react';
import { Link, useParams } from 'react-router';
import { api } from '../../api/client';
import { useGet } from '../../api/hooks';
import { follow } from '../../api/sse';
import type { Import } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Await, Card, Page, Stat } from '../../kit/Page';
import { useToasts } from '../../kit/Toast';
import { download } from '../../lib/download';

export function ImportProgress() {
  const { t } = useI18n();
  const { id = '' } = useParams();
  const read = useGet('/v1/imports/{id}', { path: { id } });
  const [live, setLive] = useState<Import | null>(null);
  useEffect(
    () =>
      follow({
        path: '/v1/imports/{id}/stream',
        parts: { id },
        finite: true,
        isOver: async () => ['completed', 'failed'].includes((await api.get('/v1/imports/{id}', { path: { id } })).status),
        onFrame: frame => setLive(JSON.parse(frame.data) as Import),
        onState: () => undefined,
      }),
    [id],
  );
  return (
    <Page title={t('imports.one')} back={<Link to="/contacts/import">{t('imports.title')}</Link>}>
      <Await read={read}>{first => <Shown job={live ?? (first as Import)} />}</Await>
    </Page>
  );
}

function Shown({ job }: { job: Import }) {
  const { t, number, word } = useI18n();
  const { fail } = useToasts();
  const share = job.total > 0 ? Math.min(100, (100 * job.done) / job.total) : job.status === 'completed' ? 100 : 0;
  return (
    <>
      <Card
        title={
          <Badge dot tone={toneOf(job.status)}>
            {word('status', job.status)}
          </Badge>
        }
      >
        <div
          className="bar bar-tall"
          role="progressbar"
          aria-valuenow={Math.round(share)}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-label={t('imports.one')}
        >
          <div className="bar-part" style={{ inlineSize: `${share}%` }} />
        </div>
        <p role="status">{t('campaigns.of', { part: number(job.done), whole: number(job.total) })}</p>
        {job.error && (
          <div className="notice notice-bad" role="alert">
            {job.error}
          </div>
        )}
      </Card>
      <div className="stats">
        <Stat label={t('imports.created')} value={number(job.created)} tone="good" />
        <Stat label={t('imports.updated')} value={number(job.updated)} />
        <Stat label={t('imports.duplicates')} value={number(job.duplicates)} />
        <Stat label={t('imports.rejected')} value={number(job.rejected)} tone={job.rejected > 0 ? 'bad' : undefined} />
      </div>
      {job.rejected > 0 && (
        <div className="row">
          <Button onClick={() => download(`/v1/imports/${job.id}/rejected`, `rejected-${job.id}.csv`, 'text/csv').catch(fail)}>
            {t('imports.get_rejected')}
          </Button>
          <span className="muted">{t('imports.rejected_text')}</span>
        </div>
      )}
      {job.status === 'completed' && (
        <div className="row">
          <Link className="button button-primary" to="/campaigns/new">
            {t('campaigns.new')}
          </Link>
          <Link className="button" to="/contacts">
            {t('nav.contacts')}
          </Link>
        </div>
      )}
    </>
  );
}
