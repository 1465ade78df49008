import type { RefObject } from 'react';
import { useEffect, useState } from 'react';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Button, IconButton } from '../../kit/Button';
import { Checkbox, Select, TextField } from '../../kit/Field';
import { Icon } from '../../kit/Icon';
import type { People } from './people';
import type { InboxFilter } from './rows';

const PAUSE_MS = 300;

interface Props {
  filter: InboxFilter;
  onChange: (filter: InboxFilter) => void;
  people: People;
  search: RefObject<HTMLInputElement | null>;
  onHelp: () => void;
}

export function InboxFilters({ filter, onChange, people, search, onHelp }: Props) {
  const { t, word } = useI18n();
  const { body } = useSession();
  const [more, setMore] = useState(false);
  const [q, setQ] = useState(filter.q ?? '');
  useEffect(() => {
    const timer = setTimeout(() => {
      if ((filter.q ?? '') !== q.trim()) {
        onChange({ ...filter, q: q.trim() || undefined });
      }
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [q, filter, onChange]);

  const set = (part: Partial<InboxFilter>) => onChange({ ...filter, ...part });
  const whose = filter.unassigned ? 'none' : filter.assigned_to === body.user.id ? 'me' : (filter.assigned_to ?? '');
  return (
    <div className="inbox-filters">
      <div className="row inbox-search">
        <input
          ref={search}
          className="input grow"
          type="search"
          value={q}
          placeholder={t('inbox.search')}
          aria-label={t('inbox.search')}
          onChange={event => setQ(event.target.value)}
        />
        <IconButton label={t('inbox.keys')} onClick={onHelp}>
          ?
        </IconButton>
      </div>
      <div className="row">
        <Select
          label={t('inbox.whose')}
          hideLabel
          value={whose}
          className="grow"
          onChange={event => {
            const value = event.target.value;
            set({
              unassigned: value === 'none' ? true : undefined,
              assigned_to: value === 'me' ? body.user.id : value === 'none' || value === '' ? undefined : value,
            });
          }}
          choices={[
            { value: '', label: t('inbox.everybody') },
            { value: 'me', label: t('inbox.mine') },
            { value: 'none', label: t('inbox.nobody') },
            ...people.colleagues.filter(c => c.id !== body.user.id).map(c => ({ value: c.id, label: people.name(c.id) })),
          ]}
        />
        <Button small aria-expanded={more} onClick={() => setMore(!more)}>
          <Icon name="search" />
          {t('inbox.filters')}
        </Button>
      </div>
      {more && (
        <div className="stack-small">
          <div className="form-grid">
            <Select
              label={t('common.status')}
              value={filter.snoozed ? 'snoozed' : (filter.status ?? '')}
              onChange={event =>
                set(
                  event.target.value === 'snoozed'
                    ? { status: undefined, snoozed: true }
                    : { status: event.target.value || undefined, snoozed: event.target.value === 'active' ? false : undefined },
                )
              }
              choices={[
                { value: '', label: t('common.all') },
                ...['active', 'snoozed', 'archived', 'spam'].map(value => ({ value, label: word('status', value) })),
              ]}
            />
            <Select
              label={t('inbox.priority')}
              value={filter.priority ?? ''}
              onChange={event => set({ priority: event.target.value || undefined })}
              choices={[
                { value: '', label: t('common.all') },
                ...['urgent', 'high', 'medium', 'low'].map(value => ({ value, label: word('priority', value) })),
              ]}
            />
            {people.teams.length > 0 && (
              <Select
                label={t('inbox.team')}
                value={filter.team_id ?? ''}
                onChange={event => set({ team_id: event.target.value || undefined })}
                choices={[
                  { value: '', label: t('common.all') },
                  ...people.teams.map(team => ({ value: team.id, label: team.name })),
                ]}
              />
            )}
            <TextField
              label={t('inbox.tag')}
              value={filter.tag ?? ''}
              onChange={event => set({ tag: event.target.value || undefined })}
            />
          </div>
          <Checkbox
            label={t('inbox.only_unread')}
            checked={filter.unread ?? false}
            onChange={event => set({ unread: event.target.checked || undefined })}
          />
          <Checkbox
            label={t('inbox.only_open')}
            checked={filter.window_open ?? false}
            onChange={event => set({ window_open: event.target.checked || undefined })}
          />
        </div>
      )}
    </div>
  );
}
