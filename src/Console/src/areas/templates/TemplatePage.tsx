import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { api, call } from '../../api/client';
import { useGet } from '../../api/hooks';
import type { Template } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Confirm } from '../../kit/Dialog';
import { Await, Card, Facts, Fault, Page } from '../../kit/Page';
import { useToasts } from '../../kit/Toast';
import { readComponents } from '../../lib/template';
import { TemplatePreview } from './TemplatePreview';

export function TemplatePage() {
  const { id = '' } = useParams();
  const read = useGet('/v1/templates/{id}', { path: { id } }, { refreshMs: 15_000 });
  return <Await read={read}>{template => <Shown template={template as Template} />}</Await>;
}

const VERBS: Record<string, readonly string[]> = {
  DRAFT: ['submit'],
  APPROVED: ['pause'],
  PAUSED: ['resume'],
  PENDING: [],
  REJECTED: [],
};

function Shown({ template }: { template: Template }) {
  const { t, word, time } = useI18n();
  const { can } = useSession();
  const { say } = useToasts();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const act = useMutation({
    mutationFn: (verb: string) => call<Template>('POST', `/v1/templates/{id}/${verb}`, null, { path: { id: template.id } }),
    onSuccess: () => say(t('common.done')),
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/templates/{id}'] }),
  });
  const remove = useMutation({
    mutationFn: () => api.delete('/v1/templates/{id}', { path: { id: template.id } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['/v1/templates'] });
      await navigate('/templates');
    },
  });
  const verbs = [...(VERBS[template.status] ?? []), ...(template.meta_template_id ? ['sync'] : [])];
  return (
    <Page
      name={template.name}
      title={
        <span className="row">
          <bdi dir="ltr">{template.name}</bdi>
          <Badge dot tone={toneOf(template.status)}>
            {word('status', template.status)}
          </Badge>
        </span>
      }
      back={<Link to="/templates">{t('nav.templates')}</Link>}
      actions={
        can('manager') && (
          <>
            {verbs.map(verb => (
              <Button
                key={verb}
                look={verb === 'submit' || verb === 'resume' ? 'primary' : 'plain'}
                busy={act.isPending && act.variables === verb}
                onClick={() => act.mutate(verb)}
              >
                {t(`templates.${verb}`)}
              </Button>
            ))}
            <Link className="button" to={`/templates/${template.id}/edit`}>
              {t('common.edit')}
            </Link>
            <Button onClick={() => setDeleting(true)}>{t('common.delete')}</Button>
          </>
        )
      }
    >
      <Fault fault={act.error} />
      {template.rejection_reason && (
        <div className="notice notice-bad">
          {t('templates.rejected_because')} <bdi>{template.rejection_reason}</bdi>
        </div>
      )}
      <div className="columns-side">
        <div className="stack">
          <Card title={t('common.details')}>
            <Facts
              facts={[
                [t('common.language'), <code key="l">{template.language}</code>],
                [t('templates.category'), word('category', template.category)],
                [t('templates.exact'), <code key="x">{template.status_exact}</code>],
                [t('templates.quality'), word('quality', template.quality)],
                template.meta_template_id ? [t('templates.meta_id'), <code key="m">{template.meta_template_id}</code>] : null,
                [t('templates.submitted'), time(template.submitted_at)],
                [t('templates.approved'), time(template.approved_at)],
                [t('common.created'), time(template.created_at)],
              ]}
            />
          </Card>
          <Versions id={template.id} />
        </div>
        <Card title={t('templates.preview')}>
          <TemplatePreview components={readComponents(template.components)} language={template.language} />
        </Card>
      </div>
      {deleting && (
        <Confirm
          title={t('templates.delete')}
          text={t('templates.delete_text')}
          danger
          action={t('common.delete')}
          busy={remove.isPending}
          error={<Fault fault={remove.error} />}
          onConfirm={() => remove.mutate()}
          onClose={() => setDeleting(false)}
        />
      )}
    </Page>
  );
}

function Versions({ id }: { id: string }) {
  const { t, time, word } = useI18n();
  const read = useGet('/v1/templates/{id}/versions', { path: { id } });
  return (
    <Card title={t('templates.versions')}>
      <Await read={read}>
        {versions => (
          <ol className="plain fact-list">
            {versions.data.map(version => (
              <li key={version.version}>
                <details>
                  <summary>
                    <span className="strong">
                      {version.version}. {word('fact', version.type)}
                    </span>
                    <span className="muted small">{time(version.at)}</span>
                  </summary>
                  <pre dir="ltr">{JSON.stringify(version.data, null, 2)}</pre>
                </details>
              </li>
            ))}
          </ol>
        )}
      </Await>
    </Card>
  );
}
