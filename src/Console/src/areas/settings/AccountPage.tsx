import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, call } from '../../api/client';
import { useMaybe } from '../../api/hooks';
import type { Page as Paged } from '../../api/types';
import { useSession, useSessions } from '../../app/session';
import { LanguageSelect, ThemeSelect } from '../../app/UserMenu';
import { useI18n } from '../../i18n/I18n';
import { Badge } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { TextField } from '../../kit/Field';
import { Await, Card, Facts, Fault, Page } from '../../kit/Page';
import { Table } from '../../kit/Table';
import { useToasts } from '../../kit/Toast';
import { EnrolSecondFactor } from '../auth/SecondFactor';
import { SettingsNav } from './SettingsArea';

export function AccountPage() {
  const { t, word } = useI18n();
  const { body, role } = useSession();
  return (
    <Page title={t('nav.my_account')}>
      <SettingsNav />
      <div className="columns-2">
        <Card title={t('common.details')}>
          <Facts
            facts={[
              [
                t('auth.email'),
                <bdi key="e" dir="ltr">
                  {body.user.email}
                </bdi>,
              ],
              [t('team.role'), word('role', role)],
              body.organization ? [t('settings.organization'), <bdi key="o">{body.organization.name}</bdi>] : null,
            ]}
          />
          <div className="form-grid">
            <ThemeSelect />
            <LanguageSelect />
          </div>
        </Card>
        <PasswordCard />
        <SecondFactorCard />
      </div>
      <Sessions />
    </Page>
  );
}

