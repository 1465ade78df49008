import { Icon } from '../../kit/Icon';
import { useI18n } from '../../i18n/I18n';
import type { TemplateComponents } from '../../lib/template';
import { fill, isRightToLeft } from '../../lib/template';
import { cx } from '../../lib/cx';

interface Values {
  header?: Record<string, string>;
  body?: Record<string, string>;
}

/** A template as WhatsApp shows it, in its own direction. Everything is text: nothing a customer or template says becomes markup. */
export function TemplatePreview({
  components,
  language,
  values = {},
}: {
  components: TemplateComponents;
  language: string;
  values?: Values;
}) {
  const { t } = useI18n();
  const { header, body, footer, buttons } = components;
  return (
    <figure className="phone-frame" aria-label={t('templates.preview')}>
      <div className="bubble bubble-preview" dir={isRightToLeft(language) ? 'rtl' : 'ltr'} lang={language.replace('_', '-')}>
        {header &&
          (header.format === 'TEXT' || !header.format ? (
            <div className="bubble-header">{fill(header.text, values.header ?? {})}</div>
          ) : (
            <div className="bubble-media">{header.format}</div>
          ))}
        <div className="bubble-text">
          <WhatsAppText text={fill(body?.text, values.body ?? {})} />
        </div>
        {footer?.text && <div className="bubble-footer">{footer.text}</div>}
        {(buttons ?? []).map((button, i) => (
          <div key={i} className="bubble-button">
            <bdi>{button.text || button.type}</bdi>
          </div>
        ))}
      </div>
    </figure>
  );
}

const MARKS = /(\*[^*\n]+\*|_[^_\n]+_|~[^~\n]+~|```[^`]+```)/g;

/** WhatsApp's own marks: *bold*, _italic_, ~struck~, ```fixed```. */
export function WhatsAppText({ text }: { text: string }) {
  return (
    <>
      {text.split(MARKS).map((piece, i) => {
        const inner = piece.slice(1, -1);
        if (piece.length > 6 && piece.startsWith('```') && piece.endsWith('```')) {
          return <code key={i}>{piece.slice(3, -3)}</code>;
        }
        if (piece.length > 2 && piece[0] === piece[piece.length - 1]) {
          switch (piece[0]) {
            case '*':
              return <strong key={i}>{inner}</strong>;
            case '_':
              return <em key={i}>{inner}</em>;
            case '~':
              return <s key={i}>{inner}</s>;
          }
        }
        return piece;
      })}
    </>
  );
}

/** Ticks of an outbound message. */
export function Ticks({ status }: { status: string }) {
  const { word } = useI18n();
  const known = ['read', 'delivered', 'sent', 'failed'].includes(status);
  return (
    <span className={cx('ticks', status === 'read' && 'ticks-read', status === 'failed' && 'bad')} title={word('status', status)}>
      <Icon name={status === 'failed' ? 'warn' : !known ? 'clock' : status === 'sent' ? 'check' : 'double'} />
      <span className="visually-hidden">{word('status', status)}</span>
    </span>
  );
}
