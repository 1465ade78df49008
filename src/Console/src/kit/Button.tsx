import type { ButtonHTMLAttributes, ReactNode } from 'react';
import { cx } from '../lib/cx';

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: 'primary' | 'plain' | 'quiet' | 'danger';
  small?: boolean;
  /** Work goes on: it cannot be pressed again, and says so to screen readers. */
  busy?: boolean;
}

export function Button({ look = 'plain', small, busy, className, children, disabled, type = 'button', ...rest }: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={cx('button', `button-${look}`, small && 'button-small', className)}
    >
      {busy && <span className="spinner" aria-hidden="true" />}
      {children}
    </button>
  );
}

/** A button that shows only a sign; its name is for screen readers and as a tip. */
export function IconButton({ label, children, className, ...rest }: ButtonProps & { label: string; children: ReactNode }) {
  return (
    <Button {...rest} look={rest.look ?? 'quiet'} aria-label={label} title={label} className={cx('button-icon', className)}>
      {children}
    </Button>
  );
}
