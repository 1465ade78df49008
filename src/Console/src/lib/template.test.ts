import { describe, expect, it } from 'vitest';
import {
  bindingsOf,
  bindingText,
  fill,
  isRightToLeft,
  parametersOf,
  readBinding,
  readComponents,
  rulesBroken,
  templateParameters,
} from './template';

const components = readComponents({
  header: { format: 'IMAGE' },
  body: { text: 'Hello {{1}}, your order {{2}} is here. {{1}}!' },
  buttons: [
    { type: 'QUICK_REPLY', text: 'Yes' },
    { type: 'URL', text: 'Track', url: 'https://x.example/{{1}}' },
  ],
});

describe('a template', () => {
  it('asks for each variable once, for its media and for buttons with a variable part', () => {
    expect(parametersOf(components).map(v => `${v.part}.${v.name}`)).toEqual(['header.media', 'body.1', 'body.2', 'buttons.1']);
  });

  it('is read from the shape of Meta, too, and from nonsense', () => {
    expect(
      readComponents([
        { type: 'BODY', text: 'Hi' },
        { type: 'BUTTONS', buttons: [{ type: 'url', text: 'T' }] },
      ]),
    ).toMatchObject({
      body: { text: 'Hi' },
      buttons: [{ type: 'URL', text: 'T' }],
    });
    expect(readComponents(null)).toMatchObject({ body: null, buttons: [] });
    expect(readComponents({ body: { text: 7 }, buttons: 'x' })).toMatchObject({ body: { text: undefined }, buttons: [] });
  });

  it('binds variables to fields with a fallback, and reads them back', () => {
    const variables = parametersOf(components);
    const bindings = {
      'header.media': { field: '', text: 'https://x.example/a.jpg' },
      'body.1': { field: 'first_name', text: 'there' },
      'body.2': { field: '', text: '42' },
      'buttons.1': { field: 'custom_fields.order', text: '' },
    };
    const parameters = templateParameters(variables, bindings);
    expect(parameters).toEqual({
      header: { link: 'https://x.example/a.jpg' },
      body: { 1: '{{contact.first_name|there}}', 2: '42' },
      buttons: { 1: '{{contact.custom_fields.order}}' },
    });
    expect(bindingsOf(variables, parameters)).toEqual(bindings);
    expect(bindingsOf(variables, { body: ['a', 'b'] })['body.2']).toEqual({ field: '', text: 'b' });
  });

  it('lets no brace into a fallback', () => {
    expect(bindingText({ field: 'first_name', text: 'a}}|{{b' })).toBe('{{contact.first_name|ab}}');
    expect(readBinding('{{ contact.name | you }}').field).toBe('name');
    expect(readBinding('plain {{contact.name}}')).toEqual({ field: '', text: 'plain {{contact.name}}' });
  });

  it('fills what is known and leaves the rest', () => {
    expect(fill('Hi {{1}} and {{name}}', { 1: '<b>x</b>' })).toBe('Hi <b>x</b> and {{name}}');
  });

  it('knows languages from right to left', () => {
    expect(['ar', 'ar_EG', 'ur', 'he'].every(isRightToLeft)).toBe(true);
    expect(['en', 'arn', 'hi', null].some(isRightToLeft)).toBe(false);
  });

  it('tells the rules that are broken while one types', () => {
    const rules = (body: string, more = {}) =>
      rulesBroken({ name: 'ok', category: 'UTILITY', components: { body: { text: body }, ...more } }).map(rule => rule.rule);
    expect(rules('Hello {{1}} there')).toEqual([]);
    expect(rules('Hello {{2}} there')).toEqual(['variables_in_order']);
    expect(rules('Hello {{1}} and {{name}} there')).toEqual(['mixed_variables']);
    expect(rules('{{1}} hello')).toEqual(['variable_at_edge']);
    expect(rules('')).toEqual(['body_missing']);
    expect(rules('x'.repeat(1025))).toEqual(['too_long']);
    expect(rules('Hello', { buttons: [{ type: 'URL', text: 'x', url: 'javascript:alert(1)' }] })).toEqual(['url']);
    expect(rulesBroken({ name: 'Bad Name', category: 'UTILITY', components: { body: { text: 'x' } } })[0]?.field).toBe('name');
  });
});
