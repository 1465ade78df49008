import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { api } from '../../api/client';
import { useGet, useList } from '../../api/hooks';
import type { Conversation, Fact, Schema } from '../../api/types';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Badge, toneOf } from '../../kit/Badge';
import { Button, IconButton } from '../../kit/Button';
import { Select, TextField } from '../../kit/Field';
import { Icon } from '../../kit/Icon';
import { Facts } from '../../kit/Page';
import { Own, Phone } from '../../kit/Phone';
import { useToasts } from '../../kit/Toast';
import type { People } from './people';

interface Props {
  conversation: Conversation;
  people: People;
  onChanged: (row: Conversation) => void;
}

const DAY = 86_400_000;

export function SidePanel({ conversation: c, people, onChanged }: Props) {
  const { t, word, time, duration } = useI18n();
  const { can, body } = useSession();
  const { fail } = useToasts();
  const may = can('agent');
  const act = useMutation({
    mutationFn: (work: () => Promise<unknown>) => work(),
    onSuccess: row => onChanged(row as Conversation),
    onError: fail,
  });
  const path = { id: c.id };
  const patch = (change: object) =>
    act.mutate(() => api.patch('/v1/conversations/{id}', change as Schema<'ConversationPatch'>, { path }));
  const assign = (change: object) =>
    act.mutate(() => api.post('/v1/conversations/{id}/assign', change as Schema<'AssignRequest'>, { path }));
  const snooze = (until: Date | null) =>
    act.mutate(() =>
      api.post('/v1/conversations/{id}/snooze', { until: until?.toISOString() ?? null } as Schema<'SnoozeRequest'>, { path }),
    );
  const known = people.colleagues.some(p => p.id === c.assigned_to);
  return (
    <aside className="inbox-side" aria-label={t('inbox.details')}>
      <div className="stack">
        <div>
          <h2>
            <Own text={c.contact.name ?? t('inbox.unnamed')} />
          </h2>
          <Phone number={c.contact.phone_number} />
          {!/^0{8}-/.test(c.contact_id) && (
            <div>
              <Link to={`/contacts/${c.contact_id}`}>{t('inbox.open_contact')}</Link>
            </div>
          )}
        </div>
        <Select
          label={t('inbox.assigned_to')}
          disabled={!may}
          value={c.assigned_to ?? ''}
          onChange={event => assign({ user_id: event.target.value || null })}
          choices={[
            { value: '', label: t('inbox.nobody') },
            ...(c.assigned_to && !known ? [{ value: c.assigned_to, label: people.name(c.assigned_to) }] : []),
            ...people.colleagues.map(p => ({
              value: p.id,
              label: `${people.name(p.id)} · ${word('status', people.status(p.id))}`,
            })),
          ]}
        />
        {may && c.assigned_to !== body.user.id && (
          <Button small onClick={() => assign({ user_id: body.user.id })}>
            {t('inbox.take')}
          </Button>
        )}
        {people.teams.length > 0 && (
          <Select
            label={t('inbox.team')}
            disabled={!may}
            value={c.team_id ?? ''}
            onChange={event => assign({ team_id: event.target.value || null })}
            choices={[
              { value: '', label: t('common.none') },
              ...people.teams.map(team => ({ value: team.id, label: team.name })),
            ]}
          />
        )}
        <Select
          label={t('common.status')}
          disabled={!may}
          value={c.status}
          onChange={event => patch({ status: event.target.value })}
          choices={['active', 'archived', 'spam'].map(value => ({ value, label: word('status', value) }))}
        />
        <Select
          label={t('inbox.priority')}
          disabled={!may}
          value={c.priority}
          onChange={event => patch({ priority: event.target.value })}
          choices={['urgent', 'high', 'medium', 'low'].map(value => ({ value, label: word('priority', value) }))}
        />
        <Tags tags={c.tags} may={may} onChange={tags => patch({ tags })} />
        {may && (
          <div className="stack-small">
            <h3>{t('inbox.snooze')}</h3>
            {c.snoozed_until && Date.parse(c.snoozed_until) > Date.now() ? (
              <div className="row">
                <span>{t('inbox.snoozed_until', { time: time(c.snoozed_until) })}</span>
                <Button small onClick={() => snooze(null)}>
                  {t('inbox.wake')}
                </Button>
              </div>
            ) : (
              <div className="row">
                <Button small onClick={() => snooze(new Date(Date.now() + 3_600_000))}>
                  {t('inbox.snooze_hour')}
                </Button>
                <Button small onClick={() => snooze(new Date(Date.now() + DAY))}>
                  {t('inbox.snooze_day')}
                </Button>
                <Button small onClick={() => snooze(new Date(Date.now() + 7 * DAY))}>
                  {t('inbox.snooze_week')}
                </Button>
              </div>
            )}
          </div>
        )}
        <Facts
          facts={[
            c.ai_analysis?.intent ? [t('inbox.intent'), c.ai_analysis.intent] : null,
            c.ai_analysis?.language ? [t('inbox.language'), c.ai_analysis.language] : null,
            c.ai_analysis?.sentiment
              ? [
                  t('inbox.sentiment'),
                  <Badge key="s" tone={c.ai_analysis.sentiment === 'negative' ? 'bad' : 'neutral'}>
                    {word('sentiment', c.ai_analysis.sentiment)}
                  </Badge>,
                ]
              : null,
            c.ai_analysis?.summary ? [t('inbox.summary'), <Own key="x" text={c.ai_analysis.summary} />] : null,
            c.ai_handover ? [t('inbox.handover'), c.ai_handover.reason] : null,
            c.waiting_since ? [t('inbox.waiting_since'), time(c.waiting_since)] : null,
            c.episode?.first_response_seconds ? [t('inbox.first_response'), duration(c.episode.first_response_seconds)] : null,
            [t('common.created'), time(c.created_at)],
          ]}
        />
        <ContactFacts id={c.contact_id} />
        <History id={c.id} />
      </div>
    </aside>
  );
}

