using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>Whose number or WABA a webhook speaks of, as they proved it with Meta.</summary>
/// <param name="ProvenAt">Since when; what Meta told of the number before is older than what was read at the proof.</param>
public sealed record NumberOwner(Guid OrganizationId, Guid AccountId, string PhoneNumberId, string WabaId, DateTime ProvenAt)
{
    /// <summary>Ids of other WABAs under which webhooks came for the number, and Meta confirmed it afterwards.</summary>
    public IReadOnlyList<string> OtherEntries { get; init; } = [];

    /// <summary>When Meta last confirmed it.</summary>
    public DateTime ConfirmedAt { get; init; }
}

/// <summary>
/// Finds owners in the directory, remembering them (and that there is none) for a second: whoever lost a number must not get its messages
/// for longer. Only proven numbers are there to be found. A webhook names number and
/// WABA; when the WABA is another than the proven one, the number may have moved: then nobody is found, and Meta is asked again.
/// </summary>
public sealed class NumberDirectory(Shards shards, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan RememberedFor = TimeSpan.FromSeconds(1);

    // A confirmed other WABA holds for so long; then Meta is asked again.
    private static readonly TimeSpan OtherEntryFor = TimeSpan.FromHours(1);

    private const long BytesMax = 16 * 1024 * 1024;

    // Meta's ids and numbers have up to 20 digits: what is longer is nobody's, and not remembered.
    private const int KeyCharsMax = 64;

    // Two bytes a character; an owner is two ids and the other WABAs' as long as a key at most.
    private const int OwnerBytes = 160 + (4 * KeyCharsMax);

    private readonly BoundedCache<(string Column, string Value), IReadOnlyList<NumberOwner>> cache =
        new("number_directory", BytesMax, (key, owners) =>
            64 + (2 * key.Value.Length) + owners.Sum(o => OwnerBytes + (2 * KeyCharsMax * o.OtherEntries.Count)), clock);

    /// <summary>What it takes.</summary>
    public IBoundedMemory Memory => cache;

    private readonly SemaphoreSlim doubts = new(0, 1);

    /// <summary>By Meta's phone_number_id and the WABA under which the webhook came; null: nobody's, or in doubt.</summary>
    /// <param name="appOf">The organization whose own app sent it: good for its own numbers only, and no reason for doubts; null: the
    /// platform's app.</param>
    public async Task<NumberOwner?> ByPhoneNumberIdAsync(string phoneNumberId, string wabaId, Guid? appOf, CancellationToken ct) =>
        await JudgedAsync((await FindAsync("phone_number_id", phoneNumberId, ct)).FirstOrDefault(), wabaId, appOf, ct);

    /// <summary>By the number's digits, for webhooks that name nothing else.</summary>
    public async Task<NumberOwner?> ByDisplayNumberAsync(string number, string wabaId, Guid? appOf, CancellationToken ct)
    {
        var owners = await FindAsync("display_digits", Digits(number), ct);
        return await JudgedAsync(owners.FirstOrDefault(o => o.WabaId == wabaId)
            ?? owners.FirstOrDefault(o => o.OtherEntries.Contains(wabaId)) ?? owners.FirstOrDefault(), wabaId, appOf, ct);
    }

    /// <summary>All proven numbers of a WABA.</summary>
    public async Task<IReadOnlyList<NumberOwner>> ByWabaAsync(string wabaId, Guid? appOf, CancellationToken ct) =>
        [.. (await FindAsync("waba_id", wabaId, ct)).Where(o => appOf is not { } own || own == o.OrganizationId)];

    /// <summary>
    /// Whether somebody proved this very number in this WABA: what is not routed all the same is not for them, and waits for nothing.
    /// </summary>
    /// <param name="appOf">The organization whose own app sent it: it waits for a number that nobody has, never for one that somebody
    /// proved.</param>
    internal async Task<bool> IsSettledAsync(string? phoneNumberId, string wabaId, string? displayDigits, Guid? appOf, CancellationToken ct)
    {
        var owners = phoneNumberId is not null ? await FindAsync("phone_number_id", phoneNumberId, ct)
            : displayDigits is not null ? await FindAsync("display_digits", displayDigits, ct)
            : await FindAsync("waba_id", wabaId, ct);
        return owners.Any(o => o.WabaId == wabaId || appOf is not null);
    }

    /// <summary>The digits of a number as it is shown.</summary>
    internal static string Digits(string number) => string.Concat(number.Where(char.IsAsciiDigit));

    /// <summary>A number was proven, or lost: the next look asks the directory.</summary>
    public void Forget() => cache.Clear();

    /// <summary>Waits until there is a doubt, or for <paramref name="patience"/>.</summary>
    internal Task DoubtsAsync(TimeSpan patience, CancellationToken ct) => doubts.WaitAsync(patience, ct);

    public void Dispose() => doubts.Dispose();

    private async Task<NumberOwner?> JudgedAsync(NumberOwner? owner, string wabaId, Guid? appOf, CancellationToken ct)
    {
        if (owner is null || (appOf is { } own && own != owner.OrganizationId))
        {
            return null;
        }

        if (owner.WabaId == wabaId
            || (owner.OtherEntries.Contains(wabaId) && owner.ConfirmedAt > clock.GetUtcNow().UtcDateTime - OtherEntryFor))
        {
            return owner;
        }

        if (appOf is null)
        {
            await DoubtAsync(owner.PhoneNumberId, ct);
        }

        return null;
    }

    private async Task DoubtAsync(string phoneNumberId, CancellationToken ct)
    {
        await using var command =
            shards.Directory.CreateCommand(
                "UPDATE bsp.directory_numbers SET doubted_at = now() WHERE phone_number_id = $1 AND doubted_at IS NULL");
        command.Parameters.Add(new() { Value = phoneNumberId });
        if (await command.ExecuteNonQueryAsync(ct) > 0)
        {
            try
            {
                doubts.Release();
            }
            catch (SemaphoreFullException)
            {
                // Raised already and not yet seen: one look finds both.
            }
        }
    }

    private async Task<IReadOnlyList<NumberOwner>> FindAsync(string column, string value, CancellationToken ct)
    {
        if (value.Length is 0 or > KeyCharsMax)
        {
            return [];
        }

        if (cache.TryGet((column, value), out var known))
        {
            return known;
        }

        var owners = await ReadAsync(column, value, ct);
        cache.Put((column, value), owners, RememberedFor);
        return owners;
    }

    private async Task<IReadOnlyList<NumberOwner>> ReadAsync(string column, string value, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand($"""
            SELECT organization_id, account_id, phone_number_id, waba_id, proven_at, other_entries, confirmed_at FROM bsp.directory_numbers WHERE {column} = $1 AND proven_at IS NOT NULL ORDER BY proven_at, phone_number_id
            """);
        command.Parameters.Add(new() { Value = value });
        var owners = new List<NumberOwner>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            owners.Add(new(reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2), reader.GetString(3), reader.GetDateTime(4))
            {
                OtherEntries = reader.GetFieldValue<string[]>(5),
                ConfirmedAt = reader.IsDBNull(6) ? default : reader.GetDateTime(6),
            });
        }

        return owners;
    }
}
