import type { Message, Note } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Icon } from '../../kit/Icon';
import { Own } from '../../kit/Phone';
import { cx } from '../../lib/cx';
import { formatClock } from '../../lib/time';
import { Ticks } from '../templates/TemplatePreview';
import { MessageBody } from './MessageBody';
import type { People } from './people';

export function Bubble({ message, all, people }: { message: Message; all: readonly Message[]; people: People }) {
  const { t, locale, word } = useI18n();
  const ours = message.direction.toLowerCase() === 'outbound';
  const quoted = message.context?.wa_message_id
    ? all.find(other => other.wa_message_id === message.context?.wa_message_id)
    : null;
  const by = message.sent_by;
  return (
    <div className={cx('bubble', ours ? 'bubble-out' : 'bubble-in')}>
      {message.sender_name && (
        <div className="small strong">
          <Own text={message.sender_name} />
        </div>
      )}
      {ours && by && (
        <div className="small muted">
          {by.is_automated ? t('inbox.automatic') : <bdi>{by.user_id ? people.name(by.user_id) : by.user_name}</bdi>}
        </div>
      )}
      {message.context?.forwarded && (
        <div className="small muted">
          <em>{t('inbox.forwarded')}</em>
        </div>
      )}
      {quoted && (
        <blockquote className="quote">
          <Own text={quoted.content?.text ?? word('message_type', quoted.message_type_exact)} />
        </blockquote>
      )}
      <MessageBody message={message} />
      <div className="bubble-meta">
        <time dateTime={message.created_at}>{formatClock(message.created_at, locale)}</time>
        {ours && <Ticks status={message.status_exact === 'outcome_unknown' ? 'unknown' : message.status} />}
      </div>
      {message.status === 'failed' && (
        <div className="small bad">
          {t('inbox.not_delivered')} {message.error_code && <code>{message.error_code}</code>}
        </div>
      )}
      {!!message.reactions?.length && (
        <div className="reactions">
          {message.reactions.map((r, i) => (
            <span key={i}>
              <bdi>{r.emoji}</bdi>
            </span>
          ))}
        </div>
      )}
    </div>
  );
}

export function NoteBubble({ note, people }: { note: Note; people: People }) {
  const { t, locale } = useI18n();
  return (
    <div className="bubble bubble-note">
      <div className="small strong row">
        <Icon name="note" />
        {t('inbox.note_by', { name: note.user_id ? people.name(note.user_id) : note.by })}
      </div>
      <div className="pre-line" dir="auto">
        {note.text ?? t('inbox.erased')}
      </div>
      {note.mentions.length > 0 && (
        <div className="small muted">
          @ <bdi>{note.mentions.map(people.name).join(', ')}</bdi>
        </div>
      )}
      <div className="bubble-meta">
        <time dateTime={note.created_at}>{formatClock(note.created_at, locale)}</time>
      </div>
    </div>
  );
}
