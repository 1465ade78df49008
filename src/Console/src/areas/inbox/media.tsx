import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { request } from '../../api/client';
import { messageOf } from '../../api/problem';
import type { Message } from '../../api/types';
import { useI18n } from '../../i18n/I18n';
import { Button } from '../../kit/Button';
import { save } from '../../lib/download';

const OURS = /^\/v1\/media\/[0-9a-f-]{36}\/content$/i;
/** Shown in the page at once; other kinds when asked for. */
const IMAGES = /^image\/(jpeg|png|webp|gif)$/;

/** A file of ours as an address of this page; fetched with the session and the chosen organization. */
function useFile(url: string | null, wanted: boolean) {
  const file = useQuery({
    queryKey: ['file', url],
    queryFn: async ({ signal }) => (await request('GET', url ?? '', null, { signal, headers: { Accept: '*/*' } })).blob(),
    enabled: wanted && url !== null,
    staleTime: Infinity,
    gcTime: 60_000,
    retry: false,
  });
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (!file.data) {
      return undefined;
    }
    const made = URL.createObjectURL(file.data);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [file.data]);
  return { ...file, address };
}

export function Media({ message }: { message: Message }) {
  const { t, word } = useI18n();
  const content = message.content;
  const url = content?.media_url ?? content?.document?.url ?? null;
  const kind = message.message_type_exact === 'voice' ? 'audio' : message.message_type_exact;
  const name = content?.document?.filename ?? null;
  const ours = url !== null && OURS.test(url);
  const [wanted, setWanted] = useState(kind === 'image' || kind === 'sticker');
  const file = useFile(ours ? url : null, wanted);
  const type = file.data?.type.split(';')[0] ?? '';

  if (!ours) {
    // Somebody else's address: our policy loads nothing from there, and only http may be followed.
    return (
      <div className="file">
        <span>{word('message_type', kind)}</span> <bdi>{name}</bdi>
        {url && /^https?:\/\//i.test(url) && (
          <a href={url} rel="noreferrer noopener" target="_blank" dir="ltr" className="wrap-any">
            {url}
          </a>
        )}
      </div>
    );
  }
  if (file.error) {
    return (
      <div className="file">
        <span>{word('message_type', kind)}</span> <span className="small muted">{messageOf(file.error)}</span>
      </div>
    );
  }
  const shown = file.address && file.data;
  if (shown && IMAGES.test(type) && (kind === 'image' || kind === 'sticker')) {
    return (
      <img
        className={kind === 'sticker' ? 'sticker' : 'photo'}
        src={file.address ?? ''}
        alt={content?.media_caption ?? word('message_type', kind)}
      />
    );
  }
  if (shown && kind === 'audio') {
    return <audio controls src={file.address ?? ''} aria-label={word('message_type', 'audio')} />;
  }
  if (shown && kind === 'video') {
    return <video controls className="photo" src={file.address ?? ''} aria-label={word('message_type', 'video')} />;
  }
  return (
    <div className="file">
      <span className="strong">{word('message_type', kind)}</span>
      {name && <bdi className="wrap-any">{name}</bdi>}
      {shown ? (
        <Button small onClick={() => save(file.data as Blob, name ?? `${kind}-${message.id}`)}>
          {t('common.download')}
        </Button>
      ) : (
        <Button small busy={file.isFetching} onClick={() => setWanted(true)}>
          {t('inbox.show_file')}
        </Button>
      )}
    </div>
  );
}
