using Bsp.Application.Common;
using Bsp.Application.Media;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Media;

/// <summary>Looking at files, opening them, taking them away.</summary>
public sealed class MediaQueries(Shards shards, MediaVault vault, IPersonalData personal) :
    IRequestHandler<GetMedia, MediaView>, IRequestHandler<ListMedia, Page<MediaView>>, IRequestHandler<OpenMedia, OpenedMedia>,
    IRequestHandler<DeleteMedia, bool>
{
    public async Task<MediaView> Handle(GetMedia query, CancellationToken ct)
    {
        var row = await FindAsync(query.OrganizationId, query.Id, ct);
        return row.View(await MediaFiles.NameAsync(personal, query.OrganizationId, row, ct));
    }

    public async Task<Page<MediaView>> Handle(ListMedia query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var rows = await shard.QueryAsync(query.OrganizationId, $"""
            SELECT {MediaRow.Columns} FROM bsp.media m
             WHERE m.organization_id = $1 AND m.id > $2 AND m.status <> 'deleted'
               AND ($3::text IS NULL OR m.kind = $3) AND ($4::text IS NULL OR m.source = $4)
             ORDER BY m.id LIMIT $5
            """, MediaRow.Read, ct, query.OrganizationId, Keyset.After(query.Cursor), Nullable.Of(query.Kind), Nullable.Of(query.Source),
            query.Limit + 1);
        var named = rows.Where(r => r.Name is not null).ToList();
        var names = named.Count == 0 ? [] : await personal.OpenAsync(query.OrganizationId, [.. named.Select(r => r.Name!)], ct);
        var byId = named.Zip(names).ToDictionary(n => n.First.Id, n => n.Second);
        return Keyset.Of(rows.ConvertAll(r => r.View(byId.GetValueOrDefault(r.Id))), query.Limit, m => m.Id);
    }

    public async Task<OpenedMedia> Handle(OpenMedia query, CancellationToken ct)
    {
        var row = await FindAsync(query.OrganizationId, query.Id, ct);
        var content = row is { Status: "ready", ObjectKey: { } objectKey, Key: { } key }
            ? await vault.OpenAsync(query.OrganizationId, objectKey, key, row.Bytes, ct)
            : throw new Refusal("media.not_ready", $"The file is {row.Status}{(row.Error is null ? "" : $": {row.Error}")}.");
        if (content is null)
        {
            throw Unknown(); // its contact was erased a moment ago
        }

        // what cannot be opened is said before the answer begins
        await content.ReadExactlyAsync(new byte[Math.Min(1, row.Bytes)], ct);
        content.Position = 0;
        return new(row.View(await MediaFiles.NameAsync(personal, query.OrganizationId, row, ct)), content);
    }

    public async Task<bool> Handle(DeleteMedia command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var gone = await transaction.QueryAsync("""
            WITH old AS (
              SELECT id, object_key, bytes FROM bsp.media WHERE organization_id = $1 AND id = $2 AND status <> 'deleted' FOR UPDATE)
            UPDATE bsp.media m SET status = 'deleted', object_key = NULL, key_id = NULL, key_data = NULL, name_key_id = NULL,
              name_data = NULL,
              sha256 = NULL, bytes = 0, mime_type = NULL, due_at = NULL, error = NULL, meta_media_id = NULL
              FROM old WHERE m.id = old.id RETURNING old.object_key, old.bytes
            """, r => (ObjectKey: r.TextOrNull(0), Bytes: r.GetInt64(1)), ct, command.OrganizationId, command.Id);
        if (gone is not [var old])
        {
            throw Unknown();
        }

        await transaction.ExecuteAsync("DELETE FROM bsp.media_at_meta WHERE media_id = $1", ct, command.Id);
        if (old.ObjectKey is { } objectKey)
        {
            await vault.ReleaseAsync(transaction, command.OrganizationId, [objectKey], ct);
            await MediaFiles.FreeAsync(transaction, command.OrganizationId, old.Bytes, ct);
        }

        await transaction.CommitAsync(ct);
        return true;
    }

    private async Task<MediaRow> FindAsync(Guid organizationId, Guid id, CancellationToken ct) =>
        await (await shards.OfAsync(organizationId, ct)).FirstAsync(organizationId,
            $"SELECT {MediaRow.Columns} FROM bsp.media m WHERE m.organization_id = $1 AND m.id = $2 AND m.status <> 'deleted'",
            MediaRow.Read, ct, organizationId, id) ?? throw Unknown();

    private static Refusal Unknown() => new("media.unknown", "There is no such file.");
}
