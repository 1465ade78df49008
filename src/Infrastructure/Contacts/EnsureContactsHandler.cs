using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// One call of <c>bsp.ensure_contacts</c>; again when two callers met in it. A number and a user id that were two contacts become one, as
/// do two spellings of one telephone.
/// </summary>
public sealed class EnsureContactsHandler(Shards shards, ContactMerger merger, ContactCache cache, Suppressions suppressions)
    : IRequestHandler<EnsureContacts, IReadOnlyList<EnsuredContact>>
{
    private const int IdentitiesMax = 5000;
    private const int AttemptsMax = 5;

    public async Task<IReadOnlyList<EnsuredContact>> Handle(EnsureContacts command, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(command.Identities.Count, IdentitiesMax);
        if (command.Identities.Any(i => string.IsNullOrEmpty(i.PhoneNumber) && string.IsNullOrEmpty(i.WaUserId)))
        {
            throw new ArgumentException("Each identity needs a phone number or a user id.", nameof(command));
        }

        var shard = await shards.OfAsync(command.OrganizationId, ct);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await EnsureAsync(shard, command, ct);
            }
            catch (PostgresException e)
                when (attempt < AttemptsMax && e.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.DeadlockDetected)
            {
                // The other caller has committed or goes on: next time its row is found.
            }
        }
    }

    private async Task<IReadOnlyList<EnsuredContact>> EnsureAsync(Shard shard, EnsureContacts command, CancellationToken ct)
    {
        var people = command.Identities;
        var spelled = people.Select(p => p.PhoneNumber is { Length: > 0 } phone ? E164.OfWaId(phone) : null).OfType<string>()
            .Where(PhoneSpellings.MayDiffer).Distinct().ToArray();
        if (spelled.Length > 0)
        {
            // two contacts of one telephone from before there were keys: nearly always none
            await new SpellingTwins(shards, merger).SettleAsync(shard, command.OrganizationId, spelled, ct);
        }

        var names = people.Select(p => Name(p.ProfileName)).ToList();
        var newIds = people.Select(_ => Uuid.New()).ToArray();
        var found = await shard.QueryAsync(command.OrganizationId,
            "SELECT contact_id, other_id, changed_phone FROM bsp.ensure_contacts($1, $2, $3, $4, $5, $6, $7) ORDER BY n",
            row => (Id: row.GetGuid(0), Other: row.IsDBNull(1) ? (Guid?)null : row.GetGuid(1), Changed: row.TextOrNull(2)), ct,
            command.OrganizationId,
            Texts(people.Select(p => string.IsNullOrEmpty(p.PhoneNumber) ? null : E164.OfWaId(p.PhoneNumber))),
            Texts(people.Select(p => string.IsNullOrEmpty(p.WaUserId) ? null : p.WaUserId)),
            Texts(names.Select(n => n.First)), Texts(names.Select(n => n.Last)), newIds,
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
                Value = people.Select(p => p.SaidAt?.UtcDateTime).ToArray() });
        await SuppressAsync(shard, command, ct);
        await cache.RemoveAsync(command.OrganizationId, [.. found.Select(f => f.Changed).OfType<string>().Distinct()], ct);
        var made = newIds.ToHashSet();
        var seen = new HashSet<Guid>();
        var merged = new Dictionary<Guid, Guid>();
        foreach (var (id, other, _) in found.Where(f => f.Other is not null).Distinct())
        {
            merged[id] = await merger.MergeAsync(command.OrganizationId, other!.Value, id, "webhook", ct);
        }

        return [.. found.Select(f => new EnsuredContact(merged.GetValueOrDefault(f.Id, f.Id), made.Contains(f.Id) && seen.Add(f.Id)))];
    }

    // Each time, not only for whom was made just now: killed in between, the webhook comes again and finds them made.
    private Task SuppressAsync(Shard shard, EnsureContacts command, CancellationToken ct) =>
        suppressions.ApplyAsync(shard, command.OrganizationId,
        command.Identities.Select(i =>
            new Reach(string.IsNullOrEmpty(i.PhoneNumber) ? null : E164.OfWaId(i.PhoneNumber), string.IsNullOrEmpty(i.WaUserId) ? null
                : i.WaUserId)), ct);

    // "Ann Marie Smith" → Ann, Marie Smith. A profile name is what the person typed: cut to what the table's bound is between two
    // characters, control characters dropped.
    private static (string? First, string? Last) Name(string? profile)
    {
        var clean = Text.Cut(new string([.. (profile ?? "").Where(c => !char.IsControl(c))]).Trim(),
            ContactFieldsValidator.NameCharactersMax).Trim();
        var space = clean.IndexOf(' ');
        return clean.Length == 0 ? (null, null) : space < 0 ? (clean, null) : (clean[..space], clean[(space + 1)..].Trim());
    }

    private static NpgsqlParameter Texts(IEnumerable<string?> texts) =>
        new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = texts.ToArray() };
}
