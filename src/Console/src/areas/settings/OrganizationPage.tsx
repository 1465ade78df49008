import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { useGet, useMaybe } from '../../api/hooks';
import type { Organization } from '../../api/types';
import { useSession, useSessions } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Checkbox, Select, TextArea, TextField } from '../../kit/Field';
import { Await, Card, Facts, Fault, Page } from '../../kit/Page';
import { useToasts } from '../../kit/Toast';
import { zones } from '../../lib/time';
import { SettingsNav } from './SettingsArea';

export function OrganizationPage() {
  const { t } = useI18n();
  const { organization } = useSession();
  const read = useGet('/v1/organizations/{id}', { path: { id: organization?.id ?? '' } }, { enabled: !!organization });
  return (
    <Page title={t('settings.organization')}>
      <SettingsNav />
      <Await read={read}>{o => <Form key={o.updated_at} organization={o as Organization} />}</Await>
      <Policy />
    </Page>
  );
}

type Settings = Record<string, unknown>;

/** What a person typed as JSON; null: it is none. */
export function readJson(text: string): Settings | null {
  try {
    const value: unknown = JSON.parse(text || '{}');
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Settings) : null;
  } catch {
    return null;
  }
}

/** Settings that have a field of their own are set or, when empty, removed; the others come from the JSON. */
export function settingsPatch(before: Settings, others: Settings, own: Record<string, string>): Settings {
  const patch: Settings = { ...others };
  for (const name of Object.keys(before)) {
    if (!Object.hasOwn(others, name) && !Object.hasOwn(own, name)) {
      patch[name] = null;
    }
  }
  for (const [name, value] of Object.entries(own)) {
    patch[name] = value.trim() || null;
  }
  return patch;
}

const OWN = ['time_zone', 'default_country'];

function Form({ organization: o }: { organization: Organization }) {
  const { t } = useI18n();
  const { can } = useSession();
  const { reload } = useSessions();
  const { say } = useToasts();
  const client = useQueryClient();
  const settings = (o.settings ?? {}) as Settings;
  const [name, setName] = useState(o.name);
  const [zone, setZone] = useState(String(settings.time_zone ?? ''));
  const [country, setCountry] = useState(String(settings.default_country ?? ''));
  const [others, setOthers] = useState(
    JSON.stringify(Object.fromEntries(Object.entries(settings).filter(([key]) => !OWN.includes(key))), null, 2),
  );
  const json = readJson(others);
  const save = useMutation({
    mutationFn: () =>
      call<Organization>(
        'PATCH',
        '/v1/organizations/{id}',
        {
          name: name.trim(),
          settings: settingsPatch(settings, json ?? {}, { time_zone: zone, default_country: country.toUpperCase() }),
        },
        { path: { id: o.id } },
      ),
    onSuccess: async () => {
      say(t('common.saved'));
      await client.invalidateQueries({ queryKey: ['/v1/organizations/{id}'] });
      await reload();
    },
  });
  const may = can('admin');
  return (
    <Card title={<bdi>{o.name}</bdi>}>
      <Facts
        facts={[
          [t('settings.slug'), <code key="s">{o.slug}</code>],
          [t('settings.meta_business'), <code key="m">{o.meta_business_id ?? '–'}</code>],
        ]}
      />
      <fieldset disabled={!may} className="stack">
        <div className="form-grid">
          <TextField label={t('common.name')} value={name} maxLength={255} onChange={event => setName(event.target.value)} />
          <Select
            label={t('campaigns.zone')}
            value={zone}
            onChange={event => setZone(event.target.value)}
            choices={[...new Set(['', zone, ...zones()])].map(value => ({ value, label: value || 'UTC' }))}
          />
          <TextField
            label={t('settings.country')}
            hint={t('settings.country_hint')}
            maxLength={2}
            dir="ltr"
            value={country}
            onChange={event => setCountry(event.target.value)}
          />
        </div>
        <TextArea
          label={t('settings.more')}
          hint={t('settings.more_hint')}
          rows={8}
          dir="ltr"
          className="mono-field"
          value={others}
          error={json ? null : t('settings.bad_json')}
          onChange={event => setOthers(event.target.value)}
        />
        <Fault fault={save.error} />
        {may && (
          <div>
            <Button look="primary" busy={save.isPending} disabled={!json || name.trim() === ''} onClick={() => save.mutate()}>
              {t('common.save')}
            </Button>
          </div>
        )}
      </fieldset>
    </Card>
  );
}

const ROLES = ['admin', 'manager', 'agent', 'viewer'];

/** For which roles a second factor is asked. */
function Policy() {
  const { t, word } = useI18n();
  const { can } = useSession();
  const { say, fail } = useToasts();
  const client = useQueryClient();
  const policy = useMaybe<{ roles: string[] }>('/v1/auth/second-factor/policy', {}, { enabled: can('admin') });
  const save = useMutation({
    mutationFn: (roles: string[]) => call('PUT', '/v1/auth/second-factor/policy', { roles }),
    onSuccess: () => say(t('common.saved')),
    onError: fail,
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/auth/second-factor/policy'] }),
  });
  if (!can('admin')) {
    return null;
  }
  return (
    <Card title={t('settings.policy')}>
      <p className="muted">{t('settings.policy_lead')}</p>
      <Await read={policy}>
        {p => (
          <div className="row">
            {ROLES.map(role => (
              <Checkbox
                key={role}
                label={word('role', role)}
                checked={p.roles.includes(role)}
                disabled={save.isPending}
                onChange={event => save.mutate(event.target.checked ? [...p.roles, role] : p.roles.filter(one => one !== role))}
              />
            ))}
          </div>
        )}
      </Await>
    </Card>
  );
}
