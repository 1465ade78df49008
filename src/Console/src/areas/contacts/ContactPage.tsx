import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'react-router';
import { api, call } from '../../api/client';
import { useGet, useList } from '../../api/hooks';
import type { Contact, Conversation, Schema } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button } from '../../kit/Button';
import { Select, TextField } from '../../kit/Field';
import { Await, Card, EmptyState, Facts, Fault, Loading, Page } from '../../kit/Page';
import { Own, Phone } from '../../kit/Phone';
import { useToasts } from '../../kit/Toast';
import { save as saveFile } from '../../lib/download';
import { ContactForm } from './ContactForm';
import { nameOf } from './ContactsPage';
import { EraseContact, MergeContact } from './ContactDialogs';

export function ContactPage() {
  const { id = '' } = useParams();
  const read = useGet('/v1/contacts/{id}', { path: { id } });
  return (
    <div className="page-outer">
      <Await read={read}>{contact => <Shown contact={contact as Contact} />}</Await>
    </div>
  );
}

function Shown({ contact }: { contact: Contact }) {
  const { t, time, number } = useI18n();
  const { can } = useSession();
  const { fail } = useToasts();
  const [dialog, setDialog] = useState<'edit' | 'merge' | 'erase' | null>(null);
  const name = nameOf(contact) || contact.phone_number || contact.id;
  const exportOne = async () => {
    try {
      const data = await api.get('/v1/contacts/{id}/export', { path: { id: contact.id } });
      saveFile(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }), `contact-${contact.id}.json`);
    } catch (fault) {
      fail(fault);
    }
  };
  return (
    <Page
      title={<Own text={name} />}
      name={name}
      back={<Link to="/contacts">{t('nav.contacts')}</Link>}
      lead={<Phone number={contact.phone_number ?? contact.wa_user_id} />}
      actions={
        <>
          <Button onClick={() => void exportOne()}>{t('contacts.export')}</Button>
          {can('manager') && (
            <>
              <Button onClick={() => setDialog('merge')}>{t('contacts.merge')}</Button>
              <Button onClick={() => setDialog('erase')}>{t('contacts.erase')}</Button>
              <Button look="primary" onClick={() => setDialog('edit')}>
                {t('common.edit')}
              </Button>
            </>
          )}
        </>
      }
    >
      <div className="columns-2">
        <Card title={t('common.details')}>
          <Facts
            facts={[
              [
                t('contacts.email'),
                <bdi key="e" dir="ltr">
                  {contact.email ?? '–'}
                </bdi>,
              ],
              [
                t('inbox.tags'),
                contact.tags.length > 0 ? (
                  <span key="t" className="chips">
                    {contact.tags.map(tag => (
                      <span key={tag} className="chip">
                        <bdi>{tag}</bdi>
                      </span>
                    ))}
                  </span>
                ) : (
                  '–'
                ),
              ],
              ...Object.entries((contact.custom_fields ?? {}) as Record<string, unknown>).map(
                ([field, value]) => [field, <Own key={field} text={String(value)} />] as const,
              ),
              [t('field.total_messages_sent'), number(contact.total_messages_sent)],
              [t('field.total_messages_received'), number(contact.total_messages_received)],
              [t('field.last_interaction'), time(contact.last_interaction)],
              [t('field.created_at'), time(contact.created_at)],
            ]}
          />
        </Card>
        <Consent contact={contact} />
      </div>
      <Conversations id={contact.id} />
      <Timeline id={contact.id} />
      {dialog === 'edit' && <ContactForm contact={contact} onClose={() => setDialog(null)} onSaved={() => undefined} />}
      {dialog === 'merge' && <MergeContact contact={contact} onClose={() => setDialog(null)} />}
      {dialog === 'erase' && <EraseContact contact={contact} onClose={() => setDialog(null)} />}
    </Page>
  );
}

