using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.EventStore;

/// <summary>Finds which events of some streams PostgreSQL cannot give, after a statement over all of them was refused.</summary>
internal sealed class BadRows(NpgsqlDataSource source, UnreadableEvents unreadable)
{
    private const string Numbers = """
        SELECT e.seq_id FROM unnest($1, $2) AS s (tenant, id) CROSS JOIN LATERAL (SELECT seq_id FROM public.mt_events WHERE tenant_id = s.tenant AND stream_id = s.id OFFSET 0) e ORDER BY e.seq_id
        """;

    // In the order of the numbers asked for: the first that does not come is the bad one.
    private const string Bodies =
        "SELECT seq_id, CASE WHEN bdata IS NULL THEN data END FROM public.mt_events WHERE seq_id = ANY ($1) ORDER BY seq_id";

    /// <summary>Notes them.</summary>
    /// <returns>How many were found.</returns>
    /// <exception cref="PostgresException">The server, not a row, is the trouble; or it is not known yet.</exception>
    public async Task<int> FindAsync(IReadOnlyList<(string Tenant, Guid StreamId)> streams, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        // Not for one transaction: a body that is refused ends that.
        await using (var set =
            new NpgsqlCommand("SELECT set_config('bsp.tenants', $1, false)",
                connection) { Parameters = { new() { Value = string.Join(',', streams.Select(s => s.Tenant).Distinct()) } } })
        {
            await set.ExecuteNonQueryAsync(ct);
        }

        try
        {
            return await FindAsync(connection, streams, ct);
        }
        finally
        {
            await using var reset = new NpgsqlCommand("SELECT set_config('bsp.tenants', '', false)", connection);
            await reset.ExecuteNonQueryAsync(CancellationToken.None);
        }
    }

    private async Task<int> FindAsync(NpgsqlConnection connection, IReadOnlyList<(string Tenant, Guid StreamId)> streams,
        CancellationToken ct)
    {
        var left = new List<long>();
        await using (var numbers = new NpgsqlCommand(Numbers, connection))
        {
            numbers.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = streams.Select(s => s.Tenant)
                .ToArray() });
            numbers.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid, Value = streams.Select(s => s.StreamId)
                .ToArray() });
            await using var rows = await numbers.ExecuteReaderAsync(ct);
            while (await rows.ReadAsync(ct))
            {
                left.Add(rows.GetInt64(0));
            }
        }

        left.RemoveAll(number => unreadable.Find(number) is not null);
        for (var found = 0; ;)
        {
            var (given, refused) = await ReadAsync(connection, [.. left], ct);
            if (refused is null || given == left.Count)
            {
                return found;
            }

            var suspect = left[given];
            if ((await ReadAsync(connection, [suspect], ct)).Refused is { } alone)
            {
                if (!UnreadableEvents.MayBeOfARow(alone) || !unreadable.Judge(suspect, alone))
                {
                    throw alone;
                }

                found++;
            }

            left.RemoveRange(0, given + 1);
        }
    }

    // How many came before it was refused.
    private static async Task<(int Given, PostgresException? Refused)> ReadAsync(NpgsqlConnection connection, long[] numbers,
        CancellationToken ct)
    {
        var given = 0;
        try
        {
            await using var command = new NpgsqlCommand(Bodies, connection) { Parameters = { new() { Value = numbers } } };
            await using var rows = await command.ExecuteReaderAsync(ct);
            while (await rows.ReadAsync(ct))
            {
                given++;
            }

            return (given, null);
        }
        catch (PostgresException refused)
        {
            return (given, refused);
        }
    }
}
