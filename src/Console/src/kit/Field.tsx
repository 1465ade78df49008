import type { InputHTMLAttributes, ReactNode, SelectHTMLAttributes, TextareaHTMLAttributes } from 'react';
import { cloneElement, isValidElement, useId } from 'react';
import { cx } from '../lib/cx';

interface FieldProps {
  label: string;
  hint?: ReactNode;
  error?: string | readonly string[] | null;
  hideLabel?: boolean;
  className?: string;
  children: ReactNode;
}

/** A label, its control, a hint and what is wrong with it, tied together for screen readers. */
export function Field({ label, hint, error, hideLabel, className, children }: FieldProps) {
  const id = useId();
  const faults = typeof error === 'string' ? [error] : (error ?? []);
  const described = cx(hint ? `${id}-hint` : null, faults.length > 0 && `${id}-error`) || undefined;
  const control = isValidElement<Record<string, unknown>>(children)
    ? cloneElement(children, { id, 'aria-describedby': described, 'aria-invalid': faults.length > 0 || undefined })
    : children;
  return (
    <div className={cx('field', faults.length > 0 && 'field-wrong', className)}>
      <label htmlFor={id} className={hideLabel ? 'visually-hidden' : 'field-label'}>
        {label}
      </label>
      {control}
      {hint && (
        <div id={`${id}-hint`} className="field-hint">
          {hint}
        </div>
      )}
      {faults.length > 0 && (
        <div id={`${id}-error`} className="field-error" role="alert">
          {faults.join(' ')}
        </div>
      )}
    </div>
  );
}

type WithField<T> = T & Omit<FieldProps, 'children'>;

export function TextField({
  label,
  hint,
  error,
  hideLabel,
  className,
  ...rest
}: WithField<InputHTMLAttributes<HTMLInputElement>>) {
  return (
    <Field label={label} hint={hint} error={error} hideLabel={hideLabel} className={className}>
      <input type="text" {...rest} className="input" />
    </Field>
  );
}

export function TextArea({
  label,
  hint,
  error,
  hideLabel,
  className,
  ...rest
}: WithField<TextareaHTMLAttributes<HTMLTextAreaElement>>) {
  return (
    <Field label={label} hint={hint} error={error} hideLabel={hideLabel} className={className}>
      <textarea rows={4} {...rest} className="input" />
    </Field>
  );
}

export interface Choice {
  value: string;
  label: string;
}

export function Select({
  label,
  hint,
  error,
  hideLabel,
  className,
  choices,
  ...rest
}: WithField<SelectHTMLAttributes<HTMLSelectElement>> & { choices: readonly Choice[] }) {
  return (
    <Field label={label} hint={hint} error={error} hideLabel={hideLabel} className={className}>
      <select {...rest} className="input select">
        {choices.map(choice => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </Field>
  );
}

export function Checkbox({
  label,
  hint,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & { label: ReactNode; hint?: ReactNode }) {
  const id = useId();
  return (
    <div className="checkbox">
      <input {...rest} id={id} type="checkbox" aria-describedby={hint ? `${id}-hint` : undefined} />
      <label htmlFor={id}>{label}</label>
      {hint && (
        <div id={`${id}-hint`} className="field-hint">
          {hint}
        </div>
      )}
    </div>
  );
}
