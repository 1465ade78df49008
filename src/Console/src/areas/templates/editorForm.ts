import type { Template } from '../../api/types';
import type { TemplateButton, TemplateComponents } from '../../lib/template';
import { readComponents, variablesOf } from '../../lib/template';

export interface EditorForm {
  accountId: string;
  name: string;
  category: string;
  language: string;
  headerFormat: string;
  header: string;
  body: string;
  footer: string;
  buttons: TemplateButton[];
  /** By `body.1`. Meta wants one for each variable before it looks at a template. */
  examples: Record<string, string>;
  /** Of a template that is changed: parts that the editor does not show stay. */
  kept: Record<string, unknown>;
}

export const newForm = (): EditorForm => ({
  accountId: '',
  name: '',
  category: 'UTILITY',
  language: 'en',
  headerFormat: '',
  header: '',
  body: '',
  footer: '',
  buttons: [],
  examples: {},
  kept: {},
});

type Rec = Record<string, unknown>;
const rec = (value: unknown): Rec => (value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Rec) : {});

/** Examples as they are stored: by variable. */
function examplesOf(part: 'header' | 'body', stored: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(rec(stored))
      .filter(([, value]) => typeof value === 'string')
      .map(([name, value]) => [`${part}.${name}`, String(value)]),
  );
}

function metaExamples(part: 'header' | 'body', own: Rec, text: string): Record<string, string> {
  const example = rec(own.example);
  const named = example[`${part}_text_named_params`];
  if (Array.isArray(named)) {
    return Object.fromEntries(named.map(rec).map(one => [`${part}.${String(one.param_name)}`, String(one.example ?? '')]));
  }
  const list = example[`${part}_text`];
  const flat = Array.isArray(list) ? list.flat() : [];
  return Object.fromEntries(variablesOf(text).map((name, i) => [`${part}.${name}`, typeof flat[i] === 'string' ? flat[i] : '']));
}

export function formOf(template: Template): EditorForm {
  const parts = readComponents(template.components);
  const raw = rec(template.components);
  const of = (part: 'header' | 'body', text: string) => ({
    ...metaExamples(part, rec(raw[part]), text),
    ...examplesOf(part, rec(raw[part]).examples),
  });
  const header = parts.header?.text ?? '';
  const body = parts.body?.text ?? '';
  return {
    accountId: template.account_id,
    name: template.name,
    category: template.category,
    language: template.language,
    headerFormat: parts.header?.format ?? '',
    header,
    body,
    footer: parts.footer?.text ?? '',
    buttons: parts.buttons ?? [],
    examples: { ...of('header', header), ...of('body', body) },
    kept: raw,
  };
}

/** Variables that want an example. */
export function exampleKeys(form: EditorForm): string[] {
  return [
    ...(form.headerFormat === 'TEXT' ? variablesOf(form.header).map(name => `header.${name}`) : []),
    ...variablesOf(form.body).map(name => `body.${name}`),
  ];
}

function exampleOf(part: 'header' | 'body', text: string, examples: Record<string, string>): Rec {
  const names = variablesOf(text);
  if (names.length === 0) {
    return {};
  }
  const value = (name: string) => examples[`${part}.${name}`] ?? '';
  if (names.every(name => /^\d+$/.test(name))) {
    const list = [...names].sort((a, b) => Number(a) - Number(b)).map(value);
    return { example: { [`${part}_text`]: part === 'body' ? [list] : list } };
  }
  return { example: { [`${part}_text_named_params`]: names.map(name => ({ param_name: name, example: value(name) })) } };
}

function button(one: TemplateButton): TemplateButton {
  const kept = Object.entries(one).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(kept) as unknown as TemplateButton;
}

/** `components` as the API takes them. */
export function componentsOf(form: EditorForm): TemplateComponents {
  const { header: oldHeader, body: oldBody, footer: _, buttons: __, ...others } = form.kept;
  const result: Record<string, unknown> = { ...others };
  if (form.headerFormat === 'TEXT') {
    result.header = { format: 'TEXT', text: form.header, ...exampleOf('header', form.header, form.examples) };
  } else if (form.headerFormat) {
    result.header = rec(oldHeader).format === form.headerFormat ? oldHeader : { format: form.headerFormat };
  }
  if (form.body) {
    const { example: ___, examples: ____, ...rest } = rec(oldBody);
    result.body = { ...rest, text: form.body, ...exampleOf('body', form.body, form.examples) };
  } else if (oldBody && form.category === 'AUTHENTICATION') {
    result.body = oldBody;
  }
  if (form.footer) {
    result.footer = { text: form.footer };
  }
  if (form.buttons.length > 0) {
    result.buttons = form.buttons.map(button);
  }
  return result as TemplateComponents;
}
