-- Messages {from} to {to} - 1 of organization {organization}; of RetentionData.
CREATE OR REPLACE FUNCTION bench_id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT encode(set_byte(substr(sha256(convert_to(kind || n, 'UTF8')), 1, 16), 6, 112), 'hex')::uuid $$;
CREATE OR REPLACE FUNCTION bench_doc(id uuid) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT substr(sha256(uuid_send(id)), 1, 12) $$;
CREATE OR REPLACE FUNCTION bench_at(n bigint, seconds int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT to_char(timestamp '2023-01-01' + make_interval(secs => n / 10 * 20 + n % 10 * 47 + seconds), 'YYYY-MM-DD"T"HH24:MI:SS.') || lpad((n * 7919 % 1000)::text, 3, '0') || 'Z' $$;
CREATE OR REPLACE FUNCTION bench_words(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT string_agg(w, ' ') FROM (SELECT ('{order,delivery,where,is,my,parcel,please,tomorrow,refund,invoice,thanks,address,pedido,entrega,gracias,factura,colis,merci,paket,kapan,number,size,blue,red,address,street,monday,price,hello,back}'::text[])[1 + abs(hashint8(n * 31 + i)) % 30] AS w
    FROM generate_series(1, 4 + (n % 9)::int) i) x $$;
SET session_replication_role = replica;
INSERT INTO documents.messages (_id, organization_id, position, conversation_id, contact_id, status, wa_message_id, created_at, doc)
SELECT bench_doc(m), '{organization}', (1::bigint << 48) + n + 1, bench_doc(c), p, CASE WHEN n % 2 = 0 THEN 'delivered' ELSE 'read' END, wamid, bench_at(n, 0)::timestamptz,
  jsonb_build_object('_id', encode(bench_doc(m), 'hex'), 'uuid', m, 'position', (1::bigint << 48) + n + 1, 'organization_id', '{organization}', 'account_id', '{account}',
    'contact_id', p, 'conversation_id', encode(bench_doc(c), 'hex'), 'conversation_uuid', c, 'wa_message_id', wamid, 'created_at', bench_at(n, 0), 'updated_at', bench_at(n, 9),
    'content', jsonb_build_object('text', bench_words(n)))
  || CASE WHEN n % 2 = 0 THEN jsonb_build_object('direction', 'inbound', 'status', 'delivered', 'status_exact', 'delivered', 'message_type', 'text', 'message_type_exact', 'text', 'delivered_at', bench_at(n, 0),
        'status_history', jsonb_build_array(jsonb_build_object('status', 'delivered', 'timestamp', bench_at(n, 0))))
     ELSE jsonb_build_object('direction', 'outbound', 'status', 'read', 'status_exact', 'read', 'message_type', 'text', 'message_type_exact', 'text', 'sent_at', bench_at(n, 1), 'delivered_at', bench_at(n, 2), 'read_at', bench_at(n, 9),
        'sent_by', jsonb_build_object('user_id', bench_id('u', n % 7), 'is_automated', false),
        'cost', jsonb_build_object('amount', 0, 'currency', 'USD', 'category', 'user_initiated', 'category_exact', 'service', 'pricing_model', 'PMP', 'pricing_type', 'free_customer_service', 'billable', false, 'outcome', 'free'),
        'raw_webhook', jsonb_build_object('id', wamid, 'status', 'read', 'timestamp', (1672531200 + n * 2)::text, 'pricing', jsonb_build_object('billable', false, 'category', 'service', 'pricing_model', 'PMP', 'type', 'free_customer_service')),
        'status_history', jsonb_build_array(jsonb_build_object('status', 'pending', 'timestamp', bench_at(n, 0)), jsonb_build_object('status', 'sent', 'timestamp', bench_at(n, 1)),
          jsonb_build_object('status', 'delivered', 'timestamp', bench_at(n, 2)), jsonb_build_object('status', 'read', 'timestamp', bench_at(n, 9)))) END
  FROM (SELECT n, bench_id('m', n) AS m, bench_id('p', n / 10) AS p, bench_id('c', n / 10) AS c,
               'wamid.HBgN' || encode(substr(sha256(int8send(n)), 1, 24), 'base64') AS wamid FROM generate_series({from}::bigint, {to} - 1) n) q;
INSERT INTO documents.conversations (_id, organization_id, position, contact_id, account_id, status, last_message_at, expires_at, doc)
SELECT bench_doc(c), '{organization}', (1::bigint << 48) + n, p, '{account}', 'active', bench_at(n, 0)::timestamptz, bench_at(n, 0)::timestamptz + interval '2 years',
  jsonb_build_object('_id', encode(bench_doc(c), 'hex'), 'uuid', c, 'position', (1::bigint << 48) + n, 'organization_id', '{organization}', 'account_id', '{account}', 'contact_id', p, 'status', 'active',
    'contact', jsonb_build_object('name', 'Asha', 'phone_number', '+9198' || lpad(n::text, 8, '0')), 'last_message_at', bench_at(n, 0), 'last_message_preview', bench_words(n),
    'message_count', jsonb_build_object('incoming', 5, 'outgoing', 5), 'created_at', bench_at(n - 9, 0), 'updated_at', bench_at(n, 9))
  FROM (SELECT n, bench_id('p', n / 10) AS p, bench_id('c', n / 10) AS c FROM generate_series({from}::bigint + 9, {to} - 1, 10) n) q;
INSERT INTO mt_streams (tenant_id, id, type, version) SELECT '{organization}', bench_id('m', n), 'message', 1 FROM generate_series({from}::bigint, {to} - 1) n;
INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id)
SELECT n + 1, bench_id('e', n), m, 1, jsonb_build_object('ref', jsonb_build_object('message_id', m, 'account_id', '{account}', 'contact_id', bench_id('p', n / 10),
    'conversation_id', bench_id('c', n / 10), 'type', 'text', 'direction', CASE WHEN n % 2 = 0 THEN 'inbound' ELSE 'outbound' END),
    'content', jsonb_build_object('key_id', bench_id('k', n / 10), 'data', encode(sha256(int8send(n)) || sha256(int8send(-n)) || sha256(int8send(n + 1000000000)) || sha256(int8send(n + 2000000000)), 'base64')),
    'wamid', 'wamid.HBgN' || n, 'new_contact', false, 'at', bench_at(n, 0))
  || CASE WHEN n % 2 = 0 THEN jsonb_build_object() ELSE jsonb_build_object('sent_by', jsonb_build_object('source', 'inbox', 'is_automated', false)) END,
  CASE WHEN n % 2 = 0 THEN 'message_received' ELSE 'message_queued' END, bench_at(n, 0)::timestamptz, '{organization}'
  FROM (SELECT n, bench_id('m', n) AS m FROM generate_series({from}::bigint, {to} - 1) n) q;
RESET session_replication_role;
