using System.Security.Cryptography;
using Bsp.Application.EventStore;
using Bsp.Domain.Retention;
using Bsp.Infrastructure.Objects;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Retention;

/// <summary>One archive beside what the log says of it.</summary>
/// <param name="Fault">Null: it is as it was kept.</param>
/// <param name="Unreadable">Pieces whose contact was erased.</param>
public sealed record CheckedArchive(Guid Id, Guid OrganizationId, string Kind, string ObjectKey, int Documents, long Bytes, long JsonBytes,
    int Unreadable, DateTimeOffset KeptAt, string? Fault);

/// <summary>
/// Reads every archive whole: its hash is the one that its event in the log tells, which is sealed with its day, its pieces can be opened,
/// and its documents are as many as were put in.
/// </summary>
public sealed class ArchiveCheck
{
    private const int PageArchives = 500;

    private readonly Shards shards;
    private readonly IObjectStore objects;
    private readonly ArchiveBook book;
    private readonly IEventStore store;

    internal ArchiveCheck(Shards shards, IObjectStore objects, ArchiveBook book, IEventStore store) =>
        (this.shards, this.objects, this.book, this.store) = (shards, objects, book, store);

    /// <summary>Every organization.</summary>
    public async Task<IReadOnlyList<Guid>> OrganizationsAsync(CancellationToken ct)
    {
        var all = new List<Guid>();
        foreach (var shard in shards.All)
        {
            all.AddRange((await RetentionPolicies.OfShardAsync(shards, shard, null, ct)).Select(times => times.Policy.OrganizationId));
        }

        return all;
    }

    /// <summary>Archives of an organization, oldest first.</summary>
    public async IAsyncEnumerable<CheckedArchive> ListAsync(Guid organizationId,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        for (var after = Guid.Empty; ;)
        {
            var page = await shard.QueryAsync(organizationId, """
                SELECT id, kind, object_key, documents, bytes, json_bytes, kept_at FROM bsp.archives
                 WHERE organization_id = $1 AND state = 'kept' AND id > $2 ORDER BY id LIMIT $3
                """, r => new CheckedArchive(r.GetGuid(0), organizationId, r.GetString(1), r.GetString(2), r.GetInt32(3), r.GetInt64(4),
                r.GetInt64(5), 0, r.GetFieldValue<DateTimeOffset>(6), null), ct, organizationId, after, PageArchives);
            foreach (var archive in page)
            {
                yield return archive;
            }

            if (page.Count < PageArchives)
            {
                yield break;
            }

            after = page[^1].Id;
        }
    }

    /// <summary>Reads one whole.</summary>
    public async Task<CheckedArchive> CheckAsync(CheckedArchive archive, CancellationToken ct)
    {
        var told = (await store.LoadAsync(archive.OrganizationId, archive.Id, ct)).Events.Select(e => e.Body).OfType<ArchiveKept>()
            .LastOrDefault();
        if (told is null)
        {
            return archive with { Fault = "The log knows nothing of it." };
        }

        try
        {
            var read = await book.ReadAsync(archive.OrganizationId, archive.ObjectKey, (_, _) => { }, ct);
            var found = archive with { Unreadable = read.Unreadable };
            return !CryptographicOperations.FixedTimeEquals(Convert.FromHexString(told.ObjectSha256), read.Sha256)
                ? found with { Fault = "It is not what was written: its hash is another one." }
                : read.Unreadable == 0 && read.Documents != told.Documents
                ? found with { Fault = $"It holds {read.Documents} documents; {told.Documents} were put in." } : found;
        }
        catch (ArchiveFault fault)
        {
            return archive with { Fault = fault.Message };
        }
    }

    /// <summary>Objects of an organization that no archive is: left by a process that died at the wrong moment, or put there.</summary>
    public async Task<IReadOnlyList<string>> StrayAsync(Guid organizationId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var stray = new List<string>();
        await foreach (var key in objects.ListAsync($"archives/{organizationId:D}/", ct))
        {
            var own = key.EndsWith(".json", StringComparison.Ordinal) ? Path.ChangeExtension(key, null) : key;
            if ((await shard.QueryAsync(organizationId, "SELECT 1 FROM bsp.archives WHERE object_key = $1", _ => 1, ct, own)).Count == 0)
            {
                stray.Add(key);
            }
        }

        return stray;
    }
}
