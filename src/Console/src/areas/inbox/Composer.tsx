import type { ChangeEvent, KeyboardEvent, RefObject } from 'react';
import { useRef, useState } from 'react';
import { api, newKey, request } from '../../api/client';
import { useList } from '../../api/hooks';
import { Problem } from '../../api/problem';
import type { Canned, Conversation, Message, Schema } from '../../api/types';
import { useLive } from '../../app/live';
import { useSession } from '../../app/session';
import { useI18n } from '../../i18n/I18n';
import { Button, IconButton } from '../../kit/Button';
import { Confirm } from '../../kit/Dialog';
import { Fault } from '../../kit/Page';
import { Icon } from '../../kit/Icon';
import { cx } from '../../lib/cx';
import { windowLeft } from '../../lib/window';
import { useMinute } from './ConversationList';
import { draftOf, keepDraft } from './drafts';
import type { People } from './people';
import { TemplateReply } from './TemplateReply';

const TYPING_EVERY_MS = 15_000;
const TEXT_MAX = 4096;

export interface Reply {
  type: string;
  [part: string]: unknown;
}

interface Props {
  conversation: Conversation;
  last: Message | null;
  box: RefObject<HTMLTextAreaElement | null>;
  people: People;
  onSent: () => void;
  onNoted: () => void;
}

/** What kind of message a file is sent as. */
export function kindOf(type: string): 'image' | 'video' | 'audio' | 'document' {
  return /^image\/(jpeg|png)$/.test(type)
    ? 'image'
    : /^video\/(mp4|3gpp)$/.test(type)
      ? 'video'
      : /^audio\/(aac|amr|mpeg|mp4|ogg)/.test(type)
        ? 'audio'
        : 'document';
}

