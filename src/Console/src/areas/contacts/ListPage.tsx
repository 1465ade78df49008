import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { api, call } from '../../api/client';
import { useGet, useList } from '../../api/hooks';
import type { Contact, ContactList } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Confirm } from '../../kit/Dialog';
import { TextField } from '../../kit/Field';
import { Await, Card, EmptyState, Fault, Loading, Page } from '../../kit/Page';
import { Own, Phone } from '../../kit/Phone';
import { moreOf, Table } from '../../kit/Table';
import { useToasts } from '../../kit/Toast';
import { download } from '../../lib/download';
import { FilterText } from '../campaigns/AudienceText';
import { useContactSearch } from './ContactPage';
import { nameOf } from './ContactsPage';

export function ListPage() {
  const { id = '' } = useParams();
  const read = useGet('/v1/lists/{id}', { path: { id } });
  return <Await read={read}>{list => <Shown list={list as ContactList} />}</Await>;
}

function Shown({ list }: { list: ContactList }) {
  const { t, number, word } = useI18n();
  const { can } = useSession();
  const { fail } = useToasts();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const members = useList<Contact>('/v1/lists/{id}/contacts', { path: { id: list.id }, query: { limit: 100 } });
  const may = can('manager');
  const change = useMutation({
    mutationFn: (body: { add: string[] | null; remove: string[] | null }) =>
      call('POST', '/v1/lists/{id}/contacts', body, { path: { id: list.id } }),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: ['/v1/lists/{id}'] });
      await client.invalidateQueries({ queryKey: ['/v1/lists/{id}/contacts'] });
    },
    onError: fail,
  });
  const remove = useMutation({
    mutationFn: () => api.delete('/v1/lists/{id}', { path: { id: list.id } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['/v1/lists'] });
      await navigate('/contacts/lists');
    },
  });
  return (
    <Page
      title={<Own text={list.name} />}
      name={list.name}
      lead={<Own text={list.description} />}
      back={<Link to="/contacts/lists">{t('lists.title')}</Link>}
      actions={
        <>
          <Button
            onClick={() =>
              download('/v1/contacts/export', `${list.name}.csv`, 'text/csv', { query: { list_id: list.id } }).catch(fail)
            }
          >
            {t('common.export_csv')}
          </Button>
          {may && <Button onClick={() => setDeleting(true)}>{t('common.delete')}</Button>}
        </>
      }
    >
      {list.filters !== null && list.filters !== undefined && (
        <Card title={t('audience.filter')}>
          <FilterText filter={list.filters} />
        </Card>
      )}
      {may && !list.filters && <AddMember onAdd={id => change.mutate({ add: [id], remove: null })} />}
      <Card flush title={`${t('nav.contacts')} · ${number(list.contact_count)}`}>
        {members.isPending ? (
          <Loading />
        ) : members.error ? (
          <Fault fault={members.error} />
        ) : (
          <Table
            caption={list.name}
            rows={members.rows}
            keyOf={row => row.id}
            more={moreOf(members)}
            empty={<EmptyState title={t('contacts.none')} />}
            columns={[
              {
                key: 'name',
                head: t('common.name'),
                cell: row => (
                  <Link to={`/contacts/${row.id}`}>
                    <Own text={nameOf(row) || row.phone_number} />
                  </Link>
                ),
              },
              { key: 'phone', head: t('field.phone_number'), cell: row => <Phone number={row.phone_number} /> },
              {
                key: 'consent',
                head: t('contacts.consent'),
                cell: row => <Badge tone={toneOf(row.consent_status)}>{word('status', row.consent_status)}</Badge>,
              },
              ...(may && !list.filters
                ? [
                    {
                      key: 'x',
                      head: t('common.actions'),
                      end: true,
                      cell: (row: Contact) => (
                        <Button small onClick={() => change.mutate({ add: null, remove: [row.id] })}>
                          {t('common.remove')}
                        </Button>
                      ),
                    },
                  ]
                : []),
            ]}
          />
        )}
      </Card>
      {deleting && (
        <Confirm
          title={t('lists.delete')}
          text={t('lists.delete_text')}
          action={t('common.delete')}
          danger
          busy={remove.isPending}
          error={<Fault fault={remove.error} />}
          onConfirm={() => remove.mutate()}
          onClose={() => setDeleting(false)}
        />
      )}
    </Page>
  );
}

function AddMember({ onAdd }: { onAdd: (id: string) => void }) {
  const { t } = useI18n();
  const [q, setQ] = useState('');
  const found = useContactSearch(q);
  return (
    <Card title={t('lists.add')}>
      <TextField
        label={t('contacts.search')}
        hideLabel
        placeholder={t('contacts.search')}
        type="search"
        value={q}
        onChange={event => setQ(event.target.value)}
      />
      {q.trim().length > 1 && (
        <ul className="plain stack-small">
          {found.rows.slice(0, 8).map(row => (
            <li key={row.id} className="row-between">
              <span>
                <Own text={nameOf(row)} /> <Phone number={row.phone_number} />
              </span>
              <Button small onClick={() => onAdd(row.id)}>
                {t('lists.add')}
              </Button>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
