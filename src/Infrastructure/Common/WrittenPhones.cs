using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Infrastructure.Sharding;
using FluentValidation;

namespace Bsp.Infrastructure.Common;

/// <summary>Numbers that people write, read with what their organization knows: its default country, and who is known by numbers that no
/// library has heard of. Decision: docs/decisions/0155.</summary>
internal static class WrittenPhones
{
    /// <summary>The country whose numbers may be written without country code (<c>settings.default_country</c>); null: there is
    /// none.</summary>
    public static async Task<string?> DefaultCountryAsync(this Shard shard, Guid organizationId, CancellationToken ct) =>
        (await shard.QueryAsync(organizationId, "SELECT settings ->> 'default_country' FROM organizations WHERE id = $1",
            r => r.TextOrNull(0), ct, organizationId)) is [{ } code] && E164.IsCountry(code) ? code : null;

    /// <summary>What was written; the default country is asked for only where no country code is.</summary>
    public static async Task<PhoneReading> ReadPhoneAsync(this Shard shard, Guid organizationId, string written, CancellationToken ct)
    {
        var reading = E164.Read(written, null);
        return reading.IsBare && await shard.DefaultCountryAsync(organizationId, ct) is { } country ? E164.Read(written, country) : reading;
    }

    /// <summary>A contact's number as it is stored; null when none is written.</summary>
    /// <exception cref="ValidationException"><c>contact.phone_number_invalid</c></exception>
    public static async Task<string?> PhoneOfContactAsync(this Shard shard, Guid organizationId, string? written, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(written))
        {
            return null;
        }

        var reading = await shard.ReadPhoneAsync(organizationId, written, ct);
        return reading.E164 ?? throw new ValidationException([ContactFieldsValidator.PhoneFault(written, reading.Fault!)]);
    }

    /// <summary>Of these numbers, those that contacts have (also the contacts that those became part of who had them): the number asked for
    /// and the number that the contact has, null when it has none any more.</summary>
    public static Task<List<(string Asked, string? Has, Guid Contact)>> HoldersAsync(
        this Shard shard, Guid organizationId, IReadOnlyCollection<string> numbers, CancellationToken ct) =>
        shard.QueryAsync(organizationId, Holders, Holder, ct, organizationId, numbers.ToArray());

    /// <inheritdoc cref="HoldersAsync(Shard, Guid, IReadOnlyCollection{string}, CancellationToken)"/>
    public static Task<List<(string Asked, string? Has, Guid Contact)>> HoldersAsync(
        this TenantTransaction transaction, Guid organizationId, IReadOnlyCollection<string> numbers, CancellationToken ct) =>
        transaction.QueryAsync(Holders, Holder, ct, organizationId, numbers.ToArray());

    private const string Holders = """
        SELECT c.phone_number, c.phone_number, c.id FROM contacts c WHERE c.organization_id = $1 AND c.phone_number = ANY ($2)
        UNION ALL SELECT x.phone_number, c.phone_number, c.id FROM bsp.contact_aliases x JOIN contacts c ON c.id = x.into_id
          WHERE x.organization_id = $1 AND x.phone_number = ANY ($2)
        """;

    private static (string Asked, string? Has, Guid Contact) Holder(Npgsql.NpgsqlDataReader row) =>
        (row.GetString(0), row.TextOrNull(1), row.GetGuid(2));
}
