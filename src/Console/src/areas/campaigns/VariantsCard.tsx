import type { Template } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Button, IconButton } from '../../kit/Button';
import { Select, TextField } from '../../kit/Field';
import { Icon } from '../../kit/Icon';
import { Card } from '../../kit/Page';
import { bindingKey, bindingsOf, parametersOf, readComponents } from '../../lib/template';
import type { CampaignDraft } from './draft';
import { BindingLine } from './MessageStep';
import type { VariantForm } from './options';

interface Props {
  draft: CampaignDraft;
  templates: readonly Template[];
  onChange: (variants: VariantForm[]) => void;
}

/** Several templates of one category, each for its share of the audience. */
export function VariantsCard({ draft, templates, onChange }: Props) {
  const { t } = useI18n();
  const first = templates.find(row => row.id === draft.templateId);
  const allowed = templates.filter(row => row.status === 'APPROVED' && row.category === first?.category);
  const { variants } = draft;
  const begin = () => {
    const other = allowed.find(row => row.id !== draft.templateId);
    onChange([
      { templateId: draft.templateId, share: '1', bindings: draft.bindings, parameters: null },
      { templateId: other?.id ?? '', share: '1', bindings: {}, parameters: null },
    ]);
  };
  const change = (index: number, part: Partial<VariantForm>) =>
    onChange(variants.map((one, i) => (i === index ? { ...one, ...part } : one)));
  return (
    <Card
      title={t('campaigns.variants')}
      actions={
        variants.length === 0 ? (
          <Button small disabled={allowed.length < 2} onClick={begin}>
            {t('campaigns.variants_begin')}
          </Button>
        ) : (
          <Button small onClick={() => onChange([])}>
            {t('campaigns.variants_end')}
          </Button>
        )
      }
    >
      <p className="muted">{t(allowed.length < 2 ? 'campaigns.variants_lack' : 'campaigns.variants_lead')}</p>
      {variants.map((variant, i) => (
        <Line
          key={i}
          variant={variant}
          own={variant.templateId === draft.templateId}
          allowed={allowed}
          onChange={part => change(i, part)}
          onRemove={variants.length > 2 ? () => onChange(variants.filter((_, at) => at !== i)) : null}
        />
      ))}
      {variants.length > 0 && variants.length < Math.min(10, allowed.length) && (
        <div>
          <Button small onClick={() => onChange([...variants, { templateId: '', share: '1', bindings: {}, parameters: null }])}>
            <Icon name="plus" />
            {t('campaigns.variants_add')}
          </Button>
        </div>
      )}
    </Card>
  );
}

interface LineProps {
  variant: VariantForm;
  /** The campaign's own template: it must be among them. */
  own: boolean;
  allowed: readonly Template[];
  onChange: (part: Partial<VariantForm>) => void;
  onRemove: (() => void) | null;
}

function Line({ variant, own, allowed, onChange, onRemove }: LineProps) {
  const { t } = useI18n();
  const template = allowed.find(row => row.id === variant.templateId);
  const variables = template ? parametersOf(readComponents(template.components)) : [];
  const stored = bindingsOf(variables, variant.parameters);
  return (
    <div className="variant stack-small">
      <div className="filter-line">
        <Select
          label={t('campaigns.template')}
          value={variant.templateId}
          disabled={own}
          onChange={event => onChange({ templateId: event.target.value, bindings: {}, parameters: null })}
          choices={[
            { value: '', label: t('common.choose') },
            ...allowed.map(row => ({ value: row.id, label: `${row.name} · ${row.language}` })),
          ]}
        />
        <TextField
          label={t('campaigns.share')}
          type="number"
          min={1}
          max={1000}
          value={variant.share}
          onChange={event => onChange({ share: event.target.value })}
        />
        {onRemove && !own && (
          <IconButton label={t('common.remove')} onClick={onRemove}>
            <Icon name="close" />
          </IconButton>
        )}
      </div>
      {variables.map(variable => {
        const key = bindingKey(variable);
        return (
          <BindingLine
            key={key}
            variable={variable}
            binding={variant.bindings[key] ?? stored[key] ?? { field: '', text: '' }}
            onChange={binding => onChange({ bindings: { ...stored, ...variant.bindings, [key]: binding } })}
          />
        );
      })}
    </div>
  );
}
