using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Lists;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Lists;

public sealed class ListMembersHandler(Shards shards) : IRequestHandler<ListMembers, Page<ContactView>>
{
    public async Task<Page<ContactView>> Handle(ListMembers query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var list = await ListRows.FindAsync(shard, query.OrganizationId, query.ListId, ct);
        var after = query.Cursor is null ? Guid.Empty : Guid.Parse(query.Cursor);
        var rows = list.Filters is { } filters ? await ByFilterAsync(shard, query, filters, after, ct)
            : await ByHandAsync(shard, query, after, ct);
        return rows.Count > query.Limit ? new(rows[..query.Limit], rows[query.Limit - 1].Id.ToString()) : new(rows, null);
    }

    private static Task<List<ContactView>> ByHandAsync(Shard shard, ListMembers query, Guid after, CancellationToken ct) =>
        shard.QueryAsync(query.OrganizationId, $"""
            SELECT {ContactRows.Columns} FROM contact_list_items i JOIN contacts c ON c.id = i.contact_id
            WHERE i.list_id = $1 AND i.contact_id > $2 ORDER BY i.contact_id LIMIT $3
            """, ContactRows.Read, ct, query.ListId, after, query.Limit + 1);

    private static Task<List<ContactView>> ByFilterAsync(Shard shard, ListMembers query, JsonElement filters, Guid after,
        CancellationToken ct)
    {
        var filter = ContactFilter.Compile(filters, first: 4);
        return shard.QueryAsync(query.OrganizationId,
            $"SELECT {ContactRows.Columns} FROM contacts c WHERE c.organization_id = $1 AND c.id > $2 AND {ContactRows.InOrder} AND {filter.Sql} ORDER BY c.id LIMIT $3",
            ContactRows.Read, ct, [query.OrganizationId, after, query.Limit + 1, .. filter.Parameters]);
    }
}

/// <summary>The trigger on contact_list_items moves contact_count in this same transaction.</summary>
public sealed class ChangeListMembersHandler(Shards shards, AuditLog audit) : IRequestHandler<ChangeListMembers, Done>
{
    private const int AttemptsMax = 20;

    public async Task<Done> Handle(ChangeListMembers command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            try
            {
                if (await ChangeAsync(shard, command, ct) is { } done)
                {
                    return done;
                }
            }
            catch (PostgresException e)
                when (attempt < AttemptsMax && e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.ForeignKeyViolation)
            {
                // Others moved the same people in another order, or a contact was deleted meanwhile: look again.
            }
        }

        throw new VersionConflict(command.ListId, named: false);
    }

    // Null: one of them became part of another contact while the locks were waited for: look again whom the ids mean.
    private async Task<Done?> ChangeAsync(Shard shard, ChangeListMembers command, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        await RequireAsync(transaction, command.ListId, "", ct);
        var add = await transaction.ResolveAliasesAsync(command.OrganizationId, [.. command.Add], ct);
        var remove = await transaction.ResolveAliasesAsync(command.OrganizationId, [.. command.Remove], ct);
        Guid[] named = [.. add.Concat(remove).Distinct()];
        var known = await transaction.QueryAsync("SELECT id FROM contacts WHERE id = ANY ($1) ORDER BY id FOR KEY SHARE", row =>
            row.GetGuid(0), ct, named);
        if (known.Count < named.Length)
        {
            if (!add.Concat(remove)
                .SequenceEqual(await transaction.ResolveAliasesAsync(command.OrganizationId, [.. command.Add, .. command.Remove], ct)))
            {
                return null;
            }

            throw new Refusal("contact.unknown", $"There is no contact {named.Except(known).First()}. Nothing was changed.");
        }

        // The list before its items: else one caller's counting waits for another's adding, which waits for the first one's removing.
        var list = await RequireAsync(transaction, command.ListId, "FOR NO KEY UPDATE", ct);
        await transaction.ExecuteAsync("DELETE FROM contact_list_items WHERE list_id = $1 AND contact_id = ANY ($2)", ct, command.ListId,
            remove.Distinct().ToArray());
        await transaction.ExecuteAsync("""
            INSERT INTO contact_list_items (contact_id, list_id, organization_id) SELECT id, $1, $2 FROM unnest($3::uuid[]) AS id ORDER BY id ON CONFLICT DO NOTHING
            """, ct, command.ListId, command.OrganizationId, add.Distinct().ToArray());
        string[] changed =
            [.. new[] { ("add", add.Count), ("remove", remove.Count) }.Where(part => part.Item2 > 0).Select(part => part.Item1)];
        await audit.NoteAsync(transaction, shard, command.OrganizationId, "list.members_changed", "list", command.ListId, changed, ct);
        await transaction.CommitAsync(ct);
        return new(command.ListId, list.RowVersion);
    }

    private static async Task<ListView> RequireAsync(TenantTransaction transaction, Guid listId, string locking, CancellationToken ct)
    {
        var list = (await transaction.QueryAsync($"SELECT {ListRows.Columns} FROM contact_lists l WHERE l.id = $1 {locking}",
            ListRows.Read, ct, listId)) is [var row] ? row : throw ListRows.Unknown();
        return list.Filters is null ? list
            : throw new Refusal("list.filtered", "Members of a filtered list are whoever matches its filter.");
    }
}

