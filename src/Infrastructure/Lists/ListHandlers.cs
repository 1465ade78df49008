using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Lists;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Lists;

internal static class ListRows
{
    public const string Columns =
        "l.id, l.organization_id, l.name, l.description, l.contact_count, l.filters, l.created_at, l.updated_at, l.row_version";

    public static ListView Read(NpgsqlDataReader row) =>
        new(row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.TextOrNull(3), row.GetInt32(4),
        row.IsDBNull(5) ? null : row.Json(5), row.GetFieldValue<DateTimeOffset>(6), row.GetFieldValue<DateTimeOffset>(7), row.GetInt64(8));

    public static async Task<ListView> FindAsync(Shard shard, Guid organizationId, Guid listId, CancellationToken ct) =>
        await shard.FirstAsync(organizationId, $"SELECT {Columns} FROM contact_lists l WHERE l.id = $1", Read, ct, listId)
        ?? throw Unknown();

    public static async Task<ListView> LockAsync(TenantTransaction transaction, Guid listId, long? seenVersion, CancellationToken ct)
    {
        var list = (await transaction.QueryAsync($"SELECT {Columns} FROM contact_lists l WHERE l.id = $1 FOR UPDATE", Read, ct,
            listId)) is [var row] ? row : throw Unknown();
        return seenVersion is { } seen && seen != list.RowVersion ? throw new VersionConflict(listId, named: true) : list;
    }

    /// <summary>How many match now.</summary>
    public static async Task<long> CountAsync(TenantTransaction transaction, Guid organizationId, JsonElement filters, CancellationToken ct)
    {
        var filter = ContactFilter.Compile(filters, first: 2);
        return (await transaction.QueryAsync(
            $"SELECT count(*) FROM contacts c WHERE c.organization_id = $1 AND {ContactRows.InOrder} AND {filter.Sql}", row =>
                row.GetInt64(0), ct, [organizationId, .. filter.Parameters]))[0];
    }

    public static NpgsqlParameter Filters(JsonElement? filters) =>
        ContactRows.Nullable(NpgsqlDbType.Jsonb, filters is { ValueKind: JsonValueKind.Object } given ? given.GetRawText() : null);

    public static Refusal Unknown() => new("list.unknown", "There is no such list.");
}

public sealed class GetListHandler(Shards shards) : IRequestHandler<GetList, ListView>
{
    public async Task<ListView> Handle(GetList query, CancellationToken ct) =>
        await ListRows.FindAsync(await shards.OfAsync(query.OrganizationId, ct), query.OrganizationId, query.ListId, ct);
}

public sealed class ListListsHandler(Shards shards) : IRequestHandler<ListLists, Page<ListView>>
{
    public async Task<Page<ListView>> Handle(ListLists query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var rows = await shard.QueryAsync(query.OrganizationId,
            $"SELECT {ListRows.Columns} FROM contact_lists l WHERE l.organization_id = $1 AND l.id > $2 ORDER BY l.id LIMIT $3",
            ListRows.Read, ct,
            query.OrganizationId, query.Cursor is null ? Guid.Empty : Guid.Parse(query.Cursor), query.Limit + 1);
        return rows.Count > query.Limit ? new(rows[..query.Limit], rows[query.Limit - 1].Id.ToString()) : new(rows, null);
    }
}

public sealed class CreateListHandler(Shards shards, AuditLog audit) : IRequestHandler<CreateList, Done>
{
    public async Task<Done> Handle(CreateList command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        var id = CurrentRequest.NewId();
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var count = command.Filters is { ValueKind: JsonValueKind.Object } filters
            ? await ListRows.CountAsync(transaction, command.OrganizationId, filters, ct) : 0;
        await transaction.ExecuteAsync(
            "INSERT INTO contact_lists (id, organization_id, name, description, contact_count, filters) VALUES ($1, $2, $3, $4, $5, $6)",
            ct,
            id, command.OrganizationId, command.Name.Trim(), ContactRows.Nullable(NpgsqlDbType.Text, command.Description), (int)count,
            ListRows.Filters(command.Filters));
        await audit.NoteAsync(transaction, shard, command.OrganizationId, "list.created", "list", id, null, ct);
        await transaction.CommitAsync(ct);
        return new(id, 1);
    }
}

public sealed class PatchListHandler(Shards shards, AuditLog audit) : IRequestHandler<PatchList, Done>
{
    public async Task<Done> Handle(PatchList command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var before = await ListRows.LockAsync(transaction, command.ListId, command.SeenVersion, ct);
        var name = command.Patch.TryGetProperty("name", out var newName) ? newName.GetString()!.Trim() : before.Name;
        var description = command.Patch.TryGetProperty("description", out var newDescription) ? newDescription.GetString()
            : before.Description;
        var filtersChange = command.Patch.TryGetProperty("filters", out var newFilters);
        JsonElement? filters = filtersChange ? newFilters.ValueKind == JsonValueKind.Null ? null : newFilters : before.Filters;
        if (filtersChange && filters is not null && before.Filters is null && before.ContactCount > 0)
        {
            throw new Refusal("list.has_members",
                "This list is kept by hand. Remove its members first, or make a new list for the filter.");
        }

        var count = !filtersChange || (filters is null && before.Filters is null) ? before.ContactCount
            : filters is { } given ? (int)await ListRows.CountAsync(transaction, command.OrganizationId, given, ct) : 0;
        await transaction.ExecuteAsync("""
            UPDATE contact_lists SET name = $2, description = $3, filters = $4, contact_count = $5, updated_at = now(), row_version = row_version + 1 WHERE id = $1
            """, ct, command.ListId, name, ContactRows.Nullable(NpgsqlDbType.Text, description), ListRows.Filters(filters), count);
        await audit.NoteAsync(transaction, shard, command.OrganizationId, "list.changed", "list", command.ListId,
            [.. command.Patch.EnumerateObject().Select(member => member.Name).Distinct()], ct);
        await transaction.CommitAsync(ct);
        return new(command.ListId, before.RowVersion + 1);
    }
}

public sealed class DeleteListHandler(Shards shards, AuditLog audit) : IRequestHandler<DeleteList, Done>
{
    // Its members go with it, and somebody may be changing them.
    public Task<Done> Handle(DeleteList command, CancellationToken ct) => Deadlock.RepeatedAsync(() => DeleteAsync(command, ct));

    private async Task<Done> DeleteAsync(DeleteList command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var before = await ListRows.LockAsync(transaction, command.ListId, command.SeenVersion, ct);
        await transaction.ExecuteAsync("DELETE FROM contact_lists WHERE id = $1", ct, command.ListId);
        await audit.NoteAsync(transaction, shard, command.OrganizationId, "list.deleted", "list", command.ListId, null, ct);
        await transaction.CommitAsync(ct);
        return new(command.ListId, before.RowVersion);
    }
}
