using System.Security.Cryptography;
using Npgsql;

namespace Bsp.Infrastructure.Moves;

/// <summary>
/// The organization's events, page by page in their order, under numbers that were reserved at the target. Each page is hashed as it is
/// read at the source and again as it lies at the target, and both go on one running hash. Read anew, a killed page is not there.
/// </summary>
internal sealed class MoveLog(NpgsqlConnection source, NpgsqlConnection target, Guid organizationId, int life)
{
    private const int Blocks = 40; // of 256 numbers: ten thousand events at most

    // All that is stored, but whether it was archived: that changes, and is watched.
    private const string Hash = """
        sha256(coalesce(string_agg(sha256(convert_to(ROW(e.id, e.stream_id, e.version, e.type, e.timestamp, e.mt_dotnet_type,
          e.correlation_id, e.causation_id, e.user_name, e.headers::text, e.data::text, e.bdata)::text, 'UTF8')), '' ORDER BY e.seq_id),
            ''))
        """;

    private string? columns;

    /// <summary>The last number that was copied at the source; how many lie at the target; the running hash.</summary>
    public sealed record Place(long After, long Events, byte[] Hash);

    public async Task<Place> PlaceAsync(CancellationToken ct) => (await target.RowsAsync("""
        SELECT coalesce(max(p.old_to), 0), coalesce(sum(cardinality(p.old)), 0)::bigint,
               (array_agg(p.hash ORDER BY p.old_from DESC))[1]
          FROM bsp.moved_pages p WHERE p.organization_id = $1 AND p.life = $2
        """, r => new Place(r.GetInt64(0), r.GetInt64(1), r.IsDBNull(2) ? new byte[32] : r.GetFieldValue<byte[]>(2)), ct, organizationId,
        life))[0];

    /// <summary>Copies up to a number of the source.</summary>
    /// <param name="pages">At most so many.</param>
    /// <returns>Where it is; true: nothing is left up to there.</returns>
    public async Task<(Place Place, bool Done)> CopyAsync(long rangeFrom, long rangeTo, long upTo, long looked, int pages,
        CancellationToken ct)
    {
        var place = await PlaceAsync(ct);
        var after = Math.Max(place.After, looked);
        for (var page = 0; page < pages; page++)
        {
            if (after >= upTo)
            {
                return (place with { After = after }, true);
            }

            var end = await source.OneAsync<long>("SELECT bsp.move_page($1, $2, $3, $4)", ct, organizationId, after, upTo, Blocks);
            var (numbers, hash) = (await source.RowsAsync(
                $"SELECT coalesce(array_agg(e.seq_id ORDER BY e.seq_id), '{{}}'), {Hash} FROM bsp.move_events($1, $2, $3) e",
                r => (r.GetFieldValue<long[]>(0), r.GetFieldValue<byte[]>(1)), ct, organizationId, after, end))[0];
            if (numbers.Length > 0)
            {
                place = await WriteAsync(place, rangeFrom, rangeTo, after, end, numbers, hash, ct);
            }

            after = end;
        }

        return (place with { After = after }, after >= upTo);
    }

    private async Task<Place> WriteAsync(Place place, long rangeFrom, long rangeTo, long after, long end, long[] numbers, byte[] hash,
        CancellationToken ct)
    {
        var first = rangeFrom + place.Events;
        if (first + numbers.Length >= rangeTo)
        {
            throw new MoveFault("The organization grew beyond the numbers that were reserved for it: cancel the move and ask again.");
        }

        columns ??= await source.OneAsync<string>("""
            SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
             WHERE a.attrelid = 'public.mt_events'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
               AND a.attname <> 'seq_id'
            """, ct);
        var next = SHA256.HashData([.. place.Hash, .. hash]);
        await using var transaction = await target.BeginTransactionAsync(ct);
        await MoveConnection.PipeAsync(source,
            $"SELECT {first}::bigint + row_number() OVER (ORDER BY seq_id) - 1, {columns} FROM bsp.move_events('{organizationId}', "
                + $"{after}, {end})",
            target, $"public.mt_events (seq_id, {columns})", ct);
        var written = await target.OneAsync<byte[]>(
            $"SELECT {Hash} FROM public.mt_events e WHERE e.seq_id >= $1 AND e.seq_id < $2", ct, first, first + numbers.Length);
        if (!hash.AsSpan().SequenceEqual(written))
        {
            throw new MoveFault(
                $"The log's page after {after} is not the same at both shards: nothing of it was kept. Cancel the move and have the "
                    + $"log audited.");
        }

        await target.DoAsync("SELECT bsp.note_places($1, $2)", ct, first - 1, first + numbers.Length - 1);
        await target.DoAsync("""
            INSERT INTO bsp.moved_pages (organization_id, life, old_from, old_to, new_from, old, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)
            """, ct, organizationId, life, numbers[0], numbers[^1], first, numbers, next);
        await transaction.CommitAsync(ct);
        return new(numbers[^1], place.Events + numbers.Length, next);
    }
}
