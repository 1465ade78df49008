import { useI18n } from '../../i18n/I18n';
import { Button, IconButton } from '../../kit/Button';
import { Select, TextField } from '../../kit/Field';
import { Icon } from '../../kit/Icon';
import { Card } from '../../kit/Page';
import type { TemplateButton } from '../../lib/template';
import { LIMITS, variablesOf } from '../../lib/template';

const TYPES = ['QUICK_REPLY', 'URL', 'PHONE_NUMBER', 'COPY_CODE'];

interface Props {
  buttons: readonly TemplateButton[];
  errors: readonly string[];
  onChange: (buttons: TemplateButton[]) => void;
}

export function ButtonsEditor({ buttons, errors, onChange }: Props) {
  const { t } = useI18n();
  const change = (index: number, part: Partial<TemplateButton>) =>
    onChange(buttons.map((one, i) => (i === index ? { ...one, ...part } : one)));
  const example = (button: TemplateButton) =>
    Array.isArray(button.example) ? (button.example[0] ?? '') : (button.example ?? '');
  return (
    <Card
      title={t('templates.buttons')}
      actions={
        <Button
          small
          disabled={buttons.length >= LIMITS.buttons}
          onClick={() => onChange([...buttons, { type: 'QUICK_REPLY', text: '' }])}
        >
          <Icon name="plus" />
          {t('templates.add_button')}
        </Button>
      }
    >
      {buttons.map((button, i) => (
        <div key={i} className="filter-line">
          <Select
            label={t('common.type')}
            hideLabel
            value={button.type}
            onChange={event => change(i, { type: event.target.value })}
            choices={[...new Set([button.type, ...TYPES])].map(value => ({ value, label: t(`templates.button_${value}`) }))}
          />
          <TextField
            label={t('campaigns.text')}
            hideLabel
            placeholder={t('campaigns.text')}
            value={button.text ?? ''}
            maxLength={LIMITS.button}
            onChange={event => change(i, { text: event.target.value })}
          />
          {button.type === 'URL' && (
            <TextField
              label="URL"
              hideLabel
              placeholder="https://…/{{1}}"
              dir="ltr"
              value={button.url ?? ''}
              onChange={event => change(i, { url: event.target.value })}
            />
          )}
          {button.type === 'PHONE_NUMBER' && (
            <TextField
              label={t('field.phone_number')}
              hideLabel
              placeholder="+…"
              dir="ltr"
              value={button.phone_number ?? ''}
              onChange={event => change(i, { phone_number: event.target.value })}
            />
          )}
          {(button.type === 'COPY_CODE' || (button.type === 'URL' && variablesOf(button.url).length > 0)) && (
            <TextField
              label={t('templates.example')}
              hideLabel
              placeholder={t('templates.example')}
              dir="ltr"
              value={example(button)}
              onChange={event => change(i, { example: event.target.value })}
            />
          )}
          <IconButton label={t('common.remove')} onClick={() => onChange(buttons.filter((_, at) => at !== i))}>
            <Icon name="close" />
          </IconButton>
        </div>
      ))}
      {buttons.length === 0 && <p className="muted">{t('templates.no_buttons')}</p>}
      {errors.length > 0 && (
        <div className="field-error" role="alert">
          {[...new Set(errors)].join(' ')}
        </div>
      )}
    </Card>
  );
}
