import type { FormEvent, ReactNode } from 'react';
import { useEffect } from 'react';
import { LanguageSelect } from '../../app/UserMenu';

interface EntryProps {
  title: string;
  lead?: ReactNode;
  onSubmit?: () => void;
  children: ReactNode;
}

/** The frame of the pages before one is signed in. */
export function EntryPage({ title, lead, onSubmit, children }: EntryProps) {
  useEffect(() => {
    document.title = `${title} · Bsp`;
  }, [title]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit?.();
  };
  return (
    <main className="entry">
      <div className="entry-box">
        <div className="brand">
          <img src={`${import.meta.env.BASE_URL}icon.svg`} alt="" width="26" height="26" /> Bsp
        </div>
        <div>
          <h1>{title}</h1>
          {lead && <p className="muted">{lead}</p>}
        </div>
        <form onSubmit={submit} noValidate>
          {children}
        </form>
      </div>
      <div className="entry-foot">
        <LanguageSelect hideLabel />
      </div>
    </main>
  );
}
