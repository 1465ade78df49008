import { useGet } from '../../api/hooks';
import type { Message } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { fill, isRightToLeft, readComponents, variablesOf } from '../../lib/template';
import { WhatsAppText } from '../templates/TemplatePreview';

type Part = 'header' | 'body';

/** Values by variable, out of the parameters that were sent: by name, or by place. */
export function valuesOf(parameters: unknown, part: Part, text: string | undefined): Record<string, string> {
  const components = Array.isArray(parameters) ? (parameters as { type?: string; parameters?: unknown }[]) : [];
  const own = components.find(component => component?.type?.toLowerCase() === part)?.parameters;
  const list = (Array.isArray(own) ? own : []) as { text?: unknown; parameter_name?: unknown }[];
  const names = variablesOf(text);
  const numbered = names.every(name => /^\d+$/.test(name)) ? [...names].sort((a, b) => Number(a) - Number(b)) : names;
  return Object.fromEntries(
    list.map((value, i) => [
      typeof value?.parameter_name === 'string' ? value.parameter_name : (numbered[i] ?? ''),
      typeof value?.text === 'string' ? value.text : '',
    ]),
  );
}

/** What a template said to this customer. Its text is the present one: of a template that is gone, its name. */
export function TemplateText({ template }: { template: NonNullable<Message['template']> }) {
  const { t } = useI18n();
  const read = useGet('/v1/templates/{id}', { path: { id: template.id } });
  if (!read.data) {
    return (
      <div className="muted">
        {t('inbox.template')}: <bdi>{template.name}</bdi>
      </div>
    );
  }
  const { header, body, footer, buttons } = readComponents(read.data.components);
  return (
    <div dir={isRightToLeft(template.language) ? 'rtl' : 'ltr'}>
      {header?.text && (
        <div className="bubble-header">{fill(header.text, valuesOf(template.parameters, 'header', header.text))}</div>
      )}
      <div className="bubble-text">
        <WhatsAppText text={fill(body?.text, valuesOf(template.parameters, 'body', body?.text))} />
      </div>
      {footer?.text && <div className="bubble-footer">{footer.text}</div>}
      {(buttons ?? []).map((button, i) => (
        <div key={i} className="bubble-button">
          <bdi>{button.text || button.type}</bdi>
        </div>
      ))}
    </div>
  );
}
