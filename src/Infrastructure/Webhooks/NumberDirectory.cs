using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>Whose number or WABA a webhook speaks of.</summary>
public sealed record NumberOwner(Guid OrganizationId, Guid AccountId, string PhoneNumberId, string WabaId);

/// <summary>Finds owners in the directory, remembering them for a minute (and unknown ones for a second).</summary>
public sealed class NumberDirectory(Shards shards, TimeProvider clock)
{
    private static readonly TimeSpan KnownFor = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan UnknownFor = TimeSpan.FromSeconds(1);

    /// <summary>Characters of an id that can be somebody's; Meta's have some 15 to 20. A longer one is nobody's, and neither asked for nor remembered.</summary>
    internal const int IdCharactersMax = 128;

    private const long BytesMax = 16 * 1024 * 1024;

    // Two bytes a character; an owner is two ids and two texts as long as the key at most.
    private const int OwnerBytes = 128 + (4 * IdCharactersMax);

    private readonly BoundedCache<(string Column, string Value), IReadOnlyList<NumberOwner>> cache =
        new("number_directory", BytesMax, (key, owners) => 64 + (2 * key.Value.Length) + (owners.Count * OwnerBytes), clock);

    /// <summary>What it takes.</summary>
    public IBoundedMemory Memory => cache;

    /// <summary>By Meta's phone_number_id; null: not ours.</summary>
    public async Task<NumberOwner?> ByPhoneNumberIdAsync(string phoneNumberId, CancellationToken ct) => (await FindAsync("phone_number_id", phoneNumberId, ct)).FirstOrDefault();

    /// <summary>By the number's digits, for webhooks that name nothing else.</summary>
    public async Task<NumberOwner?> ByDisplayNumberAsync(string number, CancellationToken ct) =>
        (await FindAsync("display_digits", string.Concat(number.Take(IdCharactersMax + 1).Where(char.IsAsciiDigit)), ct)).FirstOrDefault();

    /// <summary>All numbers of a WABA.</summary>
    public Task<IReadOnlyList<NumberOwner>> ByWabaAsync(string wabaId, CancellationToken ct) => FindAsync("waba_id", wabaId, ct);

    private async Task<IReadOnlyList<NumberOwner>> FindAsync(string column, string value, CancellationToken ct)
    {
        if (value.Length is 0 or > IdCharactersMax)
        {
            return [];
        }

        if (cache.TryGet((column, value), out var known))
        {
            return known;
        }

        await using var command = shards.Directory.CreateCommand($"SELECT organization_id, account_id, phone_number_id, waba_id FROM bsp.directory_numbers WHERE {column} = $1");
        command.Parameters.Add(new() { Value = value });
        var owners = new List<NumberOwner>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            owners.Add(new(reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2), reader.GetString(3)));
        }

        cache.Put((column, value), owners, owners.Count > 0 ? KnownFor : UnknownFor);
        return owners;
    }
}
