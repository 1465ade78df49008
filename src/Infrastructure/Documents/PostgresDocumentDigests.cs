using System.Globalization;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Documents;

/// <summary>The JSONB documents, summed where they lie.</summary>
internal sealed class PostgresDocumentDigests : IDocumentDigests
{
    private const int RowsMax = 1_000_000;
    private static readonly string[] States = ["pending", "sent", "delivered", "read", "failed"];

    private static readonly string Days = $"""
        SELECT (created_at AT TIME ZONE 'UTC')::date, count(*) FILTER (WHERE d.position <= $2),
               {string.Join(", ", States.Select(s => $"count(*) FILTER (WHERE d.position <= $2 AND doc ->> 'status' = '{s}')"))},
               coalesce(sum({DocumentRows.Sum}) FILTER (WHERE d.position <= $2), 0),
               coalesce(bit_xor({RowHash.InPostgres(DocumentRows.InPostgres)}) FILTER (WHERE d.position <= $2), 0),
               (array_agg(d._id) FILTER (WHERE d.position > $2))[1:{StoreDigest.MovedMax + 1}]
          FROM documents.messages d WHERE d.organization_id = $1 AND d.created_at >= $3 GROUP BY 1
        """;

    // What Meta itself said of a price has no outcome.
    private static readonly string Costs = $$"""
        SELECT (d.doc ->> 'uuid') COLLATE "C", {{DocumentRows.Micros}}, coalesce(d.doc #>> '{cost,currency}', ''), d.position
          FROM documents.messages d
         WHERE d.organization_id = $1
           AND (d.position > $2 OR (d.doc #>> '{cost,outcome}' IS NOT NULL AND {{DocumentRows.Micros}} NOT IN ('', '0')))
         ORDER BY 1
        """;

    private static readonly string Row =
        $"encode(_id, 'hex'), {RowHash.InPostgres(DocumentRows.InPostgres)}, position, {DocumentRows.InPostgres}";

    public string Store => "postgres";

    public async Task<StoreDigest> DaysAsync(Shard shard, Guid organizationId, long upTo, DateTimeOffset from, CancellationToken ct)
    {
        var (days, moved) = (new DayDigests(), new HashSet<string>());
        await shard.QueryAsync(organizationId, Days, row =>
        {
            days[row.GetFieldValue<DateOnly>(0)].Add(States.Select((state, i) => (state, row.GetInt64(2 + i))), row.GetInt64(1),
                row.GetDecimal(7) / 1_000_000m, unchecked((ulong)row.GetInt64(8)));
            foreach (var id in row.IsDBNull(9) ? [] : row.GetFieldValue<byte[][]>(9))
            {
                moved.Add(DocumentId.From(id).ToString());
            }

            return 0;
        }, ct, organizationId, upTo, from.UtcDateTime);
        return new(days, moved, moved.Count > StoreDigest.MovedMax);
    }

    public async Task<IReadOnlyList<StoreRow>> RowsAsync(Shard shard, Guid organizationId, long upTo, DateOnly day, CancellationToken ct) =>
        await shard.QueryAsync(organizationId,
            $"SELECT {Row} FROM documents.messages WHERE organization_id = $1 AND created_at >= $3 AND created_at < $4 AND position "
                + $"<= $2 LIMIT {RowsMax}",
            Read, ct, organizationId, upTo, day.ToDateTime(default, DateTimeKind.Utc),
                day.AddDays(1).ToDateTime(default, DateTimeKind.Utc));

    public async Task<IReadOnlyList<StoreRow>> RowsAsync(Shard shard, Guid organizationId, IReadOnlyCollection<Guid> messages,
        CancellationToken ct) =>
        await shard.QueryAsync(organizationId,
            $"SELECT {Row} FROM documents.messages WHERE _id = ANY ($1) AND (organization_id = $2) IS TRUE", Read, ct,
            messages.Select(id => DocumentId.Of(id).ToBytes()).ToArray(), organizationId);

    public async Task CostsAsync(Shard shard, Guid organizationId, long upTo, Func<ShownCost, Task> take, CancellationToken ct)
    {
        await using var snapshot = await shard.BeginSnapshotAsync(organizationId, ct);
        await using var command = snapshot.Command(Costs, organizationId, upTo);
        command.CommandTimeout = 0;
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            await take(new(reader.IsDBNull(0) ? "" : reader.GetString(0),
                long.TryParse(reader.GetString(1), CultureInfo.InvariantCulture, out var micros) ? micros / 1_000_000m : null,
                reader.GetString(2), reader.GetInt64(3)));
        }
    }

    public async Task<IReadOnlyList<ConversationRow>> ConversationsAsync(Shard shard, Guid organizationId, CancellationToken ct) =>
        await shard.QueryAsync(organizationId, """
            SELECT doc ->> 'uuid', coalesce((doc #>> '{message_count,incoming}')::bigint, 0),
                   coalesce((doc #>> '{message_count,outgoing}')::bigint, 0), position, (doc ->> 'created_at')::timestamptz
              FROM documents.conversations WHERE organization_id = $1
            """, row => new ConversationRow(Guid.Parse(row.GetString(0)), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3),
                row.GetFieldValue<DateTimeOffset>(4)), ct, organizationId);

    private static StoreRow Read(NpgsqlDataReader row) =>
        new(row.GetString(0), unchecked((ulong)row.GetInt64(1)), row.GetInt64(2), row.GetString(3));
}
