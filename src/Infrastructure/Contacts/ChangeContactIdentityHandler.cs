using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// The event first, then the row: told again after a crash between the two, the event is there and the row follows. The old number is not kept: the network gives it to somebody else one day.
/// </summary>
public sealed class ChangeContactIdentityHandler(Shards shards, IEventStore store, IPersonalData personal, ContactMerger merger, ContactCache cache, TimeProvider clock) : IRequestHandler<ChangeContactIdentity, Guid?>
{
    private const int AttemptsMax = 10;

    private sealed record Row(Guid Id, string? Phone, string? WaUserId);

    public async Task<Guid?> Handle(ChangeContactIdentity command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        for (var attempt = 1; ; attempt++)
        {
            var known = await FindAsync(shard, command.OrganizationId, command.Before, ct);
            var other = await FindAsync(shard, command.OrganizationId, command.After, ct);
            if (known is null)
            {
                return other?.Id;
            }

            if (await OvertakenAsync(shard, command, known.Id, ct))
            {
                return known.Id;
            }

            try
            {
                if (other is not null && other.Id != known.Id)
                {
                    await merger.MergeAsync(command.OrganizationId, known.Id, other.Id, command.Source, ct);
                }

                await NoteAsync(command, known, ct);
                await MoveAsync(shard, command, known, ct);
                return known.Id;
            }
            catch (Exception e) when (attempt < AttemptsMax && e is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation } or Refusal { Code: "contact.merged" or "contact.unknown" })
            {
                // A message from the new number, or another merge, was faster: look again.
            }
        }
    }

    // It was told before, and other news since. The last one, told again, is carried on with: the row may not have followed yet.
    private async Task<bool> OvertakenAsync(Shard shard, ChangeContactIdentity command, Guid contactId, CancellationToken ct)
    {
        var streams = await store.LoadManyAsync(command.OrganizationId, await shard.AllIdsAsync(command.OrganizationId, contactId, ct), ct, archivedToo: true);
        var told = streams.SelectMany(s => s.Events).OrderBy(e => e.Sequence).Select(e => e.Body).OfType<ContactIdentityChanged>().ToList();
        return told.FindIndex(e => e.Source == command.Source && e.Proof == command.Proof) is var at && at >= 0 && at < told.Count - 1;
    }

    // By user id first, by number else, by what a merged contact was known by last; each a look-up of its own, so that its index is used.
    private static async Task<Row?> FindAsync(Shard shard, Guid organizationId, ContactIdentity identity, CancellationToken ct)
    {
        Task<Row?> ByAsync(string condition, object value) => shard.FirstAsync(organizationId, $"SELECT c.id, c.phone_number, c.wa_user_id FROM contacts c WHERE c.organization_id = $1 AND {condition}",
            r => new Row(r.GetGuid(0), r.IsDBNull(1) ? null : r.GetString(1), r.IsDBNull(2) ? null : r.GetString(2)), ct, organizationId, value);
        var alias = await shard.FirstAsync(organizationId, "SELECT x.into_id FROM bsp.contact_aliases x WHERE x.organization_id = $1 AND (x.wa_user_id = $3 OR x.phone_number = $2) LIMIT 1", r => (Guid?)r.GetGuid(0), ct,
            organizationId, Text(identity.PhoneNumber), Text(identity.WaUserId));
        return (identity.WaUserId is { } user ? await ByAsync("c.wa_user_id = $2", user) : null)
            ?? (identity.PhoneNumber is { } phone ? await ByAsync("c.phone_number = $2", phone) : null)
            ?? (alias is { } id ? await ByAsync("c.id = $2", id) : null);
    }

    private async Task NoteAsync(ChangeContactIdentity command, Row known, CancellationToken ct)
    {
        var identity = JsonSerializer.Serialize(new
        {
            before = new { phone_number = known.Phone, wa_user_id = known.WaUserId },
            after = new { phone_number = command.After.PhoneNumber ?? known.Phone, wa_user_id = command.After.WaUserId ?? known.WaUserId },
        });
        var sealedIdentity = (await personal.SealAsync(command.OrganizationId, [(known.Id, identity)], ct))[0];
        await store.Decide<Contact, ContactEvent>(command.OrganizationId, known.Id, "contact", Contact.Initial, Contact.Evolve,
            state => Contact.ChangeIdentity(state, known.Id, command.Source, command.Proof, sealedIdentity, clock.GetUtcNow()), null, ct);
    }

    private async Task MoveAsync(Shard shard, ChangeContactIdentity command, Row known, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        await transaction.ExecuteAsync("""
            UPDATE contacts SET phone_number = coalesce($3, phone_number), wa_user_id = coalesce($4, wa_user_id), updated_at = now(), row_version = row_version + 1 WHERE organization_id = $1 AND id = $2
            """, ct, command.OrganizationId, known.Id, Text(command.After.PhoneNumber), Text(command.After.WaUserId));
        await transaction.ExecuteAsync("UPDATE bsp.contact_aliases SET phone_number = NULL WHERE organization_id = $1 AND into_id = $2 AND phone_number = $3", ct, command.OrganizationId, known.Id, Text(command.After.PhoneNumber));
        await transaction.ExecuteAsync("UPDATE bsp.contact_aliases SET wa_user_id = NULL WHERE organization_id = $1 AND into_id = $2 AND wa_user_id = $3", ct, command.OrganizationId, known.Id, Text(command.After.WaUserId));
        await transaction.CommitAsync(ct);
        await cache.RemoveAsync(command.OrganizationId, [.. new[] { known.Phone, command.After.PhoneNumber }.OfType<string>().Distinct()], ct);
    }

    private static NpgsqlParameter Text(string? value) => ContactRows.Nullable(NpgsqlDbType.Text, value);
}