public sealed class PreviewFilterHandler(Shards shards) : IRequestHandler<PreviewFilter, ListPreview>
{
    public async Task<ListPreview> Handle(PreviewFilter query, CancellationToken ct) => await PreviewListHandler.ByFilterAsync(
        await shards.OfAsync(query.OrganizationId, ct), query.OrganizationId, query.Filters!.Value, null, ct);
}

public sealed class PreviewListHandler(Shards shards) : IRequestHandler<PreviewList, ListPreview>
{
    private const int SampleContacts = 10;

    // So few of a million are found sooner by a look at everybody in any order, which several workers share, than in the order of ids.
    private const int FewContacts = 1_000;

    public async Task<ListPreview> Handle(PreviewList query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var list = await ListRows.FindAsync(shard, query.OrganizationId, query.ListId, ct);
        var own = query.Filters is not { ValueKind: JsonValueKind.Object };
        return (own ? list.Filters : query.Filters) is { } filters
            ? await ByFilterAsync(shard, query.OrganizationId, filters, own ? query.ListId : null, ct)
            : await ByHandAsync(shard, query, list.ContactCount, ct);
    }

    private static async Task<ListPreview> ByHandAsync(Shard shard, PreviewList query, int count, CancellationToken ct) =>
        new(count, await shard.QueryAsync(query.OrganizationId, $"""
            SELECT {ContactRows.Columns} FROM contact_list_items i JOIN contacts c ON c.id = i.contact_id WHERE i.list_id = $1 ORDER BY i.contact_id LIMIT $2
            """, ContactRows.Read, ct, query.ListId, SampleContacts));

    // Own: the list whose filter it is, and which remembers the count.
    internal static async Task<ListPreview> ByFilterAsync(Shard shard, Guid organizationId, JsonElement filters, Guid? own,
        CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        var count = await ListRows.CountAsync(transaction, organizationId, filters, ct);
        var sample = count == 0 ? [] : await SampleAsync(transaction, organizationId, filters, count, ct);
        if (own is { } list)
        {
            await transaction.ExecuteAsync(
                "UPDATE contact_lists SET contact_count = $2 WHERE id = $1 AND filters IS NOT NULL AND contact_count <> $2", ct,
                list, (int)count);
        }

        await transaction.CommitAsync(ct);
        return new(count, sample);
    }

    private static Task<List<ContactView>> SampleAsync(TenantTransaction transaction, Guid organizationId, JsonElement filters, long count,
        CancellationToken ct)
    {
        var filter = ContactFilter.Compile(filters, first: 3);
        var matching = $"contacts c WHERE c.organization_id = $1 AND {ContactRows.InOrder} AND {filter.Sql}";
        return transaction.QueryAsync(
            $"SELECT {ContactRows.Columns} FROM {(count <= FewContacts ? $"(SELECT * FROM {matching} OFFSET 0) c" : matching)} ORDER BY c.id LIMIT $2", ContactRows.Read, ct,
            [organizationId, SampleContacts, .. filter.Parameters]);
    }
}