/** Consent now; each change needs a source, and the timeline keeps all of them. */
function Consent({ contact }: { contact: Contact }) {
  const { t, word, time } = useI18n();
  const { can } = useSession();
  const { say } = useToasts();
  const client = useQueryClient();
  const [form, setForm] = useState({
    status: contact.consent_status === 'OPTED_IN' ? 'OPTED_OUT' : 'OPTED_IN',
    source: '',
    proof: '',
  });
  const save = useMutation({
    mutationFn: () =>
      api.post(
        '/v1/contacts/{id}/consent',
        { status: form.status, source: form.source.trim() || null, proof: form.proof.trim() || null } as Schema<'NewConsent'>,
        { path: { id: contact.id } },
      ),
    onSuccess: async () => {
      say(t('common.saved'));
      setForm({ ...form, source: '', proof: '' });
      await client.invalidateQueries({ queryKey: ['/v1/contacts/{id}'] });
      await client.invalidateQueries({ queryKey: ['/v1/contacts/{id}/timeline'] });
    },
  });
  return (
    <Card title={t('contacts.consent')}>
      <div className="row">
        <Badge tone={toneOf(contact.consent_status)}>{word('status', contact.consent_status)}</Badge>
        <span className="muted">{time(contact.consent_updated_at)}</span>
      </div>
      {can('manager') && (
        <form
          className="stack-small"
          onSubmit={event => {
            event.preventDefault();
            save.mutate();
          }}
        >
          <Select
            label={t('contacts.change_consent')}
            value={form.status}
            onChange={event => setForm({ ...form, status: event.target.value })}
            choices={['OPTED_IN', 'OPTED_OUT', 'PENDING'].map(value => ({ value, label: word('status', value) }))}
          />
          <TextField
            label={t('contacts.source')}
            value={form.source}
            hint={t('contacts.source_hint')}
            onChange={event => setForm({ ...form, source: event.target.value })}
          />
          <TextField
            label={t('contacts.proof')}
            value={form.proof}
            onChange={event => setForm({ ...form, proof: event.target.value })}
          />
          <Fault fault={save.error} />
          <div>
            <Button type="submit" busy={save.isPending}>
              {t('contacts.record')}
            </Button>
          </div>
        </form>
      )}
    </Card>
  );
}

function Conversations({ id }: { id: string }) {
  const { t, brief, word } = useI18n();
  const list = useList<Conversation>('/v1/conversations', { query: { contact_id: id, limit: 10 } });
  if (list.rows.length === 0) {
    return null;
  }
  return (
    <Card title={t('inbox.conversations')}>
      <ul className="plain stack-small">
        {list.rows.map(row => (
          <li key={row.id} className="row-between">
            <Link to={`/inbox/${row.id}`}>
              <Own text={row.last_message_preview || row.id} />
            </Link>
            <span className="muted">
              {word('status', row.status)} · {brief(row.last_message_at)}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

interface Entry {
  type: string;
  at: string;
  data: unknown;
}

function Timeline({ id }: { id: string }) {
  const { t, time, word } = useI18n();
  const list = useList<Entry>('/v1/contacts/{id}/timeline', { path: { id }, query: { limit: 100 } });
  return (
    <Card title={t('contacts.timeline')}>
      {list.isPending ? (
        <Loading />
      ) : list.error ? (
        <Fault fault={list.error} />
      ) : list.rows.length === 0 ? (
        <EmptyState title={t('common.none')} />
      ) : (
        <ol className="plain fact-list">
          {list.rows.map((entry, i) => (
            <li key={`${entry.at}-${i}`}>
              <details>
                <summary>
                  <span className="strong">{word('fact', entry.type)}</span>
                  <span className="muted small">{time(entry.at)}</span>
                </summary>
                <pre dir="ltr">{JSON.stringify(entry.data, null, 2)}</pre>
              </details>
            </li>
          ))}
        </ol>
      )}
      {list.hasNextPage && (
        <Button small busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {t('common.more')}
        </Button>
      )}
    </Card>
  );
}

/** Finds contacts by what is typed; for choosing another one. */
export function useContactSearch(q: string) {
  return useList<Contact>('/v1/contacts', { query: { q, limit: 20 } }, { enabled: q.trim().length > 1 });
}

export const merge = (id: string, other: string) =>
  call<Contact>('POST', '/v1/contacts/{id}/merge', { with: other }, { path: { id } });
