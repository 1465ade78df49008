import { useState } from 'react';
import { useList } from '../../api/hooks';
import type { Conversation, Template } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { Select, TextField } from '../../kit/Field';
import { Fault, Loading } from '../../kit/Page';
import type { Variable } from '../../lib/template';
import { bindingKey, parametersOf, readComponents } from '../../lib/template';
import { TemplatePreview } from '../templates/TemplatePreview';
import type { Reply } from './Composer';

/** The Graph object of a template with its texts filled in. */
export function templateReply(
  template: Pick<Template, 'name' | 'language'>,
  variables: readonly Variable[],
  values: Record<string, string>,
  buttonType: (index: number) => string,
): Reply {
  const texts = (part: 'header' | 'body') =>
    variables
      .filter(v => v.part === part && !v.media)
      .map(v => ({
        type: 'text',
        ...(/^\d+$/.test(v.name) ? {} : { parameter_name: v.name }),
        text: values[bindingKey(v)] ?? '',
      }));
  const media = variables.find(v => v.media);
  const kind = media?.media === 'GIF' ? 'video' : (media?.media ?? '').toLowerCase();
  const header = media ? [{ type: kind, [kind]: { link: values[bindingKey(media)] ?? '' } }] : texts('header');
  const components = [
    ...(header.length > 0 ? [{ type: 'header', parameters: header }] : []),
    ...(texts('body').length > 0 ? [{ type: 'body', parameters: texts('body') }] : []),
    ...variables
      .filter(v => v.part === 'buttons')
      .map(v => {
        const text = values[bindingKey(v)] ?? '';
        const copy = buttonType(Number(v.name)) === 'COPY_CODE';
        return {
          type: 'button',
          sub_type: copy ? 'copy_code' : 'url',
          index: v.name,
          parameters: [copy ? { type: 'coupon_code', coupon_code: text } : { type: 'text', text }],
        };
      }),
  ];
  return {
    type: 'template',
    template: { name: template.name, language: { code: template.language }, ...(components.length > 0 ? { components } : {}) },
  };
}

interface Props {
  conversation: Conversation;
  busy: boolean;
  fault: unknown;
  onSend: (reply: Reply) => void;
  onClose: () => void;
}

export function TemplateReply({ conversation, busy, fault, onSend, onClose }: Props) {
  const { t, word } = useI18n();
  const [id, setId] = useState('');
  const [values, setValues] = useState<Record<string, string>>({});
  const list = useList<Template>('/v1/templates', {
    query: { account_id: conversation.account_id, status: 'APPROVED', limit: 200 },
  });
  const template = list.rows.find(row => row.id === id) ?? null;
  const components = template ? readComponents(template.components) : null;
  const variables = components ? parametersOf(components) : [];
  const complete = template !== null && variables.every(v => (values[bindingKey(v)] ?? '').trim() !== '');
  const part = (name: Variable['part']) =>
    Object.fromEntries(variables.filter(v => v.part === name).map(v => [v.name, values[bindingKey(v)] ?? '']));
  return (
    <Dialog
      title={t('inbox.send_template')}
      wide
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button
            look="primary"
            busy={busy}
            disabled={!complete}
            onClick={() => {
              if (template && components) {
                onSend(templateReply(template, variables, values, index => components.buttons?.[index]?.type ?? ''));
              }
            }}
          >
            {t('inbox.send')}
          </Button>
        </>
      }
    >
      {list.isPending ? (
        <Loading />
      ) : (
        <div className="columns-2">
          <div className="stack">
            <Select
              label={t('campaigns.template')}
              value={id}
              onChange={event => {
                setId(event.target.value);
                setValues({});
              }}
              choices={[
                { value: '', label: t('common.choose') },
                ...list.rows.map(row => ({ value: row.id, label: `${row.name} · ${row.language}` })),
              ]}
            />
            {variables.map(v => (
              <TextField
                key={bindingKey(v)}
                label={`${word('template_part', v.part)} ${v.label}`}
                value={values[bindingKey(v)] ?? ''}
                maxLength={1024}
                onChange={event => setValues({ ...values, [bindingKey(v)]: event.target.value })}
              />
            ))}
            <Fault fault={fault} />
          </div>
          {template && components && (
            <TemplatePreview
              components={components}
              language={template.language}
              values={{ header: part('header'), body: part('body') }}
            />
          )}
        </div>
      )}
    </Dialog>
  );
}
