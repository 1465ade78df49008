using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Retention;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Objects;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Retention;

/// <summary>What a contact has in an archive that is being written.</summary>
/// <param name="ContactId">Whose key seals it.</param>
internal sealed record PieceToKeep(Guid ContactId, IReadOnlyList<ArchivedDocument> Documents,
    IReadOnlyDictionary<Guid, int> MessagesByConversation);

/// <summary>What of an organization is to be archived together.</summary>
/// <param name="Streams">Events of these streams lose their content, those of <paramref name="Types"/> written before
/// <paramref name="ContentsBefore"/>.</param>
/// <param name="Facts">Given the archive's id: what the views read.</param>
internal sealed record ArchiveToKeep(Guid OrganizationId, string Kind, IReadOnlyList<PieceToKeep> Pieces, IReadOnlyList<Guid> Streams,
    IReadOnlyList<string> Types, DateTimeOffset ContentsBefore, DateTimeOffset Before, Func<Guid, IReadOnlyList<RetentionEvent>> Facts)
{
    public (long First, long Last) Positions { get; init; }

    public (DateTimeOffset First, DateTimeOffset Last) Times { get; init; }
}

/// <summary>
/// Archives: the object first, then read back and counted, then, in one transaction, the row, the places, the log's contents and the event
/// that makes views take the documents away. Whatever is killed before that transaction has deleted nothing; its row says which object to
/// remove.
/// </summary>
internal sealed class ArchiveBook(IObjectStore objects, IContactKeys keys, PostgresEventStore store, TimeProvider clock)
{
    private const int PiecesAtOnce = 500;
    private const int BufferBytes = 128 * 1024;

    private static readonly JsonSerializerOptions ManifestJson = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Whose key seals what is nobody's: an organization's own.</summary>
    public static Guid OwnerOf(Guid organizationId) => Uuid.Of($"archive/{organizationId}");

    /// <summary>
    /// Removes what killed processes were writing; an archive that is being kept at this moment is waited for, and stays. Then whether the
    /// next one may be begun: the documents have read the last archive's event, so that nothing is archived twice.
    /// </summary>
    public async Task<bool> BeginAsync(Shard shard, Guid organizationId, string kind, IDocumentStore documents, CancellationToken ct)
    {
        var (writing, last) = (await shard.QueryAsync(organizationId, """
            SELECT count(*) FILTER (WHERE state = 'writing'), coalesce(max(kept_sequence), 0) FROM bsp.archives
             WHERE organization_id = $1 AND kind = $2
            """, r => (r.GetInt64(0), r.GetInt64(1)), ct, organizationId, kind))[0];
        if (writing > 0)
        {
            await CleanAsync(shard, organizationId, kind, ct);
        }

        return last <= await documents.CheckpointAsync(shard, ViewNames.Conversations, ct);
    }

    private async Task CleanAsync(Shard shard, Guid organizationId, string kind, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(organizationId, ct);
        var left = await tx.QueryAsync("""
            SELECT id, object_key FROM bsp.archives WHERE organization_id = $1 AND kind = $2 AND state = 'writing' FOR UPDATE
            """, r => (Id: r.GetGuid(0), Key: r.GetString(1)), ct, organizationId, kind);
        foreach (var (id, key) in left)
        {
            await objects.DeleteAsync(key, ct);
            await objects.DeleteAsync(ManifestOf(key), ct);
            await tx.ExecuteAsync("DELETE FROM bsp.archives WHERE id = $1 AND state = 'writing'", ct, id);
        }

        await tx.CommitAsync(ct);
    }

    /// <exception cref="StoreUnavailable">The object store is away or full.</exception>
    /// <exception cref="ArchiveFault">What was read back is not what was written.</exception>
    public async Task KeepAsync(Shard shard, ArchiveToKeep archive, CancellationToken ct)
    {
        var id = Uuid.New(clock.GetUtcNow());
        var key = $"archives/{archive.OrganizationId:D}/{archive.Kind}-{id:N}.bspa";
        await BeginAsync(shard, id, key, archive, ct);
        using var buffer = new MemoryStream();
        var places = await WriteAsync(archive, buffer, ct);
        var (documents, bytes) = (archive.Pieces.Sum(p => p.Documents.Count),
            archive.Pieces.Sum(p => p.Documents.Sum(d => (long)d.Json.Length)));
        var sha = await HashOfAsync(buffer, ct);
        await objects.PutAsync(key, buffer, ct);
        await ReadBackAsync(archive, key, sha, documents, bytes, ct);
        var written = new Written(id, key, sha, buffer.Length, documents, bytes);
        await ManifestAsync(archive, written, ct);
        await CommitAsync(shard, archive, written, places, ct);
    }

