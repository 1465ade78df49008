/** A phone number reads from left to right in every language: else "+1" shows as "1+". */
export function Phone({ number }: { number: string | null | undefined }) {
  return number ? (
    <bdi dir="ltr" className="phone">
      {number}
    </bdi>
  ) : (
    <>–</>
  );
}

/** A text of a customer's in its own direction, whatever the page's. */
export function Own({ text }: { text: string | null | undefined }) {
  return <bdi>{text ?? ''}</bdi>;
}

/** An id short enough for a table; whole on hover and when copied from the title. */
export function Id({ id }: { id: string | null | undefined }) {
  return id ? (
    <code title={id} dir="ltr" className="id">
      {id.length > 13 ? `…${id.slice(-8)}` : id}
    </code>
  ) : (
    <>–</>
  );
}
