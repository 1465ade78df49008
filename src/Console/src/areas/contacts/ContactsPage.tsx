import { useEffect, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { useList } from '../../api/hooks';
import type { Contact } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Select, TextField } from '../../kit/Field';
import { Card, EmptyState, Page } from '../../kit/Page';
import { ListTable } from '../../kit/ListTable';
import { Own, Phone } from '../../kit/Phone';
import { useToasts } from '../../kit/Toast';
import { download } from '../../lib/download';
import { ContactForm } from './ContactForm';
import { ContactsNav } from './ContactsArea';

export const nameOf = (contact: Pick<Contact, 'first_name' | 'last_name'>): string =>
  [contact.first_name, contact.last_name].filter(Boolean).join(' ');

export function ContactsPage() {
  const { t, word, brief } = useI18n();
  const { can } = useSession();
  const { fail } = useToasts();
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const [q, setQ] = useState('');
  const [tag, setTag] = useState('');
  const [consent, setConsent] = useState('');
  const [adding, setAdding] = useState(false);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setQ(typed.trim()), 300);
    return () => clearTimeout(timer);
  }, [typed]);
  const list = useList<Contact>('/v1/contacts', { query: { q, tag: tag.trim(), consent, limit: 100 } });

  const exportAll = async () => {
    setBusy(true);
    try {
      await download('/v1/contacts/export', 'contacts.csv', 'text/csv');
    } catch (fault) {
      fail(fault);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Page
      title={t('nav.contacts')}
      actions={
        <>
          <Button busy={busy} onClick={() => void exportAll()}>
            {t('common.export_csv')}
          </Button>
          {can('manager') && (
            <>
              <Link className="button" to="/contacts/import">
                {t('imports.new')}
              </Link>
              <Button look="primary" onClick={() => setAdding(true)}>
                {t('contacts.new')}
              </Button>
            </>
          )}
        </>
      }
    >
      <ContactsNav />
      <div className="filters">
        <TextField label={t('contacts.search')} type="search" value={typed} onChange={event => setTyped(event.target.value)} />
        <TextField label={t('inbox.tag')} value={tag} onChange={event => setTag(event.target.value)} />
        <Select
          label={t('contacts.consent')}
          value={consent}
          onChange={event => setConsent(event.target.value)}
          choices={[
            { value: '', label: t('common.all') },
            ...['OPTED_IN', 'OPTED_OUT', 'PENDING'].map(value => ({ value, label: word('status', value) })),
          ]}
        />
      </div>
      <Card flush>
        <ListTable
          list={list}
          caption={t('nav.contacts')}
          keyOf={row => row.id}
          onRow={row => void navigate(`/contacts/${row.id}`)}
          empty={<EmptyState title={t('contacts.none')}>{t('contacts.none_text')}</EmptyState>}
          columns={[
            {
              key: 'name',
              head: t('common.name'),
              cell: row => (
                <Link to={`/contacts/${row.id}`} className="strong" onClick={e => e.stopPropagation()}>
                  {nameOf(row) ? <Own text={nameOf(row)} /> : <span className="muted">{t('inbox.unnamed')}</span>}
                </Link>
              ),
            },
            { key: 'phone', head: t('field.phone_number'), cell: row => <Phone number={row.phone_number ?? row.wa_user_id} /> },
            {
              key: 'consent',
              head: t('contacts.consent'),
              cell: row => <Badge tone={toneOf(row.consent_status)}>{word('status', row.consent_status)}</Badge>,
            },
            {
              key: 'tags',
              head: t('inbox.tags'),
              wide: true,
              cell: row => (
                <span className="chips">
                  {row.tags.slice(0, 5).map(one => (
                    <span key={one} className="chip">
                      <bdi>{one}</bdi>
                    </span>
                  ))}
                </span>
              ),
            },
            {
              key: 'last',
              head: t('field.last_interaction'),
              end: true,
              wide: true,
              cell: row => brief(row.last_interaction) || '–',
            },
          ]}
        />
      </Card>
      {adding && <ContactForm onClose={() => setAdding(false)} onSaved={id => void navigate(`/contacts/${id}`)} />}
    </Page>
  );
}
