import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, call } from '../../api/client';
import { useList } from '../../api/hooks';
import type { Account, Team, User } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { Checkbox, Select, TextField } from '../../kit/Field';
import { Card, EmptyState, Fault, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Own } from '../../kit/Phone';
import { TeamNav } from './TeamArea';

export function TeamsPage() {
  const { t, number } = useI18n();
  const [edited, setEdited] = useState<Team | 'new' | null>(null);
  const list = useList<Team>('/v1/teams', { query: { limit: 200 } });
  return (
    <Page
      title={t('team.teams')}
      lead={t('team.teams_lead')}
      actions={
        <Button look="primary" onClick={() => setEdited('new')}>
          {t('team.new_team')}
        </Button>
      }
    >
      <TeamNav />
      <Card flush>
        <ListTable
          list={list}
          caption={t('team.teams')}
          keyOf={row => row.id}
          empty={<EmptyState title={t('team.no_teams')} />}
          columns={[
            { key: 'name', head: t('common.name'), cell: row => <Own text={row.name} /> },
            { key: 'how', head: t('team.assignment'), cell: row => t(`team.${row.assignment}`) },
            { key: 'members', head: t('team.members'), end: true, cell: row => number(row.member_ids.length) },
            {
              key: 'x',
              head: t('common.actions'),
              end: true,
              cell: row => (
                <Button small onClick={() => setEdited(row)}>
                  {t('common.edit')}
                </Button>
              ),
            },
          ]}
        />
      </Card>
      {edited && <TeamForm team={edited === 'new' ? null : edited} onClose={() => setEdited(null)} />}
    </Page>
  );
}

function TeamForm({ team, onClose }: { team: Team | null; onClose: () => void }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [form, setForm] = useState({
    name: team?.name ?? '',
    assignment: team?.assignment ?? 'manual',
    capacity: team?.capacity === null || !team ? '' : String(team.capacity),
    member_ids: team?.member_ids ?? [],
    account_ids: team?.account_ids ?? [],
  });
  const users = useList<User>('/v1/users', { query: { limit: 200 } });
  const accounts = useList<Account>('/v1/accounts', { query: { limit: 200 } });
  const done = async () => {
    await client.invalidateQueries({ queryKey: ['/v1/teams'] });
    onClose();
  };
  const save = useMutation({
    mutationFn: () => {
      const body = { ...form, name: form.name.trim(), capacity: form.capacity ? Number(form.capacity) : null };
      return team ? call('PATCH', '/v1/teams/{id}', body, { path: { id: team.id } }) : call('POST', '/v1/teams', body);
    },
    onSuccess: done,
  });
  const remove = useMutation({
    mutationFn: () => api.delete('/v1/teams/{id}', { path: { id: team?.id ?? '' } }),
    onSuccess: done,
  });
  const toggle = (name: 'member_ids' | 'account_ids', id: string) =>
    setForm({
      ...form,
      [name]: form[name].includes(id) ? form[name].filter(one => one !== id) : [...form[name], id],
    });
  return (
    <Dialog
      title={team ? team.name : t('team.new_team')}
      onClose={onClose}
      actions={
        <>
          {team && (
            <Button busy={remove.isPending} onClick={() => remove.mutate()}>
              {t('common.delete')}
            </Button>
          )}
          <Button look="primary" busy={save.isPending} disabled={form.name.trim() === ''} onClick={() => save.mutate()}>
            {t('common.save')}
          </Button>
        </>
      }
    >
      <TextField
        label={t('common.name')}
        value={form.name}
        maxLength={100}
        onChange={event => setForm({ ...form, name: event.target.value })}
      />
      <div className="form-grid">
        <Select
          label={t('team.assignment')}
          value={form.assignment}
          onChange={event => setForm({ ...form, assignment: event.target.value })}
          choices={['manual', 'round_robin', 'least_busy'].map(value => ({ value, label: t(`team.${value}`) }))}
        />
        <TextField
          label={t('team.capacity')}
          type="number"
          min={1}
          value={form.capacity}
          onChange={event => setForm({ ...form, capacity: event.target.value })}
        />
      </div>
      <fieldset className="stack-small">
        <legend>{t('team.members')}</legend>
        {users.rows.map(user => (
          <Checkbox
            key={user.id}
            label={<bdi>{[user.first_name, user.last_name].filter(Boolean).join(' ') || user.email}</bdi>}
            checked={form.member_ids.includes(user.id)}
            onChange={() => toggle('member_ids', user.id)}
          />
        ))}
      </fieldset>
      <fieldset className="stack-small">
        <legend>{t('team.numbers')}</legend>
        {accounts.rows.map(account => (
          <Checkbox
            key={account.id}
            label={<bdi>{account.display_name}</bdi>}
            checked={form.account_ids.includes(account.id)}
            onChange={() => toggle('account_ids', account.id)}
          />
        ))}
      </fieldset>
      <Fault fault={save.error ?? remove.error} />
    </Dialog>
  );
}
