import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { call } from '../../api/client';
import { useList } from '../../api/hooks';
import type { ContactList } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Dialog } from '../../kit/Dialog';
import { Checkbox, TextField } from '../../kit/Field';
import { Card, EmptyState, Fault, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Own } from '../../kit/Phone';
import type { FilterForm } from '../../lib/filter';
import { filterOf } from '../../lib/filter';
import { ContactsNav } from './ContactsArea';
import { FilterBuilder } from './FilterBuilder';

export function ListsPage() {
  const { t, number, brief } = useI18n();
  const { can } = useSession();
  const navigate = useNavigate();
  const [adding, setAdding] = useState(false);
  const list = useList<ContactList>('/v1/lists', { query: { limit: 200 } });
  return (
    <Page
      title={t('lists.title')}
      actions={
        can('manager') && (
          <Button look="primary" onClick={() => setAdding(true)}>
            {t('lists.new')}
          </Button>
        )
      }
    >
      <ContactsNav />
      <Card flush>
        <ListTable
          list={list}
          caption={t('lists.title')}
          keyOf={row => row.id}
          onRow={row => void navigate(`/contacts/lists/${row.id}`)}
          empty={<EmptyState title={t('lists.none')}>{t('lists.none_text')}</EmptyState>}
          columns={[
            {
              key: 'name',
              head: t('common.name'),
              cell: row => (
                <>
                  <span className="strong">
                    <Own text={row.name} />
                  </span>
                  <div className="muted small">
                    <Own text={row.description} />
                  </div>
                </>
              ),
            },
            {
              key: 'kind',
              head: t('common.type'),
              cell: row => (
                <Badge tone={row.filters ? 'info' : 'neutral'}>{t(row.filters ? 'lists.dynamic' : 'lists.manual')}</Badge>
              ),
            },
            { key: 'count', head: t('nav.contacts'), end: true, cell: row => number(row.contact_count) },
            { key: 'at', head: t('common.updated'), end: true, wide: true, cell: row => brief(row.updated_at) },
          ]}
        />
      </Card>
      {adding && <NewList onClose={() => setAdding(false)} />}
    </Page>
  );
}

function NewList({ onClose }: { onClose: () => void }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [dynamic, setDynamic] = useState(false);
  const [form, setForm] = useState<FilterForm>({ match: 'all', conditions: [{ field: 'tags', op: 'has', value: '' }] });
  const filters = dynamic ? filterOf(form) : null;
  const save = useMutation({
    mutationFn: () =>
      call<ContactList>('POST', '/v1/lists', { name: name.trim(), description: description.trim() || null, filters }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['/v1/lists'] });
      onClose();
    },
  });
  return (
    <Dialog
      title={t('lists.new')}
      wide
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button
            look="primary"
            busy={save.isPending}
            disabled={name.trim() === '' || (dynamic && !filters)}
            onClick={() => save.mutate()}
          >
            {t('common.create')}
          </Button>
        </>
      }
    >
      <TextField label={t('common.name')} value={name} maxLength={255} onChange={event => setName(event.target.value)} />
      <TextField
        label={t('common.description')}
        value={description}
        maxLength={1000}
        onChange={event => setDescription(event.target.value)}
      />
      <Checkbox
        label={t('lists.make_dynamic')}
        hint={t('lists.dynamic_hint')}
        checked={dynamic}
        onChange={event => setDynamic(event.target.checked)}
      />
      {dynamic && <FilterBuilder form={form} onChange={setForm} />}
      <Fault fault={save.error} />
    </Dialog>
  );
}
