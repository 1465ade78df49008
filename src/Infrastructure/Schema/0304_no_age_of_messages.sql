-- Since 0267 messages that are too old are found by (status, created_at). The BRIN index by age served that sweep alone, and every new document
-- paid for it. A rebuild that is under way has a copy of it: looked for by its kind, because a copy has another name.
SET ROLE bsp_owner;

DO $$
DECLARE
  old record;
BEGIN
  FOR old IN
    SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam JOIN pg_class t ON t.oid = x.indrelid
      JOIN pg_namespace n ON n.oid = t.relnamespace
     WHERE a.amname = 'brin' AND n.nspname = 'documents' AND t.relname IN ('messages', 'messages_next')
  LOOP
    EXECUTE format('DROP INDEX documents.%I', old.relname);
  END LOOP;
END $$;
