-- Retention of the JSONB documents (specification §6), in bounded pages. The owner's functions, because the sweep knows no organization; they delete by age alone and answer a count.
-- MongoDB does the same by TTL indexes, except messages, which the specification archives first.
SET ROLE bsp_owner;

CREATE FUNCTION documents.sweep_logs(p_before timestamptz, p_limit int) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH old AS (SELECT _id FROM documents.message_logs WHERE created_at < p_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM documents.message_logs d USING old WHERE d._id = old._id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;

CREATE FUNCTION documents.sweep_messages(p_before timestamptz, p_limit int) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH old AS (SELECT _id FROM documents.messages WHERE created_at < p_before LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM documents.messages d USING old WHERE d._id = old._id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;
CREATE INDEX messages_age ON documents.messages USING brin (created_at);

CREATE FUNCTION documents.sweep_conversations(p_now timestamptz, p_limit int) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  WITH old AS (SELECT _id FROM documents.conversations WHERE expires_at < p_now LIMIT p_limit FOR UPDATE SKIP LOCKED),
       gone AS (DELETE FROM documents.conversations d USING old WHERE d._id = old._id RETURNING 1)
  SELECT count(*)::int FROM gone
$$;

REVOKE EXECUTE ON FUNCTION documents.sweep_logs(timestamptz, int), documents.sweep_messages(timestamptz, int), documents.sweep_conversations(timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION documents.sweep_logs(timestamptz, int), documents.sweep_messages(timestamptz, int), documents.sweep_conversations(timestamptz, int) TO bsp_app;
