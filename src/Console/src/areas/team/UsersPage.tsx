import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, call } from '../../api/client';
import { useList } from '../../api/hooks';
import type { User } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Confirm, Dialog } from '../../kit/Dialog';
import { Select } from '../../kit/Field';
import { Card, Fault, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { useToasts } from '../../kit/Toast';
import { ROLES } from '../../lib/roles';
import { InviteDialog } from './InvitationsPage';
import { TeamNav } from './TeamArea';

export function UsersPage() {
  const { t, word, ago } = useI18n();
  const { body } = useSession();
  const [inviting, setInviting] = useState(false);
  const [edited, setEdited] = useState<User | null>(null);
  const list = useList<User>('/v1/users', { query: { limit: 100 } });
  return (
    <Page
      title={t('nav.team')}
      actions={
        <Button look="primary" onClick={() => setInviting(true)}>
          {t('team.invite')}
        </Button>
      }
    >
      <TeamNav />
      <Card flush>
        <ListTable
          list={list}
          caption={t('team.users')}
          keyOf={row => row.id}
          columns={[
            {
              key: 'name',
              head: t('common.name'),
              cell: row => (
                <>
                  <bdi className="strong">{[row.first_name, row.last_name].filter(Boolean).join(' ') || row.email}</bdi>
                  <div className="muted small" dir="ltr">
                    {row.email}
                  </div>
                </>
              ),
            },
            { key: 'role', head: t('team.role'), cell: row => <Badge>{word('role', row.role)}</Badge> },
            {
              key: 'status',
              head: t('common.status'),
              cell: row => <Badge tone={toneOf(row.status)}>{word('status', row.status)}</Badge>,
            },
            { key: 'last', head: t('team.last_login'), end: true, wide: true, cell: row => ago(row.last_login) },
            {
              key: 'x',
              head: t('common.actions'),
              end: true,
              cell: row =>
                row.id !== body.user.id && (
                  <Button small onClick={() => setEdited(row)}>
                    {t('common.edit')}
                  </Button>
                ),
            },
          ]}
        />
      </Card>
      {inviting && <InviteDialog onClose={() => setInviting(false)} />}
      {edited && <EditUser user={edited} onClose={() => setEdited(null)} />}
    </Page>
  );
}

function EditUser({ user, onClose }: { user: User; onClose: () => void }) {
  const { t, word } = useI18n();
  const { say } = useToasts();
  const client = useQueryClient();
  const [role, setRole] = useState(user.role);
  const [status, setStatus] = useState(user.status);
  const [deleting, setDeleting] = useState(false);
  const done = async () => {
    await client.invalidateQueries({ queryKey: ['/v1/users'] });
    say(t('common.saved'));
    onClose();
  };
  const save = useMutation({
    mutationFn: () => call('PATCH', '/v1/users/{id}', { role, status }, { path: { id: user.id } }),
    onSuccess: done,
  });
  const remove = useMutation({ mutationFn: () => api.delete('/v1/users/{id}', { path: { id: user.id } }), onSuccess: done });
  const reset = useMutation({
    mutationFn: () => call('DELETE', '/v1/users/{id}/second-factor', null, { path: { id: user.id } }),
    onSuccess: done,
  });
  if (deleting) {
    return (
      <Confirm
        title={t('team.delete')}
        text={t('team.delete_text', { name: user.email })}
        danger
        action={t('common.delete')}
        busy={remove.isPending}
        error={<Fault fault={remove.error} />}
        onConfirm={() => remove.mutate()}
        onClose={() => setDeleting(false)}
      />
    );
  }
  return (
    <Dialog
      title={user.email}
      onClose={onClose}
      actions={
        <>
          <Button onClick={() => setDeleting(true)}>{t('common.delete')}</Button>
          <Button busy={reset.isPending} onClick={() => reset.mutate()}>
            {t('team.reset_factor')}
          </Button>
          <Button look="primary" busy={save.isPending} onClick={() => save.mutate()}>
            {t('common.save')}
          </Button>
        </>
      }
    >
      <Select
        label={t('team.role')}
        value={role}
        onChange={event => setRole(event.target.value)}
        hint={t(`team.role_${role}`)}
        choices={[...new Set([...ROLES, user.role])].map(value => ({ value, label: word('role', value) }))}
      />
      <Select
        label={t('common.status')}
        value={status}
        onChange={event => setStatus(event.target.value)}
        choices={[...new Set(['active', 'inactive', user.status])].map(value => ({ value, label: word('status', value) }))}
      />
      <Fault fault={save.error ?? reset.error} />
    </Dialog>
  );
}