    private async Task BeginAsync(Shard shard, Guid id, string key, ArchiveToKeep archive, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(archive.OrganizationId, ct);
        await tx.ExecuteAsync("""
            INSERT INTO bsp.archives (id, organization_id, kind, state, object_key, dictionary, before, started_at)
            VALUES ($1, $2, $3, 'writing', $4, $5, $6, $7)
            """, ct, id, archive.OrganizationId, archive.Kind, key, (short)ArchiveDictionary.Number, archive.Before.UtcDateTime,
            clock.GetUtcNow().UtcDateTime);
        await tx.CommitAsync(ct);
    }

    private async Task<IReadOnlyList<PiecePlace>> WriteAsync(ArchiveToKeep archive, Stream to, CancellationToken ct)
    {
        var owner = OwnerOf(archive.OrganizationId);
        var own = await keys.KeysOfAsync(archive.OrganizationId, [.. archive.Pieces.Select(p => p.ContactId).Append(owner).Distinct()], ct);
        using var writer = new ArchiveWriter(to);
        return [.. archive.Pieces.Select(piece =>
        {
            // who was erased has no key, and nothing personal in what is left
            var (keyId, secret) = own.TryGetValue(piece.ContactId, out var found) ? found : own[owner];
            return writer.Add(keyId, secret, piece.Documents);
        })];
    }

    private async Task ReadBackAsync(ArchiveToKeep archive, string key, byte[] sha, int documents, long bytes, CancellationToken ct)
    {
        var found = await ReadAsync(archive.OrganizationId, key, (_, _) => { }, ct);
        if (!found.Sha256.AsSpan().SequenceEqual(sha) || found.Documents != documents || found.JsonBytes != bytes || found.Unreadable > 0)
        {
            throw new ArchiveFault($"The archive {key} was written with {documents} documents and read back with {found.Documents}: "
                + "nothing is deleted.");
        }
    }

    /// <summary>Reads a whole archive.</summary>
    /// <param name="each">Letter and document.</param>
    /// <exception cref="ArchiveFault">It is not there, or not as it was written.</exception>
    public async Task<ReadArchive> ReadAsync(Guid organizationId, string key, Action<Guid, ArchivedDocument> each, CancellationToken ct)
    {
        await using var stored = await objects.OpenAsync(key, 0, ct)
            ?? throw new ArchiveFault($"The archive {key} is not in object storage.");
        await using var hashed = new HashedStream(stored);
        await using var from = new BufferedStream(hashed, BufferBytes);
        using var reader = new ArchiveReader();
        var (documents, bytes, unreadable, pieces) = (0, 0L, 0, new List<(Guid KeyId, byte[] Sealed)>());
        await foreach (var piece in ArchiveReader.PiecesAsync(from, ct))
        {
            pieces.Add(piece);
            if (pieces.Count == PiecesAtOnce)
            {
                await OpenAsync();
            }
        }

        await OpenAsync();
        return new(documents, bytes, unreadable, Convert.FromHexString(hashed.Sha256));

        async Task OpenAsync()
        {
            var own = await keys.KeysAsync(organizationId, [.. pieces.Select(p => p.KeyId).Distinct()], ct);
            foreach (var (keyId, closed) in pieces)
            {
                if (!own.TryGetValue(keyId, out var secret))
                {
                    unreadable++; // its contact was erased
                    continue;
                }

                foreach (var document in reader.Open(secret, closed))
                {
                    (documents, bytes) = (documents + 1, bytes + document.Json.Length);
                    each(keyId, document);
                }
            }

            pieces.Clear();
        }
    }

    /// <summary>The manifest beside an object: counts, hash and places in the log; nothing of a person.</summary>
    public static string ManifestOf(string key) => $"{key}.json";

