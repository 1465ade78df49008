using System.Text.Json;
using Bsp.Infrastructure.Contacts;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>An audience segment as a condition on <c>contacts c</c>; <c>$1</c> is the organization.</summary>
/// <param name="Condition">SQL without user text; values stand in <paramref name="Arguments"/> from <c>$2</c> on.</param>
public sealed record AudienceSql(string Condition, IReadOnlyList<object> Arguments)
{
    /// <summary>Translates a well-formed segment.</summary>
    /// <exception cref="Domain.Common.Refusal"><c>filter.invalid</c></exception>
    public static AudienceSql Of(JsonElement segment)
    {
        var only = segment.EnumerateObject().First();
        switch (only.Name)
        {
            case "all":
                return new("true", []);
            case "list_ids":
                return new("EXISTS (SELECT FROM contact_list_items i WHERE i.contact_id = c.id AND i.list_id = ANY ($2))", [Ids(only.Value)]);
            case "contact_ids":
                return new("c.id = ANY ($2)", [Ids(only.Value)]);
            default:
                var filter = ContactFilter.Compile(only.Value, first: 2);
                return new(filter.Sql, filter.Parameters);
        }
    }

    internal static Guid[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetGuid()).Distinct()];
}
