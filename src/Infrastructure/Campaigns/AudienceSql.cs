using System.Text.Json;
using Bsp.Application.Campaigns;
using Bsp.Application.Contacts;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>An audience segment as a condition on <c>contacts c</c>; <c>$1</c> is the organization.</summary>
/// <param name="Condition">SQL without user text; values stand in <paramref name="Arguments"/> from <c>$2</c> on.</param>
public sealed record AudienceSql(string Condition, IReadOnlyList<object> Arguments)
{
    /// <summary>Translates a well-formed segment. A list with filters holds whom they match now; one without holds its items.</summary>
    /// <exception cref="FilterFault">A filter is malformed.</exception>
    public static async Task<AudienceSql> OfAsync(Shard shard, Guid organizationId, JsonElement segment, CancellationToken ct)
    {
        var only = segment.EnumerateObject().First();
        switch (only.Name)
        {
            case "all":
                return new("true", []);
            case "list_ids":
                return await ListsAsync(shard, organizationId, Ids(only.Value), ct);
            case "contact_ids":
                return new("c.id = ANY ($2)", [(await shard.ResolveAliasesAsync(organizationId, Ids(only.Value), ct)).ToArray()]);
            case AudienceSegment.Retry:
                return new("""
                    c.id IN (SELECT coalesce(x.into_id, r.contact_id) FROM bsp.campaign_retries r
                               LEFT JOIN bsp.contact_aliases x ON x.contact_id = r.contact_id WHERE r.retry_id = $2)
                    """, [only.Value.GetGuid()]);
            default:
                var filter = ContactFilter.Compile(only.Value, first: 2);
                return new(filter.Sql, filter.Parameters);
        }
    }

    private static async Task<AudienceSql> ListsAsync(Shard shard, Guid organizationId, Guid[] ids, CancellationToken ct)
    {
        var filters =
            await shard.QueryAsync(organizationId,
                "SELECT filters FROM contact_lists WHERE organization_id = $1 AND id = ANY ($2) AND filters IS NOT NULL", r =>
                    r.Json(0), ct, organizationId, ids);
        var conditions =
            new List<string> { "EXISTS (SELECT FROM contact_list_items i WHERE i.contact_id = c.id AND i.list_id = ANY ($2))" };
        var arguments = new List<object> { ids };
        foreach (var json in filters)
        {
            var filter = ContactFilter.Compile(json, first: arguments.Count + 2);
            conditions.Add($"({filter.Sql})");
            arguments.AddRange(filter.Parameters);
        }

        return new(string.Join(" OR ", conditions), arguments);
    }

    /// <summary>A parameter object belongs to one command.</summary>
    internal static object Fresh(object argument) => argument is NpgsqlParameter parameter
        ? new NpgsqlParameter { NpgsqlDbType = parameter.NpgsqlDbType, Value = parameter.Value } : argument;

    internal static Guid[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetGuid()).Distinct()];
}
