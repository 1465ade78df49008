using System.Globalization;

namespace Bsp.Benchmarks;

/// <summary>
/// Events put into the log by the server itself, so that writing them takes nothing from what is measured, and endpoints by the hundred.
/// </summary>
internal static class HookEvents
{
    /// <summary>Messages that were skipped, in as many conversations, in one transaction.</summary>
    public static Task WriteAsync(Installation installation, string organization, int events, int conversations, CancellationToken ct) =>
        installation.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $$"""
        WITH made AS (
          SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS stream, md5('{{organization}}' || n % {{conversations}})::uuid AS conversation FROM generate_series(1, {{events}}) n),
        streams AS (
          INSERT INTO mt_streams (id, type, version, tenant_id) SELECT stream, 'message', 1, '{{organization}}' FROM made)
        INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type)
        SELECT nextval('mt_events_sequence'), id, stream, 1, jsonb_build_object('ref', jsonb_build_object('message_id', stream, 'account_id', stream, 'contact_id', conversation, 'conversation_id', conversation,
               'type', 'text', 'direction', 'outbound'), 'reason', 'limit', 'at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
               'message_skipped', clock_timestamp(), '{{organization}}', 'Bsp.Domain.Messages.MessageSkipped, Bsp.Domain' FROM made ORDER BY n;
        NOTIFY mt_events_appended
        """), ct);

    /// <summary>Copies an endpoint: into organizations of their own, 50 each, at another path.</summary>
    /// <param name="mark">Tells these from others.</param>
    public static Task CopyAsync(Installation installation, string webhook, int count, string url, string mark, CancellationToken ct) =>
        installation.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $$"""
        WITH o AS (
          INSERT INTO organizations (id, name, slug) SELECT md5('{{mark}}' || n)::uuid, '{{mark}}', '{{mark}}-' || n FROM generate_series(0, ({{count}} - 1) / 50) n RETURNING id),
        d AS (
          INSERT INTO bsp.directory_organizations (organization_id, slug, shard) SELECT md5('{{mark}}' || n)::uuid, '{{mark}}-' || n, (SELECT shard FROM bsp.directory_organizations LIMIT 1) FROM generate_series(0, ({{count}} - 1) / 50) n),
        w AS (
          INSERT INTO webhooks (id, organization_id, name, url, secret, events)
          SELECT md5('{{mark}}w' || n)::uuid, md5('{{mark}}' || n / 50)::uuid, '{{mark}}', '{{url}}/' || n, s.secret, s.events FROM generate_series(0, {{count}} - 1) n, webhooks s WHERE s.id = '{{webhook}}' RETURNING id, organization_id)
        INSERT INTO bsp.webhook_cursors (webhook_id, organization_id, epoch, sequence, types, catalogue)
        SELECT w.id, w.organization_id, c.epoch, (SELECT coalesce(max(seq_id), 0) FROM mt_events), c.types, c.catalogue FROM w, bsp.webhook_cursors c WHERE c.webhook_id = '{{webhook}}'
        """), ct);

    /// <summary>Organizations of <see cref="CopyAsync"/>.</summary>
    public static IEnumerable<Guid> OfCopies(int organizations, string mark) => Enumerable.Range(0, organizations).Select(n =>
        new Guid(System.Security.Cryptography.MD5.HashData(
            System.Text.Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{mark}{n}"))), bigEndian: true));

    /// <summary>Events in each of those organizations.</summary>
    public static async Task WriteToCopiesAsync(Installation installation, int organizations, string mark, CancellationToken ct,
        int events = 1, int conversations = 1)
    {
        foreach (var organization in OfCopies(organizations, mark))
        {
            await WriteAsync(installation, organization.ToString(), events, conversations, ct);
        }
    }

    /// <summary>Waits until every view has what is in the log: what is measured then is not shared with them.</summary>
    public static async Task ShownAsync(Installation installation, CancellationToken ct)
    {
        for (var began = System.Diagnostics.Stopwatch.GetTimestamp(); ; await Task.Delay(500, ct))
        {
            var behind = await installation.NumberAsync(
                "SELECT count(*) FROM bsp.projections WHERE state = 'running' AND sequence < (SELECT max(seq_id) FROM mt_events)", ct);
            if (behind == 0)
            {
                return;
            }

            if (System.Diagnostics.Stopwatch.GetElapsedTime(began) > TimeSpan.FromMinutes(2))
            {
                Report.Say($"{behind} views are still behind; measured beside them");
                return;
            }
        }
    }

    /// <summary>Conversation and message of every event that <see cref="WriteAsync"/> wrote, in the log's order.</summary>
    public static async Task<List<(string Key, string Message)>> MessagesAsync(Installation installation, CancellationToken ct)
    {
        await using var connection = new Npgsql.NpgsqlConnection(installation.Database + ";Pooling=false");
        await connection.OpenAsync(ct);
        await using var command = new Npgsql.NpgsqlCommand("""
            SELECT data->'ref'->>'conversation_id', data->'ref'->>'message_id' FROM mt_events WHERE type = 'message_skipped' ORDER BY seq_id
            """, connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var all = new List<(string, string)>();
        while (await reader.ReadAsync(ct))
        {
            all.Add((reader.GetString(0), reader.GetString(1)));
        }

        return all;
    }
}
