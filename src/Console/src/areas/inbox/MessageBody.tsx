import type { Message } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Own, Phone } from '../../kit/Phone';
import { WhatsAppText } from '../templates/TemplatePreview';
import { Media } from './media';
import { TemplateText } from './TemplateText';

type Rec = Record<string, unknown>;
const rec = (value: unknown): Rec => (value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Rec) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const say = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';

const MEDIA = ['image', 'video', 'audio', 'voice', 'document', 'sticker'];

/** What a message says, whatever kind it is. Everything from outside is text; what nobody knows is shown as what it is called. */
export function MessageBody({ message }: { message: Message }) {
  const { t, word } = useI18n();
  const content = message.content;
  const details = rec(message.details);
  const kind = message.message_type_exact;
  if (message.revoked_at) {
    return (
      <div className="muted">
        <em>{t('inbox.revoked')}</em>
        {message.original?.text && (
          <div className="pre-line">
            <Own text={message.original.text} />
          </div>
        )}
      </div>
    );
  }
  const text = content?.text ?? content?.media_caption ?? null;
  return (
    <>
      {MEDIA.includes(kind) && <Media message={message} />}
      {content?.location && <Place location={content.location} />}
      {details.contacts !== undefined && list(details.contacts).map((card, i) => <Card key={i} card={rec(card)} />)}
      {details.order !== undefined && <Order order={rec(details.order)} />}
      {details.interactive !== undefined && <Interactive own={rec(details.interactive)} hasText={!!text} />}
      {message.template && !text && <TemplateText template={message.template} />}
      {text && (
        <div className="bubble-text pre-line" dir="auto">
          <WhatsAppText text={text} />
        </div>
      )}
      {details.flow !== undefined && <Answers answers={rec(rec(details.flow).answers)} />}
      {!text && !content?.location && !MEDIA.includes(kind) && Object.keys(details).length === 0 && !message.template && (
        <div className="muted">[{word('message_type', kind)}]</div>
      )}
      {message.edited_at && <span className="muted small">{t('inbox.edited')}</span>}
      {!!message.notes?.length && (
        <ul className="plain muted small">
          {message.notes.map(note => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function Place({ location }: { location: NonNullable<NonNullable<Message['content']>['location']> }) {
  const { latitude, longitude, name, address } = location;
  const known = latitude !== null && longitude !== null;
  return (
    <div className="file">
      {name && (
        <span className="strong">
          <Own text={name} />
        </span>
      )}
      {address && (
        <span>
          <Own text={address} />
        </span>
      )}
      {known && (
        <bdi dir="ltr" className="muted small">
          {latitude}, {longitude}
        </bdi>
      )}
    </div>
  );
}

function Card({ card }: { card: Rec }) {
  return (
    <div className="file">
      <span className="strong">
        <Own text={say(rec(card.name).formatted_name) || say(rec(card.name).first_name)} />
      </span>
      {list(card.phones).map((phone, i) => (
        <Phone key={i} number={say(rec(phone).phone)} />
      ))}
      {list(card.emails).map((mail, i) => (
        <bdi key={i} dir="ltr">
          {say(rec(mail).email)}
        </bdi>
      ))}
      {say(rec(card.org).company) && <Own text={say(rec(card.org).company)} />}
    </div>
  );
}

function Order({ order }: { order: Rec }) {
  const { money } = useI18n();
  return (
    <ul className="plain file">
      {list(order.items).map((item, i) => {
        const line = rec(item);
        return (
          <li key={i} className="row-between">
            <span>
              <bdi dir="ltr">{say(line.product_retailer_id)}</bdi> × {say(line.quantity) || '1'}
            </span>
            <span>{money(say(line.item_price) || null, say(line.currency) || null)}</span>
          </li>
        );
      })}
      {Object.entries(rec(order.totals)).map(([currency, total]) => (
        <li key={currency} className="row-between strong">
          <span>Σ</span>
          <span>{money(say(total), currency)}</span>
        </li>
      ))}
    </ul>
  );
}

function Answers({ answers }: { answers: Rec }) {
  return (
    <dl className="file">
      {Object.entries(answers).map(([name, value]) => (
        <div key={name}>
          <dt className="muted small">
            <Own text={name} />
          </dt>
          <dd>
            <Own text={typeof value === 'object' ? JSON.stringify(value) : say(value)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Buttons and lists that we sent. */
function Interactive({ own, hasText }: { own: Rec; hasText: boolean }) {
  const action = rec(own.action);
  const rows = list(action.sections)
    .flatMap(section => list(rec(section).rows))
    .map(rec);
  const shownBody = say(rec(own.body).text);
  return (
    <>
      {say(rec(own.header).text) && (
        <div className="bubble-header" dir="auto">
          {say(rec(own.header).text)}
        </div>
      )}
      {shownBody && !hasText && (
        <div className="bubble-text pre-line" dir="auto">
          {shownBody}
        </div>
      )}
      {say(rec(own.footer).text) && (
        <div className="bubble-footer" dir="auto">
          {say(rec(own.footer).text)}
        </div>
      )}
      {list(action.buttons)
        .map(rec)
        .map((button, i) => (
          <div key={i} className="bubble-button">
            <Own text={say(rec(button.reply).title) || say(button.title)} />
          </div>
        ))}
      {say(action.button) && (
        <div className="bubble-button">
          <Own text={say(action.button)} />
        </div>
      )}
      {rows.map((row, i) => (
        <div key={i} className="small">
          <Own text={say(row.title)} />{' '}
          <span className="muted">
            <Own text={say(row.description)} />
          </span>
        </div>
      ))}
      {say(rec(action.parameters).display_text) && (
        <div className="bubble-button">
          <Own text={say(rec(action.parameters).display_text)} />
        </div>
      )}
    </>
  );
}
