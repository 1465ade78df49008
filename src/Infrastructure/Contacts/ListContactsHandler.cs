using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Infrastructure.Sharding;
using MediatR;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Contacts;

/// <summary>Pages by id through <c>bsp.search_contacts</c>, which runs as the tables' owner so that LIKE and @&gt; keep their indexes under row-level security.</summary>
public sealed class ListContactsHandler(Shards shards) : IRequestHandler<ListContacts, Page<ContactView>>
{
    public async Task<Page<ContactView>> Handle(ListContacts query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var words = query.Q?.Trim() is { Length: > 0 } q ? q : null;
        var phone = query.Phone?.Trim() is { Length: > 0 } beginning ? Prefix(beginning) : null;
        if (words is not null && phone is null && words.TrimStart('+').All(c => char.IsAsciiDigit(c) || c == ' '))
        {
            phone = Prefix(words);
            words = null;
        }

        var rows = await shard.QueryAsync(query.OrganizationId, $"SELECT {ContactRows.Columns} FROM bsp.search_contacts($1, $2, $3, $4, $5, $6, $7) c", ContactRows.Read, ct,
            Text(words is null ? null : $"%{ContactFilter.Escape(words.ToLowerInvariant())}%"), Text(phone), Text(phone is null ? null : After(phone)), Text(query.Tag), Text(query.Consent),
            ContactRows.Nullable(NpgsqlDbType.Uuid, query.Cursor is null ? null : Guid.Parse(query.Cursor)), query.Limit + 1);
        return rows.Count > query.Limit ? new(rows[..query.Limit], rows[query.Limit - 1].Id.ToString()) : new(rows, null);
    }

    // '+' in a query string arrives as a blank, and people leave it out.
    internal static string Prefix(string phone) => $"+{new string([.. phone.Where(char.IsAsciiDigit)])}";

    /// <summary>The first text of digits beyond all that begin with this one; null when there is none (all nines).</summary>
    internal static string? After(string prefix)
    {
        var kept = prefix.TrimEnd('9');
        return kept.Length <= 1 ? null : kept[..^1] + (char)(kept[^1] + 1);
    }

    private static Npgsql.NpgsqlParameter Text(string? value) => ContactRows.Nullable(NpgsqlDbType.Text, value);
}
