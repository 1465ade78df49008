import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { call } from '../../api/client';
import { useGet, useList } from '../../api/hooks';
import type { Account, Template } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Select, TextArea, TextField } from '../../kit/Field';
import { Await, Card, Fault, Page } from '../../kit/Page';
import type { Rule } from '../../lib/template';
import { isRightToLeft, LIMITS, rulesBroken, variablesOf } from '../../lib/template';
import { ButtonsEditor } from './ButtonsEditor';
import { componentsOf, type EditorForm, exampleKeys, formOf, newForm } from './editorForm';
import { TemplatePreview } from './TemplatePreview';

const CATEGORIES = ['MARKETING', 'UTILITY', 'AUTHENTICATION'];
const LANGUAGES = [
  'en',
  'en_US',
  'en_GB',
  'ar',
  'ar_EG',
  'es',
  'es_MX',
  'es_AR',
  'hi',
  'fr',
  'pt_BR',
  'id',
  'de',
  'ur',
  'bn',
  'ta',
  'te',
];

export function TemplateEditor() {
  const { id } = useParams();
  const read = useGet('/v1/templates/{id}', { path: { id: id ?? '' } }, { enabled: !!id });
  return id ? (
    <Await read={read}>
      {template => <Editor key={id} template={template as Template} first={formOf(template as Template)} />}
    </Await>
  ) : (
    <Editor template={null} first={newForm()} />
  );
}

function Editor({ template, first }: { template: Template | null; first: EditorForm }) {
  const { t, word } = useI18n();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [form, setForm] = useState(first);
  const [touched, setTouched] = useState(template !== null);
  const accounts = useList<Account>('/v1/accounts', { query: { limit: 200 } });
  const components = componentsOf(form);
  const rules = rulesBroken({ name: form.name, category: form.category, components });
  const set = (part: Partial<EditorForm>) => {
    setTouched(true);
    setForm({ ...form, ...part });
  };
  const wrong = (field: Rule['field']) =>
    touched
      ? rules.filter(rule => rule.field === field).map(rule => t(`templates.rule_${rule.rule}`, { value: rule.value ?? '' }))
      : [];
  const save = useMutation({
    mutationFn: () =>
      template
        ? call<Template>('PATCH', '/v1/templates/{id}', { category: form.category, components }, { path: { id: template.id } })
        : call<Template>('POST', '/v1/templates', {
            account_id: form.accountId,
            name: form.name,
            category: form.category,
            language: form.language,
            components,
          }),
    onSuccess: async saved => {
      await client.invalidateQueries({ queryKey: ['/v1/templates'] });
      await client.invalidateQueries({ queryKey: ['/v1/templates/{id}'] });
      await navigate(`/templates/${saved.id}`);
    },
  });
  const examples = exampleKeys(form);
  const dir = isRightToLeft(form.language) ? 'rtl' : 'ltr';
  const values = (part: 'header' | 'body') =>
    Object.fromEntries(
      variablesOf(part === 'body' ? form.body : form.header).map(name => [name, form.examples[`${part}.${name}`] ?? '']),
    );
  return (
    <Page
      title={template ? t('templates.edit') : t('templates.new')}
      back={<Link to="/templates">{t('nav.templates')}</Link>}
      actions={
        <Button
          look="primary"
          busy={save.isPending}
          disabled={rules.length > 0 || (!template && !form.accountId)}
          onClick={() => save.mutate()}
        >
          {t('templates.save')}
        </Button>
      }
    >
      <Fault fault={save.error} />
      <div className="columns-side">
        <div className="stack">
          <Card title={t('common.details')}>
            {!template && (
              <>
                <Select
                  label={t('campaigns.account')}
                  value={form.accountId}
                  onChange={event => set({ accountId: event.target.value })}
                  choices={[
                    { value: '', label: t('common.choose') },
                    ...accounts.rows.map(row => ({ value: row.id, label: `${row.display_name} · ${row.phone_number}` })),
                  ]}
                />
                <TextField
                  label={t('common.name')}
                  dir="ltr"
                  value={form.name}
                  maxLength={LIMITS.name}
                  hint={t('templates.name_hint')}
                  error={wrong('name')}
                  onChange={event => set({ name: event.target.value })}
                />
              </>
            )}
            <div className="form-grid">
              <Select
                label={t('templates.category')}
                value={form.category}
                onChange={event => set({ category: event.target.value })}
                choices={CATEGORIES.map(value => ({ value, label: word('category', value) }))}
              />
              <Select
                label={t('common.language')}
                value={form.language}
                disabled={!!template}
                onChange={event => set({ language: event.target.value })}
                choices={[...new Set([form.language, ...LANGUAGES])].map(value => ({ value, label: value }))}
              />
            </div>
          </Card>
          <Card title={t('templates.content')}>
            <Select
              label={word('template_part', 'header')}
              value={form.headerFormat}
              onChange={event => set({ headerFormat: event.target.value })}
              choices={['', 'TEXT', 'IMAGE', 'VIDEO', 'DOCUMENT', 'LOCATION'].map(value => ({
                value,
                label: t(`templates.header_${value || 'none'}`),
              }))}
            />
            {form.headerFormat === 'TEXT' && (
              <TextField
                label={t('templates.header_text')}
                dir={dir}
                value={form.header}
                error={wrong('header')}
                hint={`${form.header.length} / ${LIMITS.header}`}
                onChange={event => set({ header: event.target.value })}
              />
            )}
            <TextArea
              label={word('template_part', 'body')}
              rows={7}
              dir={dir}
              value={form.body}
              error={wrong('body')}
              hint={`${form.body.length} / ${LIMITS.body} · ${t('templates.body_hint')}`}
              onChange={event => set({ body: event.target.value })}
            />
            <TextField
              label={word('template_part', 'footer')}
              dir={dir}
              value={form.footer}
              error={wrong('footer')}
              hint={`${form.footer.length} / ${LIMITS.footer}`}
              onChange={event => set({ footer: event.target.value })}
            />
          </Card>
          {examples.length > 0 && (
            <Card title={t('templates.examples')}>
              <p className="muted">{t('templates.examples_lead')}</p>
              <div className="form-grid">
                {examples.map(key => (
                  <TextField
                    key={key}
                    label={`${word('template_part', key.split('.')[0])} {{${key.split('.')[1]}}}`}
                    dir={dir}
                    value={form.examples[key] ?? ''}
                    onChange={event => set({ examples: { ...form.examples, [key]: event.target.value } })}
                  />
                ))}
              </div>
            </Card>
          )}
          <ButtonsEditor buttons={form.buttons} errors={wrong('buttons')} onChange={buttons => set({ buttons })} />
        </div>
        <Card title={t('templates.preview')}>
          <TemplatePreview
            components={components}
            language={form.language}
            values={{ header: values('header'), body: values('body') }}
          />
        </Card>
      </div>
    </Page>
  );
}