function Tags({ tags, may, onChange }: { tags: readonly string[]; may: boolean; onChange: (tags: string[]) => void }) {
  const { t } = useI18n();
  const [text, setText] = useState('');
  return (
    <div className="stack-small">
      <h3>{t('inbox.tags')}</h3>
      <div className="chips">
        {tags.map(tag => (
          <span key={tag} className="chip">
            <bdi>{tag}</bdi>
            {may && (
              <IconButton small label={t('inbox.remove_tag', { tag })} onClick={() => onChange(tags.filter(one => one !== tag))}>
                <Icon name="close" />
              </IconButton>
            )}
          </span>
        ))}
        {tags.length === 0 && <span className="muted small">{t('common.none')}</span>}
      </div>
      {may && (
        <form
          onSubmit={event => {
            event.preventDefault();
            const tag = text.trim();
            if (tag && !tags.includes(tag)) {
              onChange([...tags, tag]);
            }
            setText('');
          }}
        >
          <TextField
            label={t('inbox.add_tag')}
            hideLabel
            placeholder={t('inbox.add_tag')}
            value={text}
            maxLength={50}
            onChange={event => setText(event.target.value)}
          />
        </form>
      )}
    </div>
  );
}

function ContactFacts({ id }: { id: string }) {
  const { t, word } = useI18n();
  const read = useGet('/v1/contacts/{id}', { path: { id } }, { enabled: !/^0{8}-/.test(id) });
  const contact = read.data;
  if (!contact) {
    return null;
  }
  const custom = Object.entries((contact.custom_fields ?? {}) as Record<string, unknown>).slice(0, 12);
  return (
    <Facts
      facts={[
        [
          t('contacts.consent'),
          <Badge key="c" tone={toneOf(contact.consent_status)}>
            {word('status', contact.consent_status)}
          </Badge>,
        ],
        contact.email
          ? [
              t('contacts.email'),
              <bdi key="e" dir="ltr">
                {contact.email}
              </bdi>,
            ]
          : null,
        ...custom.map(([name, value]) => [name, <Own key={name} text={String(value)} />] as const),
      ]}
    />
  );
}

function History({ id }: { id: string }) {
  const { t, word, brief } = useI18n();
  const [open, setOpen] = useState(false);
  const list = useList<Fact>('/v1/conversations/{id}/history', { path: { id }, query: { limit: 50 } }, { enabled: open });
  return (
    <details onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{t('inbox.history')}</summary>
      <ul className="plain stack-small">
        {list.rows.map(fact => (
          <li key={fact.sequence} className="small">
            <span>{word('fact', fact.type)}</span>{' '}
            <span className="muted">
              {brief(fact.timestamp)}
              {fact.user_name && (
                <>
                  {' '}
                  · <bdi>{fact.user_name}</bdi>
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}