export function Composer({ conversation, last, box, people, onSent, onNoted }: Props) {
  const { t } = useI18n();
  const id = conversation.id;
  const open = windowLeft(conversation.window_until, useMinute()).state !== 'closed';
  const [mode, setMode] = useState<'reply' | 'note'>('reply');
  const me = useSession().body.user.id;
  const [text, setShown] = useState(() => draftOf(me, id));
  const setText = (next: string) => {
    setShown(next);
    keepDraft(me, id, next);
  };
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<unknown>(null);
  const [meanwhile, setMeanwhile] = useState<Reply | null>(null);
  const [templates, setTemplates] = useState(false);
  const typedAt = useRef(0);
  const { position } = useLive();
  // What had been seen when the answer was begun: whoever answered since then is told of.
  const begun = useRef<string | null>(null);
  const key = useRef('');
  const file = useRef<HTMLInputElement>(null);
  const canned = useList<Canned>('/v1/canned-replies', { query: { limit: 200 } });
  const command = /^\/(\S*)$/.exec(text)?.[1];
  const offered =
    command === undefined || mode === 'note'
      ? []
      : canned.rows.filter(one => one.shortcut.toLowerCase().includes(command.toLowerCase())).slice(0, 8);

  const send = async (reply: Reply, force = false) => {
    setBusy(true);
    setFault(null);
    key.current ||= newKey(); // a second press after a lost answer is the same message
    try {
      await api.post(
        '/v1/conversations/{id}/messages',
        { ...reply, force, seen_position: force ? null : (begun.current ?? position()) } as Schema<'ReplyRequest'>,
        { path: { id }, idempotencyKey: key.current },
      );
      key.current = '';
      begun.current = null;
      setText('');
      setMeanwhile(null);
      setTemplates(false);
      onSent();
    } catch (refused) {
      const problem = refused as Problem;
      if (!problem.away) {
        key.current = '';
      }
      if (problem.code === 'conversation.answered_meanwhile') {
        setMeanwhile(reply);
      } else {
        setFault(refused);
      }
    } finally {
      setBusy(false);
      box.current?.focus();
    }
  };

  const note = async () => {
    setBusy(true);
    setFault(null);
    const mentions = people.colleagues.filter(c => text.includes(`@${people.name(c.id)}`)).map(c => c.id);
    try {
      await api.post(
        '/v1/conversations/{id}/notes',
        { text: text.trim(), mentions, mention_teams: null } as Schema<'NoteRequest'>,
        { path: { id } },
      );
      setText('');
      onNoted();
    } catch (refused) {
      setFault(refused);
    } finally {
      setBusy(false);
    }
  };

  const submit = () => {
    if (text.trim() === '' || busy) {
      return;
    }
    void (mode === 'note' ? note() : send({ type: 'text', text: { body: text.trim() } }));
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      const only = offered[0];
      if (only && command) {
        setText(only.text);
      } else {
        submit();
      }
    } else if (event.key === 'Escape') {
      box.current?.blur();
    }
  };

  const onType = (event: ChangeEvent<HTMLTextAreaElement>) => {
    if (text === '') {
      begun.current = position();
    }
    setText(event.target.value);
    const now = Date.now();
    if (mode === 'reply' && open && event.target.value.length > 2 && now - typedAt.current > TYPING_EVERY_MS) {
      typedAt.current = now;
      // A sign that is lost harms nobody.
      api.post('/v1/conversations/{id}/typing', null, { path: { id } }).catch(() => undefined);
    }
  };

  const attach = async (chosen: File) => {
    setBusy(true);
    setFault(null);
    try {
      const form = new FormData();
      form.append('file', chosen, chosen.name);
      const media = (await (await request('POST', '/v1/media', form)).json()) as { id: string };
      const kind = kindOf(chosen.type);
      const caption = kind === 'audio' ? null : text.trim() || null;
      await send({
        type: kind,
        [kind]: { id: media.id, ...(caption ? { caption } : {}), ...(kind === 'document' ? { filename: chosen.name } : {}) },
      });
    } catch (refused) {
      setFault(refused);
    } finally {
      setBusy(false);
    }
  };

  const suggestions = mode === 'reply' && open && text === '' ? (last?.ai_processing?.suggested_replies ?? []) : [];
  return (
    <div className={cx('composer', mode === 'note' && 'composer-note')}>
      <div className="row-between">
        <div className="row" role="radiogroup" aria-label={t('inbox.mode')}>
          {(['reply', 'note'] as const).map(one => (
            <button
              key={one}
              type="button"
              role="radio"
              aria-checked={mode === one}
              className={cx('mode', mode === one && 'mode-here')}
              onClick={() => setMode(one)}
            >
              {t(`inbox.mode_${one}`)}
            </button>
          ))}
        </div>
        {mode === 'reply' && (
          <Button small look="quiet" onClick={() => setTemplates(true)}>
            <Icon name="templates" />
            {t('inbox.send_template')}
          </Button>
        )}
      </div>
      {suggestions.length > 0 && (
        <div className="chips" aria-label={t('inbox.suggested')}>
          {suggestions.map(one => (
            <button
              key={one}
              type="button"
              className="suggestion"
              onClick={() => {
                setText(one);
                box.current?.focus();
              }}
            >
              <bdi>{one}</bdi>
            </button>
          ))}
        </div>
      )}
      {offered.length > 0 && (
        <ul className="plain canned" aria-label={t('inbox.canned')}>
          {offered.map(one => (
            <li key={one.id}>
              <button
                type="button"
                onClick={() => {
                  setText(one.text);
                  box.current?.focus();
                }}
              >
                <code>/{one.shortcut}</code> <Own text={one.text} />
              </button>
            </li>
          ))}
        </ul>
      )}
      {mode === 'reply' && !open ? (
        <div className="notice notice-warn">
          {t('inbox.window_closed_text')}
          <div>
            <Button small look="primary" onClick={() => setTemplates(true)}>
              {t('inbox.send_template')}
            </Button>
          </div>
        </div>
      ) : (
        <div className="composer-line">
          {mode === 'reply' && (
            <>
              <input
                ref={file}
                type="file"
                className="visually-hidden"
                tabIndex={-1}
                aria-hidden="true"
                onChange={event => {
                  const chosen = event.target.files?.[0];
                  event.target.value = '';
                  if (chosen) {
                    void attach(chosen);
                  }
                }}
              />
              <IconButton label={t('inbox.attach')} disabled={busy} onClick={() => file.current?.click()}>
                <Icon name="attach" />
              </IconButton>
            </>
          )}
          <textarea
            ref={box}
            className="input"
            rows={2}
            value={text}
            maxLength={TEXT_MAX}
            onChange={onType}
            onKeyDown={onKeyDown}
            dir="auto"
            aria-label={t(`inbox.mode_${mode}`)}
            placeholder={t(mode === 'note' ? 'inbox.note_placeholder' : 'inbox.reply_placeholder')}
          />
          <Button look="primary" busy={busy} disabled={text.trim() === ''} onClick={submit}>
            {t(mode === 'note' ? 'inbox.add_note' : 'inbox.send')}
          </Button>
        </div>
      )}
      <Fault fault={fault} />
      {templates && (
        <TemplateReply
          conversation={conversation}
          busy={busy}
          fault={fault}
          onSend={reply => void send(reply)}
          onClose={() => setTemplates(false)}
        />
      )}
      {meanwhile && (
        <Confirm
          title={t('inbox.meanwhile')}
          text={t('inbox.meanwhile_text')}
          action={t('inbox.send_anyway')}
          busy={busy}
          onConfirm={() => void send(meanwhile, true)}
          onClose={() => setMeanwhile(null)}
        />
      )}
    </div>
  );
}

function Own({ text }: { text: string }) {
  return <bdi className="muted">{text}</bdi>;
}
