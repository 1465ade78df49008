using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// News is ordered by Meta's clock, for the number and for the user id: event and row change in one transaction, and what is older than
/// what is known changes nothing. The old number is kept for what was
/// said while it was theirs, not longer: the network gives it to somebody else. Decision: docs/decisions/0117.
/// </summary>
public sealed class ChangeContactIdentityHandler(Shards shards, PostgresEventStore store, IPersonalData personal, ContactMerger merger,
    ContactCache cache, Suppressions suppressions, TimeProvider clock) : IRequestHandler<ChangeContactIdentity, Guid?>
{
    private const int AttemptsMax = 10;
    private const int WaitingMax = 20; // pieces of news of one person that came in the wrong order

    private const string Columns = "c.id, c.phone_number, c.wa_user_id, c.phone_said_at, c.wa_user_id_said_at";

    private sealed record Row(Guid Id, string? Phone, string? WaUserId, DateTimeOffset? PhoneSaidAt, DateTimeOffset? UserSaidAt)
    {
        public static Row Read(NpgsqlDataReader r) => new(r.GetGuid(0), r.TextOrNull(1), r.TextOrNull(2), r.TimeOrNull(3), r.TimeOrNull(4));

        // What of the news is no older than what is known; nothing: it is outdated.
        public ContactIdentity Later(ChangeContactIdentity news) => new(
            news.After.PhoneNumber is { } phone && (phone == Phone || !(PhoneSaidAt > news.SaidAt)) ? phone : null,
            news.After.WaUserId is { } user && (user == WaUserId || !(UserSaidAt > news.SaidAt)) ? user : null, null);
    }

    public async Task<Guid?> Handle(ChangeContactIdentity command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        if (await ChangeAsync(shard, command, ct) is not { } contact)
        {
            return (await ReachedAsync(shard, command.OrganizationId, command.After, ct))?.Id;
        }

        for (var (news, n) = (command, 0); n < WaitingMax
            && await WaitingIdentityNews.NextAsync(shard, command.OrganizationId, news.After, news.SaidAt, ct) is { } next; n++)
        {
            if (await ChangeAsync(shard, next, ct) is null)
            {
                break; // nobody arrived there after all: it goes on waiting
            }

            await WaitingIdentityNews.DropAsync(shard, next, ct);
            news = next;
        }

        return contact;
    }

    // Null: nobody is known by what the person was reached by; it waits.
    private async Task<Guid?> ChangeAsync(Shard shard, ChangeContactIdentity command, CancellationToken ct)
    {
        var parked = false;
        for (var attempt = 1; ; attempt++)
        {
            if (await HolderAsync(shard, command, ct) is not { } known)
            {
                if (parked)
                {
                    return null;
                }

                await WaitingIdentityNews.ParkAsync(shard, command, ct);
                parked = true; // and looked for once more: whoever becomes known from here on finds it
                continue;
            }

            try
            {
                if (await TryAsync(shard, command, known, ct))
                {
                    if (parked)
                    {
                        await WaitingIdentityNews.DropAsync(shard, command, ct);
                    }

                    return known.Id;
                }
            }
            catch (Exception e)
                when (attempt < AttemptsMax
                    && e is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation } or Refusal { Code: "contact.merged" or "contact.unknown" })
            {
                // A message from the new number, or another merge, was faster: look again.
            }

            if (attempt >= AttemptsMax * 10)
            {
                throw new Application.Common.VersionConflict(known.Id, named: false);
            }
        }
    }

    // False: somebody wrote to the contact's stream meanwhile.
    private async Task<bool> TryAsync(Shard shard, ChangeContactIdentity command, Row known, CancellationToken ct)
    {
        var other = await ReachedAsync(shard, command.OrganizationId, known.Later(command), ct);
        if (await ToldAsync(shard, command, known.Id, ct)
            || (other is not null && other.Id != known.Id && await ToldAsync(shard, command, other.Id, ct)))
        {
            return true;
        }

        // Unless the number was given to that one later.
        if (other is not null && other.Id != known.Id
            && !(Spellings(command.After.PhoneNumber).Contains(other.Phone) && other.PhoneSaidAt > command.SaidAt))
        {
            await merger.MergeAsync(command.OrganizationId, known.Id, other.Id, command.Source, ct);
        }

        var stream = await store.LoadAsync(command.OrganizationId, known.Id, ct);
        if (Told(stream, command))
        {
            return true;
        }

        // The stream first, then the row, as merges and consents have them; a row that is not as it was looked at is looked at again.
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var row = await RowAsync(transaction, command, known.Id, "", ct);
        var later = await FreeAsync(transaction, command, row, ct);
        var state = stream.Fold<Contact, ContactEvent>();
        var events =
            Contact.ChangeIdentity(state, row.Id, command.Source, command.Proof, await SealAsync(command, row, later, ct),
                later is { PhoneNumber: null, WaUserId: null }, command.SaidAt, clock.GetUtcNow());
        if ((await store.AppendAsync(transaction, shard, command.OrganizationId, [[new(row.Id, "contact", stream.Version, events)]],
            ct))[0].Verdict != AppendVerdict.Ok
            || await RowAsync(transaction, command, known.Id, " FOR NO KEY UPDATE", ct) != row)
        {
            return false;
        }

        await MoveAsync(transaction, command, row, later, ct);
        await suppressions.ApplyAsync(transaction, command.OrganizationId, [new(later.PhoneNumber, later.WaUserId)], ct);
        await transaction.CommitAsync(ct);
        await cache.RemoveAsync(command.OrganizationId, [.. new[] { row.Phone, later.PhoneNumber }.OfType<string>().Distinct()], ct);
        return true;
    }

    private static async Task<Row> RowAsync(TenantTransaction transaction, ChangeContactIdentity command, Guid contactId, string locking,
        CancellationToken ct) =>
        (await transaction.QueryAsync($"SELECT {Columns} FROM contacts c WHERE c.organization_id = $1 AND c.id = $2{locking}", Row.Read,
            ct, command.OrganizationId, contactId)) is [var row] ? row : throw GetContactHandler.UnknownContact();

    // A number that somebody else was given later is theirs.
    private static async Task<ContactIdentity> FreeAsync(TenantTransaction transaction, ChangeContactIdentity command, Row row,
        CancellationToken ct)
    {
        var later = row.Later(command);
        return later.PhoneNumber is { } phone
            && (await transaction.QueryAsync(
                "SELECT true FROM contacts c WHERE c.organization_id = $1 AND c.phone_number = ANY ($2) AND c.id <> $3 AND c.phone_said_at > $4", r => true, ct,
            command.OrganizationId, Spellings(phone), row.Id, command.SaidAt.UtcDateTime)).Count > 0 ? later with { PhoneNumber = null }
            : later;
    }

    // Told before, of whichever contact the person was then.
    private async Task<bool> ToldAsync(Shard shard, ChangeContactIdentity command, Guid contactId, CancellationToken ct) =>
        (await store.LoadManyAsync(command.OrganizationId, await shard.AllIdsAsync(command.OrganizationId, contactId, ct), ct,
            archivedToo: true)).Any(s => Told(s, command));

    private static bool Told(LoadedStream stream, ChangeContactIdentity command) => stream.Events.Select(e => e.Body).Any(body =>
        (body is ContactIdentityChanged c && c.Source == command.Source && c.Proof == command.Proof)
        || (body is ContactIdentityNewsOutdated o && o.Source == command.Source && o.Proof == command.Proof));

    // Whom Meta means: by user id, which is never given to another; by number, whoever had it then; by what a merged contact was known by.
    // Each a look-up of its own, so that its index is used.
    private static async Task<Row?> HolderAsync(Shard shard, ChangeContactIdentity command, CancellationToken ct)
    {
        var before = command.Before;
        if (before.WaUserId is { } user && await ByAsync(shard, command.OrganizationId, "c.wa_user_id = $2", user, ct) is { } byUser)
        {
            return byUser;
        }

        var past = await shard.FirstAsync(command.OrganizationId, """
            (SELECT x.contact_id FROM bsp.past_identities x WHERE x.organization_id = $1 AND x.wa_user_id = $3 ORDER BY x.until DESC LIMIT 1)
            UNION ALL (SELECT x.contact_id FROM bsp.past_identities x WHERE x.organization_id = $1 AND x.phone_number = ANY ($2) AND x.until >= $4 ORDER BY x.until LIMIT 1) LIMIT 1
            """, r => (Guid?)r.GetGuid(0), ct, command.OrganizationId, Spellings(before.PhoneNumber), Text(before.WaUserId), command.SaidAt.UtcDateTime);
        return (past is { } then ? await ByAsync(shard, command.OrganizationId, "c.id = $2", then, ct) : null)
            ?? await ReachedAsync(shard, command.OrganizationId, before, ct);
    }

    // The contact that is reached so today.
    private static async Task<Row?> ReachedAsync(Shard shard, Guid organizationId, ContactIdentity identity, CancellationToken ct)
    {
        var alias = await shard.FirstAsync(organizationId,
            "SELECT x.into_id FROM bsp.contact_aliases x WHERE x.organization_id = $1 AND (x.wa_user_id = $3 OR x.phone_number = ANY ($2)) LIMIT 1", r => (Guid?)r.GetGuid(0), ct,
            organizationId, Spellings(identity.PhoneNumber), Text(identity.WaUserId));
        return (identity.WaUserId is { } user ? await ByAsync(shard, organizationId, "c.wa_user_id = $2", user, ct) : null)
            ?? (identity.PhoneNumber is { } phone ? await ByAsync(shard, organizationId, "c.phone_number = $2", phone, ct)
                ?? await ByAsync(shard, organizationId, "c.phone_number = ANY ($2)", Spellings(phone), ct) : null)
            ?? (alias is { } id ? await ByAsync(shard, organizationId, "c.id = $2", id, ct) : null);
    }

    private static Task<Row?> ByAsync(Shard shard, Guid organizationId, string condition, object value, CancellationToken ct) =>
        shard.FirstAsync(organizationId, $"SELECT {Columns} FROM contacts c WHERE c.organization_id = $1 AND {condition}", Row.Read, ct,
            organizationId, value);

    // After: what becomes of the contact, or, when later news was told first and nothing does, what this news says.
    private async Task<Sealed> SealAsync(ChangeContactIdentity command, Row known, ContactIdentity later, CancellationToken ct)
    {
        var told = later is { PhoneNumber: null, WaUserId: null } ? command.After : later;
        var identity = JsonSerializer.Serialize(new
        {
            before = new { phone_number = known.Phone, wa_user_id = known.WaUserId },
            after = new { phone_number = told.PhoneNumber ?? known.Phone, wa_user_id = told.WaUserId ?? known.WaUserId },
        });
        return (await personal.SealAsync(command.OrganizationId, [(known.Id, identity)], ct))[0];
    }

    private static async Task MoveAsync(TenantTransaction transaction, ChangeContactIdentity command, Row row, ContactIdentity later,
        CancellationToken ct)
    {
        await PassAsync(transaction, command, row.Id, "phone_number", row.Phone, later.PhoneNumber, ct);
        await PassAsync(transaction, command, row.Id, "wa_user_id", row.WaUserId, later.WaUserId, ct);
        if (later is not { PhoneNumber: null, WaUserId: null })
        {
            await transaction.ExecuteAsync("""
                UPDATE contacts SET phone_number = coalesce($3, phone_number), phone_said_at = CASE WHEN $3 IS NULL THEN phone_said_at ELSE greatest(phone_said_at, $5) END,
                  wa_user_id = coalesce($4, wa_user_id), wa_user_id_said_at = CASE WHEN $4 IS NULL THEN wa_user_id_said_at ELSE greatest(wa_user_id_said_at, $5) END,
                  updated_at = now(), row_version = row_version + 1 WHERE organization_id = $1 AND id = $2
                """, ct, command.OrganizationId, row.Id, Text(later.PhoneNumber), Text(later.WaUserId), command.SaidAt.UtcDateTime);
        }
    }

    // What the person was reached by until then; the new one no longer finds them as a merged contact's.
    private static async Task PassAsync(TenantTransaction transaction, ChangeContactIdentity command, Guid contactId, string column,
        string? had, string? has, CancellationToken ct)
    {
        if (has is null)
        {
            return;
        }

        await transaction.ExecuteAsync(
            $"UPDATE bsp.contact_aliases SET {column} = NULL WHERE organization_id = $1 AND into_id = $2 AND {column} = $3", ct,
            command.OrganizationId, contactId, has);
        if (had is not null && had != has)
        {
            await transaction.ExecuteAsync(
                $"INSERT INTO bsp.past_identities (organization_id, contact_id, {column}, until) VALUES ($1, $2, $3, $4)", ct,
                command.OrganizationId, contactId, had, command.SaidAt.UtcDateTime);
        }
    }

    private static string[] Spellings(string? phone) => phone is null ? [] : [.. PhoneSpellings.Of(phone)];

    private static NpgsqlParameter Text(string? value) => ContactRows.Nullable(NpgsqlDbType.Text, value);
}
