/** What a template is made of, as `components` holds it. Everything may be missing: Meta and customers wrote it. */
export interface TemplateButton {
  type: string;
  text?: string;
  url?: string;
  phone_number?: string;
  example?: string | string[];
}

export interface TemplateComponents {
  header?: { format?: string; text?: string } | null;
  body?: { text?: string } | null;
  footer?: { text?: string } | null;
  buttons?: TemplateButton[] | null;
  others?: unknown[] | null;
}

export interface Variable {
  part: 'header' | 'body' | 'buttons';
  /** `1` or a name; of a button its index. */
  name: string;
  /** What it stands in, for people. */
  label: string;
  media?: 'IMAGE' | 'VIDEO' | 'DOCUMENT' | 'LOCATION' | 'GIF';
}

export const LIMITS = { header: 60, body: 1024, footer: 60, button: 25, url: 2000, buttons: 10, name: 512 } as const;

const VARIABLE = /\{\{\s*([A-Za-z0-9_]+)\s*\}\}/g;

function record(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Reads what the API gives, the object or Meta's own list; what is not of the expected kind is left out. */
export function readComponents(components: unknown): TemplateComponents {
  const source = Array.isArray(components)
    ? Object.fromEntries(
        components.map(record).map(part => {
          const type = String(part.type ?? '').toLowerCase();
          return [type, type === 'buttons' ? part.buttons : part];
        }),
      )
    : record(components);
  const header = source.header ? record(source.header) : null;
  const buttons = Array.isArray(source.buttons) ? source.buttons : record(source.buttons).buttons;
  return {
    header: header ? { format: (text(header.format) ?? 'TEXT').toUpperCase(), text: text(header.text) } : null,
    body: source.body ? { text: text(record(source.body).text) } : null,
    footer: source.footer ? { text: text(record(source.footer).text) } : null,
    buttons: (Array.isArray(buttons) ? buttons : []).map(record).map(button => ({
      type: (text(button.type) ?? '').toUpperCase(),
      text: text(button.text),
      url: text(button.url),
      phone_number: text(button.phone_number),
      example: button.example as string | string[] | undefined,
    })),
    others: Array.isArray(source.others) ? source.others : null,
  };
}

/** Variables of a text in the order of their first use, each once. */
export function variablesOf(source: string | undefined): string[] {
  return [...new Set([...(source ?? '').matchAll(VARIABLE)].map(match => match[1] ?? ''))];
}

/** Everything that must be given when a template is sent. */
export function parametersOf(components: TemplateComponents): Variable[] {
  const header = components.header;
  const found: Variable[] = [];
  if (header && header.format !== 'TEXT') {
    found.push({ part: 'header', name: 'media', label: header.format ?? '', media: header.format as Variable['media'] });
  } else {
    variablesOf(header?.text).forEach(name => found.push({ part: 'header', name, label: `{{${name}}}` }));
  }
  variablesOf(components.body?.text).forEach(name => found.push({ part: 'body', name, label: `{{${name}}}` }));
  (components.buttons ?? []).forEach((button, index) => {
    const needs =
      button.type === 'COPY_CODE' || button.type === 'OTP' || (button.type === 'URL' && variablesOf(button.url).length > 0);
    if (needs) {
      found.push({ part: 'buttons', name: String(index), label: button.text || button.type });
    }
  });
  return found;
}

/** How a variable is filled: a fixed text, or a field of the contact with a text for those who lack it. */
export interface Binding {
  field: string;
  text: string;
}

export const bindingKey = (variable: Variable): string => `${variable.part}.${variable.name}`;

/** `{{contact.first_name|there}}` or the text itself. Braces in a fallback would end it. */
export function bindingText(binding: Binding | undefined): string {
  if (!binding) {
    return '';
  }
  const fallback = binding.text.replace(/[{}|]/g, '');
  return binding.field ? `{{contact.${binding.field}${fallback ? `|${fallback}` : ''}}}` : binding.text;
}

/** The reverse, for a campaign that is opened again. */
export function readBinding(source: string): Binding {
  const match = /^\{\{\s*contact\.([^{}|]+?)\s*(?:\|([^{}]*))?\}\}$/.exec(source);
  return match ? { field: match[1] ?? '', text: match[2] ?? '' } : { field: '', text: source };
}

/** `metadata.template_parameters` of a campaign. */
export function templateParameters(variables: readonly Variable[], bindings: Record<string, Binding>): Record<string, unknown> {
  const result: Record<string, Record<string, unknown> | unknown> = {};
  for (const variable of variables) {
    const value = bindingText(bindings[bindingKey(variable)]);
    if (variable.media) {
      result.header = /^https?:/i.test(value) || value.includes('{{') ? { link: value } : { id: value };
    } else {
      result[variable.part] = { ...record(result[variable.part]), [variable.name]: value };
    }
  }
  return result;
}

/** Bindings out of stored parameters, by object or by list. */
export function bindingsOf(variables: readonly Variable[], parameters: unknown): Record<string, Binding> {
  const stored = Array.isArray(parameters) ? { body: parameters } : record(parameters);
  const counts: Record<string, number> = {};
  return Object.fromEntries(
    variables.map(variable => {
      const part = stored[variable.part];
      const place = (counts[variable.part] = (counts[variable.part] ?? -1) + 1);
      const found = variable.media
        ? (text(part) ?? record(part).link ?? record(part).id)
        : Array.isArray(part)
          ? part[place]
          : record(part)[variable.name];
      const value = typeof found === 'object' ? record(found).text : found;
      return [bindingKey(variable), readBinding(value === undefined || value === null ? '' : String(value))];
    }),
  );
}

/** A text with its variables filled in; one without a value stays as it is. */
export function fill(source: string | undefined, values: Record<string, string>): string {
  return (source ?? '').replace(VARIABLE, (whole, name: string) => values[name] || whole);
}

/** Languages that are written from right to left. */
export function isRightToLeft(language: string | null | undefined): boolean {
  return /^(ar|he|fa|ur|ps|ckb|sd|ug|yi|dv)([_-]|$)/i.test(language ?? '');
}

export interface Rule {
  field: 'name' | 'header' | 'body' | 'footer' | 'buttons';
  /** Key of the message, below `templates.rule.`. */
  rule: string;
  value?: string | number;
}

export interface Draft {
  name: string;
  category: string;
  components: TemplateComponents;
}

function orderRule(field: 'header' | 'body', source: string): Rule[] {
  const names = variablesOf(source);
  const rules: Rule[] = [];
  const numbers = names
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  if (numbers.length > 0 && numbers.length < names.length) {
    rules.push({ field, rule: 'mixed_variables' });
  } else if (numbers.some((number, i) => number !== i + 1)) {
    rules.push({ field, rule: 'variables_in_order' });
  }
  if (/\{\{[^{}]*$|^[^{}]*\}\}/.test(source) || /\{\{\s*\}\}/.test(source)) {
    rules.push({ field, rule: 'braces' });
  }
  return rules;
}

/** Meta's rules that can be told while one types; the server judges all of them. */
export function rulesBroken({ name, category, components }: Draft): Rule[] {
  const rules: Rule[] = [];
  const body = components.body?.text ?? '';
  const header = components.header?.format === 'TEXT' ? (components.header.text ?? '') : null;
  const buttons = components.buttons ?? [];
  const long = (field: Rule['field'], length: number, max: number) => {
    if (length > max) {
      rules.push({ field, rule: 'too_long', value: max });
    }
  };
  if (!/^[a-z0-9_]{1,512}$/.test(name)) {
    rules.push({ field: 'name', rule: 'name' });
  }
  if (body.trim() === '' && category !== 'AUTHENTICATION') {
    rules.push({ field: 'body', rule: 'body_missing' });
  }
  long('body', body.length, LIMITS.body);
  rules.push(...orderRule('body', body));
  if (/^\s*\{\{|\}\}\s*$/.test(body)) {
    rules.push({ field: 'body', rule: 'variable_at_edge' });
  }
  if (header !== null) {
    long('header', header.length, LIMITS.header);
    if (variablesOf(header).length > 1) {
      rules.push({ field: 'header', rule: 'one_variable' });
    }
    rules.push(...orderRule('header', header));
  }
  long('footer', (components.footer?.text ?? '').length, LIMITS.footer);
  if (variablesOf(components.footer?.text).length > 0) {
    rules.push({ field: 'footer', rule: 'no_variables' });
  }
  if (buttons.length > LIMITS.buttons) {
    rules.push({ field: 'buttons', rule: 'too_many_buttons', value: LIMITS.buttons });
  }
  for (const button of buttons) {
    long('buttons', (button.text ?? '').length, LIMITS.button);
    if (button.type === 'URL' && !/^https?:\/\/\S+$/i.test(button.url ?? '')) {
      rules.push({ field: 'buttons', rule: 'url' });
    }
    if (button.type === 'PHONE_NUMBER' && !/^\+?\d{1,20}$/.test(button.phone_number ?? '')) {
      rules.push({ field: 'buttons', rule: 'phone' });
    }
    if (button.type !== 'OTP' && button.type !== 'COPY_CODE' && (button.text ?? '').trim() === '') {
      rules.push({ field: 'buttons', rule: 'button_text' });
    }
  }
  return rules;
}
