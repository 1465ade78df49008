import { useI18n } from '../../i18n/I18n';
import { Button, IconButton } from '../../kit/Button';
import { Select, TextField } from '../../kit/Field';
import { Icon } from '../../kit/Icon';
import type { Condition, FilterForm } from '../../lib/filter';
import { FIELDS, operatorsOf } from '../../lib/filter';

const CUSTOM = 'custom_fields.';

/** A filter line by line: field, comparison, value. */
export function FilterBuilder({ form, onChange }: { form: FilterForm; onChange: (form: FilterForm) => void }) {
  const { t } = useI18n();
  const change = (index: number, condition: Partial<Condition>) =>
    onChange({ ...form, conditions: form.conditions.map((c, i) => (i === index ? { ...c, ...condition } : c)) });
  return (
    <fieldset className="stack-small">
      <legend className="visually-hidden">{t('audience.filter')}</legend>
      {form.conditions.length > 1 && (
        <Select
          label={t('audience.match')}
          value={form.match}
          className="filter-match"
          onChange={event => onChange({ ...form, match: event.target.value as FilterForm['match'] })}
          choices={[
            { value: 'all', label: t('audience.match_all') },
            { value: 'any', label: t('audience.match_any') },
          ]}
        />
      )}
      {form.conditions.map((condition, i) => (
        <Line
          key={i}
          condition={condition}
          onChange={next => change(i, next)}
          onRemove={() => onChange({ ...form, conditions: form.conditions.filter((_, at) => at !== i) })}
        />
      ))}
      <div>
        <Button
          small
          disabled={form.conditions.length >= 50}
          onClick={() => onChange({ ...form, conditions: [...form.conditions, { field: 'tags', op: 'has', value: '' }] })}
        >
          <Icon name="plus" />
          {t('audience.add')}
        </Button>
      </div>
    </fieldset>
  );
}

function Line({
  condition,
  onChange,
  onRemove,
}: {
  condition: Condition;
  onChange: (condition: Partial<Condition>) => void;
  onRemove: () => void;
}) {
  const { t, word } = useI18n();
  const custom = condition.field.startsWith(CUSTOM);
  return (
    <div className="filter-line">
      <Select
        label={t('audience.field')}
        hideLabel
        value={custom ? 'custom' : condition.field}
        onChange={event => {
          const field = event.target.value === 'custom' ? CUSTOM : event.target.value;
          onChange({ field, op: operatorsOf(field)[0] ?? 'eq', value: field === 'consent_status' ? 'OPTED_IN' : '' });
        }}
        choices={FIELDS.map(value => ({ value, label: word('field', value) }))}
      />
      {custom && (
        <TextField
          label={t('audience.custom_key')}
          hideLabel
          placeholder={t('audience.custom_key')}
          value={condition.field.slice(CUSTOM.length)}
          maxLength={64}
          onChange={event => onChange({ field: CUSTOM + event.target.value })}
        />
      )}
      <Select
        label={t('audience.op')}
        hideLabel
        value={condition.op}
        onChange={event =>
          onChange({ op: event.target.value, value: event.target.value === 'exists' ? 'true' : condition.value })
        }
        choices={operatorsOf(condition.field).map(value => ({ value, label: word('op', value) }))}
      />
      <Value condition={condition} onChange={value => onChange({ value })} />
      <IconButton label={t('common.remove')} onClick={onRemove}>
        <Icon name="close" />
      </IconButton>
    </div>
  );
}

function Value({ condition, onChange }: { condition: Condition; onChange: (value: string) => void }) {
  const { t, word } = useI18n();
  const label = t('audience.value');
  if (condition.op === 'exists') {
    return (
      <Select
        label={label}
        hideLabel
        value={condition.value}
        onChange={event => onChange(event.target.value)}
        choices={[
          { value: 'true', label: t('common.yes') },
          { value: 'false', label: t('common.no') },
        ]}
      />
    );
  }
  if (condition.field === 'consent_status') {
    return (
      <Select
        label={label}
        hideLabel
        value={condition.value}
        onChange={event => onChange(event.target.value)}
        choices={['OPTED_IN', 'OPTED_OUT', 'PENDING'].map(value => ({ value, label: word('status', value) }))}
      />
    );
  }
  const kind =
    condition.op === 'before' || condition.op === 'after'
      ? 'date'
      : condition.op.endsWith('_days') || condition.field.startsWith('total_')
        ? 'number'
        : 'text';
  const many = condition.op === 'in' || condition.op.startsWith('has_');
  return (
    <TextField
      label={label}
      hideLabel
      type={kind}
      min={kind === 'number' ? 0 : undefined}
      maxLength={500}
      value={condition.value}
      placeholder={many ? t('audience.comma') : label}
      onChange={event => onChange(event.target.value)}
    />
  );
}
