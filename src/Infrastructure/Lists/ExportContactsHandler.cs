using System.Runtime.CompilerServices;
using Bsp.Application.Contacts;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Lists;

/// <summary>Pages by id, each in a transaction of its own: a slow reader holds nothing.</summary>
public sealed class ExportContactsHandler(Shards shards) : IRequestHandler<ExportContacts, IAsyncEnumerable<IReadOnlyList<ContactView>>>
{
    private const int PageContacts = 2_000;

    public async Task<IAsyncEnumerable<IReadOnlyList<ContactView>>> Handle(ExportContacts query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var conditions = new List<string> { "true" };
        var arguments = new List<object>();
        if (query.ListId is { } id)
        {
            var list = await ListRows.FindAsync(shard, query.OrganizationId, id, ct);
            if (list.Filters is { } own)
            {
                Add(ContactFilter.Compile(own, first: 4 + arguments.Count));
            }
            else
            {
                conditions.Add(
                    $"EXISTS (SELECT FROM contact_list_items i WHERE i.contact_id = c.id AND i.list_id = ${4 + arguments.Count})");
                arguments.Add(id);
            }
        }

        if (query.Filter is { ValueKind: System.Text.Json.JsonValueKind.Object } given)
        {
            Add(ContactFilter.Compile(given, first: 4 + arguments.Count));
        }

        return PagesAsync(shard, query.OrganizationId, string.Join(" AND ", conditions), arguments, ct);

        void Add(ContactFilter filter)
        {
            conditions.Add(filter.Sql);
            arguments.AddRange(filter.Parameters);
        }
    }

    private static async IAsyncEnumerable<IReadOnlyList<ContactView>> PagesAsync(Shard shard, Guid organizationId, string condition,
        List<object> arguments, [EnumeratorCancellation] CancellationToken ct)
    {
        var after = Guid.Empty;
        while (true)
        {
            var page = await shard.QueryAsync(organizationId,
                $"SELECT {ContactRows.Columns} FROM contacts c WHERE c.organization_id = $1 AND c.id > $2 AND {ContactRows.InOrder} AND {condition} ORDER BY c.id LIMIT $3",
                ContactRows.Read, ct, [organizationId, after, PageContacts, .. arguments.Select(Fresh)]);
            if (page.Count > 0)
            {
                yield return page;
            }

            if (page.Count < PageContacts)
            {
                yield break;
            }

            after = page[^1].Id;
        }
    }

    // A parameter object belongs to one command.
    private static object Fresh(object argument) => argument is Npgsql.NpgsqlParameter parameter
        ? new Npgsql.NpgsqlParameter { NpgsqlDbType = parameter.NpgsqlDbType, Value = parameter.Value } : argument;
}
