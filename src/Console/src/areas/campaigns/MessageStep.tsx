import type { Account, Template } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Select, TextField } from '../../kit/Field';
import { Card } from '../../kit/Page';
import type { Binding, Variable } from '../../lib/template';
import { bindingKey, readComponents } from '../../lib/template';
import { TemplatePreview } from '../templates/TemplatePreview';
import type { CampaignDraft } from './draft';

interface Props {
  draft: CampaignDraft;
  change: (part: Partial<CampaignDraft>) => void;
  accounts: readonly Account[];
  templates: readonly Template[];
  template: Template | null;
  variables: readonly Variable[];
}

const CONTACT_FIELDS = ['first_name', 'last_name', 'name', 'email', 'phone_number'] as const;

/** What a variable shows in the preview: the fallback, or the field's own name. */
export function sampleOf(binding: Binding | undefined, word: (field: string) => string): string {
  return !binding
    ? ''
    : binding.field
      ? `‹${binding.text || word(binding.field.replace(/^custom_fields\./, ''))}›`
      : binding.text;
}

export function previewValues(
  variables: readonly Variable[],
  bindings: Record<string, Binding>,
  word: (field: string) => string,
) {
  const of = (part: Variable['part']) =>
    Object.fromEntries(variables.filter(v => v.part === part).map(v => [v.name, sampleOf(bindings[bindingKey(v)], word)]));
  return { header: of('header'), body: of('body') };
}

export function MessageStep({ draft, change, accounts, templates, template, variables }: Props) {
  const { t, word } = useI18n();
  const approved = templates.filter(row => row.status === 'APPROVED' || row.id === draft.templateId);
  return (
    <div className="columns-side">
      <div className="stack">
        <Card title={t('campaigns.step_message')}>
          <TextField
            label={t('common.name')}
            required
            maxLength={255}
            value={draft.name}
            onChange={e => change({ name: e.target.value })}
          />
          <TextField
            label={t('common.description')}
            maxLength={1000}
            value={draft.description}
            onChange={e => change({ description: e.target.value })}
          />
          <div className="form-grid">
            <Select
              label={t('campaigns.account')}
              value={draft.accountId}
              onChange={e => change({ accountId: e.target.value, templateId: '', bindings: {} })}
              choices={[
                { value: '', label: t('common.choose') },
                ...accounts.map(row => ({ value: row.id, label: `${row.display_name} · ${row.phone_number}` })),
              ]}
            />
            <Select
              label={t('campaigns.template')}
              value={draft.templateId}
              disabled={!draft.accountId}
              hint={draft.accountId && approved.length === 0 ? t('campaigns.no_templates') : undefined}
              onChange={e => change({ templateId: e.target.value, bindings: {} })}
              choices={[
                { value: '', label: t('common.choose') },
                ...approved.map(row => ({
                  value: row.id,
                  label: `${row.name} · ${row.language} · ${word('category', row.category)}`,
                })),
              ]}
            />
          </div>
          {template && template.status !== 'APPROVED' && (
            <div className="notice notice-warn">
              {t('campaigns.template_status', { status: word('status', template.status) })}
            </div>
          )}
        </Card>
        {variables.length > 0 && (
          <Card title={t('campaigns.parameters')}>
            <p className="muted">{t('campaigns.parameters_lead')}</p>
            {variables.map(variable => (
              <BindingLine
                key={bindingKey(variable)}
                variable={variable}
                binding={draft.bindings[bindingKey(variable)] ?? { field: '', text: '' }}
                onChange={binding => change({ bindings: { ...draft.bindings, [bindingKey(variable)]: binding } })}
              />
            ))}
          </Card>
        )}
      </div>
      <Card title={t('templates.preview')}>
        {template ? (
          <TemplatePreview
            components={readComponents(template.components)}
            language={template.language}
            values={previewValues(variables, draft.bindings, field => word('field', field))}
          />
        ) : (
          <p className="muted">{t('campaigns.choose_template')}</p>
        )}
      </Card>
    </div>
  );
}

const CUSTOM = 'custom_fields.';

export function BindingLine({
  variable,
  binding,
  onChange,
}: {
  variable: Variable;
  binding: Binding;
  onChange: (binding: Binding) => void;
}) {
  const { t, word } = useI18n();
  const custom = binding.field.startsWith(CUSTOM);
  const name = `${word('template_part', variable.part)} ${variable.label}`;
  return (
    <fieldset className="binding">
      <legend>
        <bdi>{name}</bdi>
      </legend>
      <Select
        label={t('campaigns.value_from')}
        value={custom ? CUSTOM : binding.field}
        onChange={event => onChange({ ...binding, field: event.target.value })}
        choices={[
          { value: '', label: variable.media ? t('campaigns.media_link') : t('campaigns.fixed_text') },
          ...CONTACT_FIELDS.map(value => ({ value, label: word('field', value) })),
          { value: CUSTOM, label: word('field', 'custom') },
        ]}
      />
      {custom && (
        <TextField
          label={t('audience.custom_key')}
          maxLength={64}
          value={binding.field.slice(CUSTOM.length)}
          onChange={event => onChange({ ...binding, field: CUSTOM + event.target.value })}
        />
      )}
      <TextField
        label={binding.field ? t('campaigns.fallback') : t('campaigns.text')}
        value={binding.text}
        maxLength={1024}
        hint={binding.field && !binding.text ? t('campaigns.no_fallback') : undefined}
        onChange={event => onChange({ ...binding, text: event.target.value })}
      />
    </fieldset>
  );
}