function PasswordCard() {
  const { t } = useI18n();
  const { say } = useToasts();
  const [form, setForm] = useState({ current_password: '', new_password: '' });
  const save = useMutation({
    mutationFn: () => api.post('/v1/auth/password', form),
    onSuccess: () => {
      setForm({ current_password: '', new_password: '' });
      say(t('common.saved'));
    },
  });
  return (
    <Card title={t('settings.password')}>
      <form
        className="stack-small"
        onSubmit={event => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <TextField
          label={t('auth.current_password')}
          type="password"
          autoComplete="current-password"
          dir="ltr"
          value={form.current_password}
          onChange={event => setForm({ ...form, current_password: event.target.value })}
        />
        <TextField
          label={t('auth.new_password')}
          type="password"
          autoComplete="new-password"
          dir="ltr"
          hint={t('auth.password_hint')}
          value={form.new_password}
          onChange={event => setForm({ ...form, new_password: event.target.value })}
        />
        <Fault fault={save.error} />
        <div>
          <Button type="submit" busy={save.isPending} disabled={!form.current_password || !form.new_password}>
            {t('auth.reset_save')}
          </Button>
        </div>
      </form>
    </Card>
  );
}

interface Factor {
  enabled: boolean;
  required: boolean;
  recovery_codes_left: number | null;
}

function SecondFactorCard() {
  const { t, number } = useI18n();
  const { say } = useToasts();
  const client = useQueryClient();
  const { reload } = useSessions();
  const [dialog, setDialog] = useState<'enrol' | 'disable' | 'codes' | null>(null);
  const [password, setPassword] = useState('');
  const [codes, setCodes] = useState<string[] | null>(null);
  const factor = useMaybe<Factor>('/v1/auth/second-factor');
  const refresh = async () => {
    await client.invalidateQueries({ queryKey: ['/v1/auth/second-factor'] });
    await reload();
  };
  const act = useMutation({
    mutationFn: (verb: 'disable' | 'recovery-codes') =>
      call<{ recovery_codes?: string[] } | undefined>('POST', `/v1/auth/second-factor/${verb}`, { password }),
    onSuccess: async done => {
      setPassword('');
      setCodes(done?.recovery_codes ?? null);
      if (!done?.recovery_codes) {
        setDialog(null);
        say(t('common.saved'));
      }
      await refresh();
    },
  });
  const close = () => {
    setDialog(null);
    setCodes(null);
    act.reset();
  };
  return (
    <Card title={t('auth.second_factor')}>
      <Await read={factor}>
        {f => (
          <>
            <div className="row">
              <Badge dot tone={f.enabled ? 'good' : 'neutral'}>
                {t(f.enabled ? 'settings.factor_on' : 'settings.factor_off')}
              </Badge>
              {f.enabled && f.recovery_codes_left !== null && (
                <span className="muted">{t('settings.codes_left', { count: number(f.recovery_codes_left) })}</span>
              )}
            </div>
            <div className="row">
              {!f.enabled && (
                <Button look="primary" onClick={() => setDialog('enrol')}>
                  {t('auth.enrol_confirm')}
                </Button>
              )}
              {f.enabled && <Button onClick={() => setDialog('codes')}>{t('settings.new_codes')}</Button>}
              {f.enabled && !f.required && <Button onClick={() => setDialog('disable')}>{t('settings.factor_disable')}</Button>}
            </div>
          </>
        )}
      </Await>
      {dialog === 'enrol' && (
        <Dialog title={t('auth.second_factor')} onClose={close}>
          <EnrolSecondFactor
            onDone={() => {
              close();
              void refresh();
            }}
          />
        </Dialog>
      )}
      {(dialog === 'disable' || dialog === 'codes') && (
        <Dialog title={t(dialog === 'disable' ? 'settings.factor_disable' : 'settings.new_codes')} onClose={close}>
          {codes ? (
            <>
              <div className="notice notice-warn">{t('auth.recovery_keep')}</div>
              <ul className="codes plain" dir="ltr">
                {codes.map(one => (
                  <li key={one}>{one}</li>
                ))}
              </ul>
            </>
          ) : (
            <form
              className="stack-small"
              onSubmit={event => {
                event.preventDefault();
                act.mutate(dialog === 'disable' ? 'disable' : 'recovery-codes');
              }}
            >
              <TextField
                label={t('auth.password')}
                type="password"
                autoComplete="current-password"
                dir="ltr"
                value={password}
                onChange={event => setPassword(event.target.value)}
              />
              <Fault fault={act.error} />
              <div>
                <Button type="submit" look="primary" busy={act.isPending} disabled={!password}>
                  {t('common.next')}
                </Button>
              </div>
            </form>
          )}
        </Dialog>
      )}
    </Card>
  );
}

interface OpenSession {
  id: string;
  kind?: string;
  created_at: string;
  last_seen_at: string | null;
  address: string | null;
  user_agent: string | null;
  current: boolean;
}

function Sessions() {
  const { t, time, ago } = useI18n();
  const { fail } = useToasts();
  const { reload } = useSessions();
  const client = useQueryClient();
  const list = useMaybe<Paged<OpenSession>>('/v1/auth/sessions');
  const end = useMutation({
    mutationFn: (id: string) => call('DELETE', '/v1/auth/sessions/{id}', null, { path: { id } }),
    onError: fail,
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: ['/v1/auth/sessions'] });
      await reload();
    },
  });
  const all = useMutation({ mutationFn: () => api.post('/v1/auth/logout-all'), onError: fail, onSettled: () => reload() });
  return (
    <Card
      flush
      title={t('settings.sessions')}
      actions={
        <Button small busy={all.isPending} onClick={() => all.mutate()}>
          {t('settings.end_all')}
        </Button>
      }
    >
      <Await read={list}>
        {page => (
          <Table
            caption={t('settings.sessions')}
            rows={page.data}
            keyOf={row => row.id}
            columns={[
              {
                key: 'agent',
                head: t('settings.browser'),
                cell: row => (
                  <>
                    <bdi className="wrap-any">{row.user_agent ?? '–'}</bdi>{' '}
                    {row.current && <Badge tone="good">{t('settings.this_one')}</Badge>}
                  </>
                ),
              },
              { key: 'address', head: t('team.address'), wide: true, cell: row => <bdi dir="ltr">{row.address ?? '–'}</bdi> },
              { key: 'since', head: t('settings.since'), wide: true, cell: row => time(row.created_at) },
              { key: 'seen', head: t('settings.last_seen'), end: true, cell: row => ago(row.last_seen_at) },
              {
                key: 'x',
                head: t('common.actions'),
                end: true,
                cell: row =>
                  !row.current && (
                    <Button small onClick={() => end.mutate(row.id)}>
                      {t('settings.end')}
                    </Button>
                  ),
              },
            ]}
          />
        )}
      </Await>
    </Card>
  );
}
