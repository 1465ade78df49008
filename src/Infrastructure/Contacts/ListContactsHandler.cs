using System.Globalization;
using System.Text.Json.Nodes;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using FluentValidation;
using MediatR;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// Pages by id, or by number where the beginning of one is asked for, through <c>bsp.search_contacts</c>, which runs as the tables' owner
/// so that LIKE and @&gt; keep their indexes under row-level security.
/// </summary>
public sealed class ListContactsHandler(Shards shards, ContactCache cache) : IRequestHandler<ListContacts, Page<ContactView>>
{
    public async Task<Page<ContactView>> Handle(ListContacts query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var exact = await ExactAsync(shard, query, ct);
        if (exact is not null && query is { Q: null, Phone: null, Tag: null, Consent: null, Email: null, Custom.Count: 0, Cursor: null })
        {
            var one = await cache.GetAsync(query.OrganizationId, exact, async () =>
                (await SearchAsync(shard, query, null, exact, After(exact), query.Limit, ct)).Find(c => c.PhoneNumber == exact), ct);
            one ??= await ByAliasAsync(shard, query, exact, ct);
            return new(one is null ? [] : [one], null);
        }

        var words = query.Q?.Trim() is { Length: > 0 } q ? q : null;
        var phone = query.Phone?.Trim() is { Length: > 0 } beginning ? Prefix(beginning) : null;
        if (words is not null && phone is null && words.All(c => c is not ('-' or '(' or ')')) && E164.Digits(words).Digits is not null)
        {
            phone = Prefix(words);
            words = null;
        }

        if (exact is not null)
        {
            // The few numbers that begin like a whole number.
            var near = phone is null || exact.StartsWith(phone, StringComparison.Ordinal)
                ? await SearchAsync(shard, query, words, exact, After(exact), query.Limit, ct) : [];
            return new([.. near.Where(c => c.PhoneNumber == exact)], null);
        }

        var rows = await SearchAsync(shard, query, words, phone, phone is null ? null : After(phone), query.Limit + 1, ct);
        return rows.Count > query.Limit
            ? new(rows[..query.Limit], phone is null ? rows[query.Limit - 1].Id.ToString() : rows[query.Limit - 1].PhoneNumber)
            : new(rows, null);
    }

    private static Task<List<ContactView>> SearchAsync(Shard shard, ListContacts query, string? words, string? from, string? to, int limit,
        CancellationToken ct) =>
        shard.QueryAsync(query.OrganizationId,
            $"SELECT {ContactRows.Columns} FROM bsp.search_contacts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) c",
            ContactRows.Read, ct,
            Text(words is null ? null : $"%{ContactFilter.Escape(words.ToLowerInvariant())}%"), Text(from), Text(to), Text(query.Tag),
            Text(query.Consent),
            Text(query.Email?.Trim().ToLowerInvariant()),
            Text(query.Email is null ? null : LocalPart(query.Email.Trim().ToLowerInvariant())),
            Json(query.Custom, value => JsonValue.Create(value)), Json(query.Custom, Typed),
            ContactRows.Nullable(NpgsqlDbType.Uuid, from is null && query.Cursor is not null ? Guid.Parse(query.Cursor) : null),
            Text(from is null ? null : query.Cursor), limit);

    // A pattern of what few have: the domain is in every second row.
    private static string LocalPart(string email) =>
        $"%{ContactFilter.Escape(email.IndexOf('@') is > 0 and var at ? email[..(at + 1)] : email)}%";

    private static Npgsql.NpgsqlParameter Json(IReadOnlyDictionary<string, string> custom, Func<string, JsonNode?> value) =>
        ContactRows.Nullable(NpgsqlDbType.Jsonb, custom.Count == 0 ? null
            : new JsonObject(custom.Select(p => KeyValuePair.Create(p.Key, value(p.Value)))).ToJsonString());

    // A number or a boolean where the text is one.
    private static JsonNode? Typed(string text) => text is "true" or "false" ? JsonValue.Create(text == "true")
        : decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
            out var number) ? JsonValue.Create(number) : JsonValue.Create(text);

    // Whoever became part of another contact had the number.
    private static async Task<ContactView?> ByAliasAsync(Shard shard, ListContacts query, string number, CancellationToken ct) =>
        (await shard.HoldersAsync(query.OrganizationId, [number], ct)).Find(h => h.Has is not null) is { Has: { } has }
            ? (await SearchAsync(shard, query, null, has, After(has), query.Limit, ct)).Find(c => c.PhoneNumber == has) : null;

    // In whichever spelling somebody here has it; the number itself where nobody does. A number that no country has is looked for, too:
    // Meta may have named it.
    private static async Task<string?> ExactAsync(Shard shard, ListContacts query, CancellationToken ct)
    {
        if (query.PhoneNumber is not { } written)
        {
            return null;
        }

        var reading = await shard.ReadPhoneAsync(query.OrganizationId, written, ct);
        if ((reading.E164 ?? reading.Written) is not { } number)
        {
            throw new ValidationException([ContactFieldsValidator.PhoneFault(written, reading.Fault!)]);
        }

        if (reading.E164 is not null && !PhoneSpellings.MayDiffer(number))
        {
            return number;
        }

        var holders = await shard.HoldersAsync(query.OrganizationId, PhoneSpellings.Of(number), ct);
        return holders.Find(h => h.Asked == number).Has ?? holders.Find(h => h.Has is not null).Has ?? reading.E164
            ?? throw new ValidationException([ContactFieldsValidator.PhoneFault(written, reading.Fault!)]);
    }

    // '+' in a query string arrives as a blank, and people leave it out.
    internal static string Prefix(string phone) => $"+{E164.Digits(phone).Digits?.TrimStart('+')}";

    /// <summary>The first text of digits beyond all that begin with this one; null when there is none (all nines).</summary>
    internal static string? After(string prefix)
    {
        var kept = prefix.TrimEnd('9');
        return kept.Length <= 1 ? null : kept[..^1] + (char)(kept[^1] + 1);
    }

    private static Npgsql.NpgsqlParameter Text(string? value) => ContactRows.Nullable(NpgsqlDbType.Text, value);
}
