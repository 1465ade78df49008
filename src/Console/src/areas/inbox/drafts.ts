/** So many conversations' texts are kept; the one that was begun longest ago gives way. */
const DRAFTS_MAX = 50;
const drafts = new Map<string, string>();

const keyOf = (userId: string, conversationId: string): string => `${userId} ${conversationId}`;

/**
 * What one of the people had begun to write in a conversation and not sent: it is there again when they come back, from another conversation
 * or from signing in anew. In the page's memory alone: it ends with the page, and nobody else sees it.
 */
export function draftOf(userId: string, conversationId: string): string {
  return drafts.get(keyOf(userId, conversationId)) ?? '';
}

export function keepDraft(userId: string, conversationId: string, text: string): void {
  const key = keyOf(userId, conversationId);
  drafts.delete(key);
  if (text !== '') {
    drafts.set(key, text);
    for (const oldest of drafts.keys()) {
      if (drafts.size <= DRAFTS_MAX) {
        break;
      }
      drafts.delete(oldest);
    }
  }
}
