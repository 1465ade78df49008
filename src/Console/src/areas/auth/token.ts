import { useState } from 'react';

/** The token of a mail's link: behind `#`, so that no server and no log ever sees it; taken out of the address bar at once. */
export function tokenIn(hash: string): string {
  return new URLSearchParams(hash.replace(/^#/, '')).get('token') ?? '';
}

export function useToken(): string {
  const [token] = useState(() => {
    const found = tokenIn(location.hash);
    if (found) {
      history.replaceState(history.state, '', location.pathname);
    }
    return found;
  });
  return token;
}