    private async Task ManifestAsync(ArchiveToKeep archive, Written written, CancellationToken ct)
    {
        using var manifest = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(new
        {
            written.Id, archive.OrganizationId, archive.Kind, written.ObjectKey, Sha256 = Convert.ToHexStringLower(written.Sha256),
            written.Bytes, written.JsonBytes, written.Documents, Pieces = archive.Pieces.Count, Dictionary = (int)ArchiveDictionary.Number,
            FirstPosition = archive.Positions.First, LastPosition = archive.Positions.Last, FirstAt = archive.Times.First,
            LastAt = archive.Times.Last, archive.Before, WrittenAt = clock.GetUtcNow(),
        }, ManifestJson));
        await objects.PutAsync(ManifestOf(written.ObjectKey), manifest, ct);
    }

    private async Task CommitAsync(Shard shard, ArchiveToKeep archive, Written written, IReadOnlyList<PiecePlace> places,
        CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(archive.OrganizationId, ct);
        var contents = (await tx.QueryAsync("SELECT bsp.retire_contents($1, $2, $3, $4, $5)", r => r.GetInt32(0), ct,
            archive.OrganizationId, written.Id, archive.Streams.ToArray(), archive.Types.ToArray(), archive.ContentsBefore.UtcDateTime))[0];
        var digest = contents == 0 ? null : (await tx.QueryAsync("SELECT bsp.retired_digest($1)", r => r.GetFieldValue<byte[]>(0), ct,
            written.Id))[0];
        await PartsAsync(tx, archive, written.Id, places, ct);
        var kept = new ArchiveKept(written.Id, archive.Kind, written.ObjectKey, Convert.ToHexStringLower(written.Sha256), written.Bytes,
            written.Documents, contents, digest is null ? null : Convert.ToHexStringLower(digest), archive.Before, clock.GetUtcNow());
        await tx.ExecuteAsync("""
            UPDATE bsp.archives SET state = 'kept', bytes = $2, json_bytes = $3, sha256 = $4, documents = $5, contents = $6,
              contents_sha256 = $7, first_position = $8, last_position = $9, first_at = $10, last_at = $11, kept_at = $12 WHERE id = $1
            """, ct, written.Id, written.Bytes, written.JsonBytes, written.Sha256, written.Documents, contents,
            new Npgsql.NpgsqlParameter { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bytea, Value = (object?)digest ?? DBNull.Value },
            archive.Positions.First, archive.Positions.Last, archive.Times.First.UtcDateTime, archive.Times.Last.UtcDateTime,
            clock.GetUtcNow().UtcDateTime);
        // last, for from here on readers of the log wait for the commit
        var outcome = (await store.AppendAsync(tx, shard, archive.OrganizationId,
            [[new StreamAppend(written.Id, "archive", 0, [.. archive.Facts(written.Id), kept])]], ct))[0];
        if (outcome.Verdict != AppendVerdict.Ok)
        {
            throw new ArchiveFault($"The archive {written.Id} has a stream already: nothing is deleted.");
        }

        await tx.ExecuteAsync("UPDATE bsp.archives SET kept_sequence = $2 WHERE id = $1", ct, written.Id, outcome.LastPosition.Sequence);
        await tx.CommitAsync(ct);
    }

    private static async Task PartsAsync(TenantTransaction tx, ArchiveToKeep archive, Guid id, IReadOnlyList<PiecePlace> places,
        CancellationToken ct)
    {
        var rows = archive.Pieces.Zip(places).SelectMany(p => p.First.MessagesByConversation.Select(c =>
            (Conversation: c.Key, Contact: p.First.ContactId, p.Second.StartsAt, p.Second.Length, Messages: c.Value))).ToList();
        await tx.ExecuteAsync("""
            INSERT INTO bsp.archive_parts (organization_id, conversation_id, archive_id, contact_id, starts_at, length, messages)
            SELECT $1, v, $2, c, s, l, m FROM unnest($3::uuid[], $4::uuid[], $5::bigint[], $6::int[], $7::int[]) AS p (v, c, s, l, m)
            """, ct, archive.OrganizationId, id, rows.ConvertAll(r => r.Conversation).ToArray(), rows.ConvertAll(r => r.Contact).ToArray(),
            rows.ConvertAll(r => r.StartsAt).ToArray(), rows.ConvertAll(r => r.Length).ToArray(),
            rows.ConvertAll(r => r.Messages).ToArray());
    }

    private static async Task<byte[]> HashOfAsync(Stream content, CancellationToken ct)
    {
        content.Position = 0;
        return await SHA256.HashDataAsync(content, ct);
    }

    private sealed record Written(Guid Id, string ObjectKey, byte[] Sha256, long Bytes, int Documents, long JsonBytes);
}

/// <param name="Unreadable">Pieces whose contact was erased.</param>
internal sealed record ReadArchive(int Documents, long JsonBytes, int Unreadable, byte[] Sha256);
