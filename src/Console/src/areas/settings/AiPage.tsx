import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { useGet } from '../../api/hooks';
import type { Schema } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Checkbox, Select, TextArea, TextField } from '../../kit/Field';
import { Await, Card, Fault, Page, Stat } from '../../kit/Page';
import { useToasts } from '../../kit/Toast';
import { SettingsNav } from './SettingsArea';

type Settings = Schema<'AiSettingsResponse'>;

export function AiPage() {
  const { t } = useI18n();
  const read = useGet('/v1/ai/settings');
  return (
    <Page title={t('settings.ai')} lead={t('settings.ai_lead')}>
      <SettingsNav />
      <Await read={read}>{settings => <Form key={settings.updated_at} settings={settings} />}</Await>
    </Page>
  );
}

const PROVIDERS = ['embedded', 'openai', 'anthropic'];

function Form({ settings: s }: { settings: Settings }) {
  const { t, money, number } = useI18n();
  const { can } = useSession();
  const { say } = useToasts();
  const client = useQueryClient();
  const [form, setForm] = useState({
    analysis: s.analysis,
    auto_reply: s.auto_reply,
    provider: s.provider,
    model: s.model ?? '',
    endpoint: s.endpoint ?? '',
    api_key: '',
    prompt: s.prompt ?? '',
    facts: s.facts.join('\n'),
    budget_per_month: s.budget_per_month,
  });
  const save = useMutation({
    mutationFn: () =>
      call('PATCH', '/v1/ai/settings', {
        analysis: form.analysis,
        auto_reply: form.auto_reply,
        provider: form.provider,
        model: form.model.trim() || null,
        endpoint: form.endpoint.trim() || null,
        prompt: form.prompt.trim() || null,
        facts: form.facts
          .split('\n')
          .map(line => line.trim())
          .filter(Boolean),
        budget_per_month: form.budget_per_month,
        ...(form.api_key ? { api_key: form.api_key } : {}),
      }),
    onSuccess: async () => {
      say(t('common.saved'));
      await client.invalidateQueries({ queryKey: ['/v1/ai/settings'] });
    },
  });
  const set = (name: keyof typeof form) => (event: { target: { value: string } }) =>
    setForm({ ...form, [name]: event.target.value });
  return (
    <>
      <div className="stats">
        <Stat
          label={t('settings.ai_cost')}
          value={money(s.usage.cost, s.currency)}
          hint={t('campaigns.of', { part: money(s.usage.cost, s.currency), whole: money(s.budget_per_month, s.currency) })}
        />
        <Stat label={t('settings.ai_calls')} value={number(s.usage.calls)} />
        <Stat label={t('settings.ai_tokens')} value={number(s.usage.input_tokens + s.usage.output_tokens)} />
      </div>
      <Card>
        <fieldset disabled={!can('admin')} className="stack">
          <Checkbox
            label={t('settings.ai_analysis')}
            hint={t('settings.ai_analysis_hint')}
            checked={form.analysis}
            onChange={event => setForm({ ...form, analysis: event.target.checked })}
          />
          <Checkbox
            label={t('settings.ai_reply')}
            hint={t('settings.ai_reply_hint')}
            checked={form.auto_reply}
            onChange={event => setForm({ ...form, auto_reply: event.target.checked })}
          />
          <div className="form-grid">
            <Select
              label={t('settings.ai_provider')}
              value={form.provider}
              onChange={set('provider')}
              choices={[...new Set([s.provider, ...PROVIDERS])].map(value => ({ value, label: value }))}
            />
            <TextField label={t('settings.ai_model')} dir="ltr" value={form.model} onChange={set('model')} />
            <TextField label={t('settings.ai_endpoint')} dir="ltr" type="url" value={form.endpoint} onChange={set('endpoint')} />
            <TextField
              label={t('settings.ai_key')}
              dir="ltr"
              type="password"
              autoComplete="off"
              value={form.api_key}
              hint={s.api_key_set ? t('settings.ai_key_set') : undefined}
              onChange={set('api_key')}
            />
            <TextField
              label={t('settings.ai_budget', { currency: s.currency })}
              dir="ltr"
              inputMode="decimal"
              value={form.budget_per_month ?? ""}
              onChange={set('budget_per_month')}
            />
          </div>
          <TextArea label={t('settings.ai_prompt')} dir="auto" value={form.prompt} onChange={set('prompt')} />
          <TextArea
            label={t('settings.ai_facts')}
            hint={t('settings.ai_facts_hint')}
            dir="auto"
            value={form.facts}
            onChange={set('facts')}
          />
          <Fault fault={save.error} />
          {can('admin') && (
            <div>
              <Button look="primary" busy={save.isPending} onClick={() => save.mutate()}>
                {t('common.save')}
              </Button>
            </div>
          )}
        </fieldset>
      </Card>
    </>
  );
}
