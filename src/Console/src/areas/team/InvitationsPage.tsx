import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { useMaybe } from '../../api/hooks';
import { Problem } from '../../api/problem';
import type { Page as Paged } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Badge } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { Select, TextField } from '../../kit/Field';
import { Await, Card, EmptyState, Fault, Page } from '../../kit/Page';
import { Secret } from '../../kit/Reveal';
import { Table } from '../../kit/Table';
import { useToasts } from '../../kit/Toast';
import { ROLES } from '../../lib/roles';
import { TeamNav } from './TeamArea';

interface Invitation {
  id: string;
  email: string;
  role: string;
  created_at: string;
  expires_at: string;
}

export function InvitationsPage() {
  const { t, word, time } = useI18n();
  const { say, fail } = useToasts();
  const client = useQueryClient();
  const [inviting, setInviting] = useState(false);
  const list = useMaybe<Paged<Invitation>>('/v1/auth/invitations', { query: { limit: 200 } });
  const withdraw = useMutation({
    mutationFn: (id: string) => call('DELETE', '/v1/auth/invitations/{id}', null, { path: { id } }),
    onSuccess: () => say(t('team.withdrawn')),
    onError: fail,
    onSettled: () => client.invalidateQueries({ queryKey: ['/v1/auth/invitations'] }),
  });
  return (
    <Page
      title={t('team.invitations')}
      actions={
        <Button look="primary" onClick={() => setInviting(true)}>
          {t('team.invite')}
        </Button>
      }
    >
      <TeamNav />
      <Card flush>
        <Await read={list}>
          {page => (
            <Table
              caption={t('team.invitations')}
              rows={page.data}
              keyOf={row => row.id}
              empty={<EmptyState title={t('team.no_invitations')} />}
              columns={[
                { key: 'email', head: t('auth.email'), cell: row => <bdi dir="ltr">{row.email}</bdi> },
                { key: 'role', head: t('team.role'), cell: row => <Badge>{word('role', row.role)}</Badge> },
                { key: 'at', head: t('common.created'), wide: true, cell: row => time(row.created_at) },
                { key: 'until', head: t('keys.expires'), cell: row => time(row.expires_at) },
                {
                  key: 'x',
                  head: t('common.actions'),
                  end: true,
                  cell: row => (
                    <Button small onClick={() => withdraw.mutate(row.id)}>
                      {t('team.withdraw')}
                    </Button>
                  ),
                },
              ]}
            />
          )}
        </Await>
      </Card>
      {inviting && <InviteDialog onClose={() => setInviting(false)} />}
    </Page>
  );
}

interface Invited {
  token?: string | null;
  expires_at: string;
}

/** By mail where the installation can send any; else the link is shown once to be handed over. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const { t, word } = useI18n();
  const client = useQueryClient();
  const [form, setForm] = useState({ email: '', role: 'agent', first_name: '', last_name: '' });
  const [link, setLink] = useState<string | null>(null);
  const [sent, setSent] = useState(false);
  const invite = useMutation({
    mutationFn: async () => {
      const body = {
        email: form.email.trim(),
        role: form.role,
        first_name: form.first_name.trim() || null,
        last_name: form.last_name.trim() || null,
      };
      try {
        return await call<Invited>('POST', '/v1/auth/invitations', { ...body, mail: true });
      } catch (fault) {
        const problem = fault as Problem;
        if (problem.code === 'request.unknown_field' || problem.code === 'mail.not_configured') {
          return call<Invited>('POST', '/v1/auth/invitations', body);
        }
        throw fault;
      }
    },
    onSuccess: async made => {
      await client.invalidateQueries({ queryKey: ['/v1/auth/invitations'] });
      await client.invalidateQueries({ queryKey: ['/v1/users'] });
      setSent(!made.token);
      setLink(
        made.token ? `${location.origin}${import.meta.env.BASE_URL}invitation#token=${encodeURIComponent(made.token)}` : null,
      );
    },
  });
  const set = (name: keyof typeof form) => (event: { target: { value: string } }) =>
    setForm({ ...form, [name]: event.target.value });
  const errors = invite.error instanceof Problem ? invite.error.errors : {};
  if (link || sent) {
    return (
      <Dialog
        title={t('team.invite')}
        onClose={onClose}
        actions={
          <Button look="primary" onClick={onClose}>
            {t('common.done')}
          </Button>
        }
      >
        <div className="notice notice-good" role="status">
          {t(sent ? 'team.invited_mail' : 'team.invited_link')}
        </div>
        {link && <Secret value={link} label={t('team.link')} />}
      </Dialog>
    );
  }
  return (
    <Dialog
      title={t('team.invite')}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button look="primary" busy={invite.isPending} disabled={form.email.trim() === ''} onClick={() => invite.mutate()}>
            {t('team.invite')}
          </Button>
        </>
      }
    >
      <TextField label={t('auth.email')} type="email" dir="ltr" value={form.email} error={errors.email} onChange={set('email')} />
      <Select
        label={t('team.role')}
        value={form.role}
        hint={t(`team.role_${form.role}`)}
        onChange={set('role')}
        choices={ROLES.map(value => ({ value, label: word('role', value) }))}
      />
      <div className="form-grid">
        <TextField label={t('contacts.first_name')} value={form.first_name} onChange={set('first_name')} />
        <TextField label={t('contacts.last_name')} value={form.last_name} onChange={set('last_name')} />
      </div>
      <Fault fault={invite.error} />
    </Dialog>
  );
}
